package io.plumbline.loader.traffico;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.process.CommandProcess;
import io.plumbline.loader.process.SafeWriter;
import io.plumbline.loader.process.Stop;
import io.plumbline.loader.traffico.Arguments.Option;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Explanation;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.ruleset.Effect;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A drop-in for {@code traffico}: attaches a program, a chain or an intent, and takes it off again
 * when it is told to end.
 */
public final class Traffico {
  private static final int FAILED = 1;
  private static final long SECOND_MILLIS = 1000;
  private static final String INTENT_OPTIONS = "--allow/--permit/--forbid/--block";

  /** What the command was called as; changed by {@code --program-name}, as argp does it. */
  private String typed;

  private String tool;
  private final PrintStream out;
  private final PrintStream err;

  private boolean verbose;
  private boolean cleanup = true;
  private boolean dryRun;
  private boolean explain;
  private boolean permits;
  private boolean forbids;
  private @Nullable String chain;
  private @Nullable Link link;
  private Direction direction = Direction.EGRESS;
  private final StrictIntent intent = new StrictIntent();
  private final List<String> positional = new ArrayList<>();

  private Traffico(String typed, PrintStream out, PrintStream err) {
    this.typed = typed;
    this.tool = typed.substring(typed.lastIndexOf('/') + 1);
    this.out = out;
    this.err = err;
  }

  /** Runs it and ends the process. */
  public static void main(String[] args) {
    // Signals are blocked from the start, so one that comes before they are read is not lost. What
    // takes one argument, such
    // as --version, has nothing to undo and starts faster without.
    CommandProcess.begin("traffico", args.length > 1);
    PrintStream out = unbuffered(FileDescriptor.out);
    PrintStream err = unbuffered(FileDescriptor.err);
    Stop.exit(run(System.getProperty("plumb.typed", "traffico"), List.of(args), out, err));
  }

  private static PrintStream unbuffered(FileDescriptor fd) {
    return new PrintStream(new FileOutputStream(fd), true, StandardCharsets.UTF_8);
  }

  /**
   * Runs it and returns its exit status.
   *
   * @param typed the command as it was typed, with or without a path
   */
  public static int run(String typed, List<String> args, PrintStream out, PrintStream err) {
    Traffico traffico = new Traffico(typed, out, err);
    try {
      Optional<Integer> status = traffico.parse(args);
      return status.isPresent() ? status.get() : traffico.run();
    } catch (UsageException e) {
      String tool = traffico.tool;
      err.printf(
          "%s: %s%n",
          e.fromGetopt() ? traffico.typed : tool, SafeWriter.safe(String.valueOf(e.getMessage())));
      err.printf("Try `%s --help' or `%s --usage' for more information.%n", tool, tool);
      return FAILED;
    } catch (AttachException e) {
      err.printf("%s: %s%n", traffico.tool, SafeWriter.safe(String.valueOf(e.getMessage())));
      return e.errno() == 0 ? FAILED : e.errno();
    }
  }

  /** Reads the arguments; returns an exit status if they asked for nothing more than help. */
  private Optional<Integer> parse(List<String> args) throws UsageException, AttachException {
    List<Option> asked = new ArrayList<>();
    Arguments.visit(
        args,
        Options.ALL,
        new Arguments.Visitor() {
          @Override
          public boolean option(Option option, Optional<String> value) throws UsageException {
            if (List.of("help", "usage", "version").contains(option.name())) {
              asked.add(option);
              return false;
            }
            take(option.name(), value);
            return true;
          }

          @Override
          public void argument(String text) throws UsageException {
            if (positional.size() == 2) {
              throw new UsageException("too many arguments");
            }
            positional.add(text);
          }
        });
    if (asked.isEmpty()) {
      return Optional.empty();
    }
    if (asked.get(0).name().equals("version")) {
      out.print("traffico 0.0\n");
      return Optional.of(0);
    }
    HelpFormat format =
        HelpFormat.parse(Optional.ofNullable(System.getenv("ARGP_HELP_FMT")).orElse(""));
    format.problems().forEach(problem -> err.printf("%s: %s%n", tool, problem));
    out.print(
        asked.get(0).name().equals("help")
            ? Help.help(tool, Options.ALL, format)
            : Help.usage(tool, Options.ALL, format));
    return Optional.of(0);
  }

  /** Changes the name in messages. */
  private void rename(String name) {
    typed = name;
    tool = name.substring(name.lastIndexOf('/') + 1);
  }

