package io.plumbline.loader.cli;

import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.ruleset.Effect;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A policy by options or by file. */
public final class PolicyOptions {
  @Option(
      names = {"--allow", "--permit"},
      paramLabel = "SELECTOR",
      description =
          "permit this traffic (repeatable): arp, dns/10.0.0.53, tcp/10.0.0.0/8:443,"
              + " udp/[2001:db8::1]:8000-8100 from 10.1.0.0/16, ...")
  private List<String> permits = List.of();

  @Option(
      names = {"--forbid", "--block"},
      paramLabel = "SELECTOR",
      description = "forbid this traffic, whatever permits say (repeatable)")
  private List<String> forbids = List.of();

  @Option(
      names = "--policy",
      paramLabel = "FILE",
      description = "policy file (YAML), instead of --allow and --forbid")
  private @Nullable Path file;

  @Option(
      names = "--at",
      paramLabel = "ingress|egress",
      description =
          "direction of the packets (default: ingress at XDP; else that of the object, or of the"
              + " file's only section; else egress)")
  private @Nullable Direction direction;

  @Option(
      names = "--resolve",
      description = "resolve host names in the policy now, and print the addresses")
  private boolean resolve;

  @Option(
      names = "--strict",
      description = "accept only what traffico's selectors and limits allow")
  private boolean strict;

  /** Returns whether any of them was used. */
  public boolean given() {
    return file != null || !permits.isEmpty() || !forbids.isEmpty();
  }

  /** Returns whether only traffico's language is accepted. */
  public boolean strict() {
    return strict;
  }

  /** Returns the file, if there is one. */
  public Optional<Path> file() {
    return Optional.ofNullable(file);
  }

  /** Returns which way packets go. */
  public Direction direction() {
    return direction(Direction.EGRESS);
  }

  /** Returns which way packets go, with a default of the caller's. */
  public Direction direction(Direction otherwise) {
    return direction == null ? otherwise : direction;
  }

  /**
   * Returns the policy; names that were resolved, and a section that is not used, are printed on
   * the error stream.
   *
   * @param hook where it is to run
   */
  public Policy policy(PrintWriter err, Hook hook) throws CommandException {
    Policy policy = read(hook, err);
    policy
        .resolutions()
        .forEach((name, prefixes) -> err.printf("plumb: resolved %s: %s%n", name, prefixes));
    err.flush();
    return policy;
  }

  private Policy read(Hook hook, PrintWriter err) throws CommandException {
    Optional<Direction> wanted =
        direction == null && hook.arriving()
            ? Optional.of(Direction.INGRESS)
            : Optional.ofNullable(direction);
    if (file != null) {
      if (!permits.isEmpty() || !forbids.isEmpty() || strict) {
        throw new CommandException(
            ExitStatus.USAGE, "--policy: expected no --allow, --forbid or --strict beside it");
      }
      return read(file, wanted, hook, err);
    }
    try {
      return strict ? strictPolicy() : extendedPolicy(wanted.orElse(Direction.EGRESS));
    } catch (PolicyException e) {
      throw new CommandException(
          ExitStatus.USAGE, strict ? e.problem() : String.valueOf(e.getMessage()));
    }
  }

  private Policy strictPolicy() throws PolicyException {
    StrictIntent intent = new StrictIntent();
    for (String permit : permits) {
      intent.add(Effect.ACCEPT, permit);
    }
    for (String forbid : forbids) {
      intent.add(Effect.DROP, forbid);
    }
    return intent.build();
  }

  private Policy extendedPolicy(Direction used) throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", used, SubjectOptions.resolver(resolve));
    for (String permit : permits) {
      builder.rule(Effect.ACCEPT, permit, Position.option("--allow"));
    }
    for (String forbid : forbids) {
      builder.rule(Effect.DROP, forbid, Position.option("--forbid"));
    }
    return builder.build();
  }

  private Policy read(Path path, Optional<Direction> wanted, Hook hook, PrintWriter err)
      throws CommandException {
    PolicyFile read = open(path);
    Set<Direction> sections = read.directions();
    boolean readable = read.errors().isEmpty() && !sections.isEmpty();
    if (direction == null && hook.arriving() && readable && !sections.contains(Direction.INGRESS)) {
      throw new CommandException(
          ExitStatus.USAGE,
          "%s: no section ingress: expected one: at %s there are only packets that arrive"
              .formatted(path, hook.name()));
    }
    Policy policy = policy(read, wanted, SubjectOptions.resolver(resolve));
    if (direction == null && sections.size() > 1) {
      String other =
          (policy.direction() == Direction.EGRESS ? Direction.INGRESS : Direction.EGRESS).word();
      err.printf(
          "plumb: note: %s: section %s: not used: --at %s is for that one%n", path, other, other);
      err.flush();
    }
    return policy;
  }

  /** Reads a file without an error. */
  public static Policy ofFile(
      Path path, Optional<Direction> wanted, Optional<PolicyBuilder.Resolver> resolver)
      throws CommandException {
    return policy(open(path), wanted, resolver);
  }

  private static PolicyFile open(Path path) throws CommandException {
    try {
      return PolicyFile.read(path);
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
  }

  private static Policy policy(
      PolicyFile read, Optional<Direction> wanted, Optional<PolicyBuilder.Resolver> resolver)
      throws CommandException {
    Policy policy = read.policy(direction(read.directions(), wanted), resolver);
    List<PolicyException> errors = read.errors();
    if (!errors.isEmpty()) {
      String more = errors.size() == 1 ? "" : " (and %d more)".formatted(errors.size() - 1);
      throw new CommandException(ExitStatus.USAGE, errors.get(0).getMessage() + more);
    }
    return policy;
  }

  /** Returns the section to take: the one wanted, else egress if it is there. */
  private static Direction direction(Set<Direction> there, Optional<Direction> wanted) {
    return wanted.orElse(
        there.isEmpty() || there.contains(Direction.EGRESS) ? Direction.EGRESS : Direction.INGRESS);
  }
}