  /** Waits a second at a time, for a debugger: argp's hidden option. */
  private static void hang(String seconds) {
    try {
      for (int left = seconds.matches("[0-9]{1,9}") ? Integer.parseInt(seconds) : 0;
          left > 0;
          left--) {
        Thread.sleep(SECOND_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void take(String name, Optional<String> optional) throws UsageException {
    String value = optional.orElse("");
    switch (name) {
      case "ifname" -> link = interfaceNamed(value);
      case "at" -> direction = direction(value);
      case "no-cleanup" -> cleanup = false;
      case "chain" -> chain = value;
      case "dry-run" -> dryRun = true;
      case "program-name" -> rename(value);
      case "HANG" -> hang(optional.orElse("3600"));
      case "verbose" -> verbose = true;
      case "explain" -> {
        if (optional.isPresent() && !value.equals("intent")) {
          throw new UsageException("unsupported --explain mode: '%s'".formatted(value));
        }
        explain = true;
      }
      case "allow", "permit" -> {
        permits = true;
        add(Effect.ACCEPT, value);
      }
      default -> {
        forbids = true;
        add(Effect.DROP, value);
      }
    }
  }

  private static Link interfaceNamed(String name) throws UsageException {
    try (Attacher attacher = new Attacher()) {
      // As if_nametoindex does it: the kernel ignores what was once an alias (netdevice(7)).
      int alias = name.indexOf(':');
      return attacher
          .linkNamed(alias < 0 ? name : name.substring(0, alias))
          .orElseThrow(
              () ->
                  new UsageException(
                      "option '--ifname' requires an existing interface: got '%s'%n"
                          .formatted(name)));
    } catch (AttachException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  private static Direction direction(String value) throws UsageException {
    String lower = value.toLowerCase(Locale.ROOT);
    if (lower.startsWith("egress")) {
      return Direction.EGRESS;
    }
    if (lower.startsWith("ingress")) {
      return Direction.INGRESS;
    }
    throw new UsageException("option '--at' requires one of the following values: INGRESS|EGRESS");
  }

  private void add(Effect effect, String selector) throws UsageException {
    try {
      intent.add(effect, selector);
    } catch (PolicyException e) {
      throw new UsageException(e.problem());
    }
  }

  /** Checks what the options say together, in traffico's order, and does it. */
  private int run() throws UsageException, AttachException {
    if (permits || forbids) {
      if (chain != null) {
        throw new UsageException(INTENT_OPTIONS + " and --chain are mutually exclusive");
      }
      if (!positional.isEmpty()) {
        throw new UsageException(
            INTENT_OPTIONS + " and positional PROGRAM arguments are mutually exclusive");
      }
      if (!permits) {
        throw new UsageException("--forbid/--block requires at least one --allow/--permit");
      }
      return runIntent();
    }
    if (dryRun) {
      throw new UsageException(
          "--dry-run currently requires --allow, --permit, --forbid, or --block");
    }
    if (explain) {
      throw new UsageException(
          "--explain currently requires --allow, --permit, --forbid, or --block");
    }
    if (chain == null && positional.isEmpty()) {
      throw new UsageException("program name is mandatory");
    }
    Optional<ProgramSpec> program = Optional.empty();
    if (!positional.isEmpty()) {
      String name = positional.get(0);
      program = ProgramCatalog.find(name);
      if (program.isEmpty()) {
        throw new UsageException("argument '%s' is not a traffico program".formatted(name));
      }
      if (chain != null) {
        throw new UsageException("--chain and positional PROGRAM arguments are mutually exclusive");
      }
    }
    Link where = interfaceOrDefault();
    return new Session(tool, out, verbose, cleanup)
        .run(where, direction, program.isPresent() ? standalone(program.get()) : chained());
  }

  private Subject standalone(ProgramSpec program) throws UsageException {
    if (positional.size() < 2) {
      if (program.grammar() == InputGrammar.NONE) {
        return new Subject.Standalone(program, new Input.None());
      }
      throw new UsageException("program '%s' requires an input argument".formatted(program.name()));
    }
    String input = positional.get(1);
    try {
      return new Subject.Standalone(program, program.grammar().parse(input));
    } catch (InputException e) {
      throw new UsageException("%s: '%s'".formatted(e.getMessage(), input));
    }
  }

  private Subject chained() throws UsageException {
    try {
      return new Subject.Chained(ChainSyntax.parse(chain == null ? "" : chain));
    } catch (InputException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  private int runIntent() throws UsageException, AttachException {
    Link where = dryRun ? link : interfaceOrDefault();
    Policy policy;
    try {
      policy = intent.build(direction);
    } catch (PolicyException e) {
      throw new UsageException(e.problem());
    }
    if (explain) {
      out.print(
          SafeWriter.safe(
              Explanation.of("traffico", policy, Optional.ofNullable(where).map(Link::name))));
      out.flush();
    }
    String problem = StrictIntent.compile(policy, direction);
    if (!problem.isEmpty()) {
      // Whatever the command is called, this line begins with traffico.
      err.printf("traffico: intent %s: %s%n", dryRun ? "dry-run" : "attach", problem);
      return FAILED;
    }
    if (dryRun) {
      out.print("intent dry-run: compiler ok\nintent backend: bpf admissible\n");
      return 0;
    }
    return new Session(tool, out, verbose, cleanup)
        .run(interfaceOrDefault(), direction, new Subject.Intent(policy));
  }

  private Link interfaceOrDefault() throws UsageException, AttachException {
    Link given = link;
    if (given != null) {
      return given;
    }
    String name = defaultInterface();
    try (Attacher attacher = new Attacher()) {
      Optional<Link> found = attacher.linkNamed(name);
      if (found.isEmpty()) {
        throw new UsageException("could not get the default gateway interface%n".formatted());
      }
      link = found.get();
      return found.get();
    }
  }

  /** Returns the interface of the first IPv4 route to everywhere; empty if there is none. */
  private static String defaultInterface() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/thread-self/net/route"))) {
        String[] fields = line.split("\t", -1);
        if (fields.length > 1 && fields[1].equals("00000000")) {
          return fields[0];
        }
      }
    } catch (IOException e) {
      // Then there is none.
    }
    return "";
  }
}
