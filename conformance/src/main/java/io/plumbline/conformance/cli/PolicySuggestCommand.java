package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.CutCaptureException;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicySuggestion;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.SelectorParser;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.pcaps.CaptureException;
import io.plumbline.pcaps.CaptureReader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb policy suggest}: a policy for a person to edit, made from a capture. */
@Command(
    name = "suggest",
    description = "Print the smallest policy that permits the flows of a capture.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb policy suggest capture.pcap --local 192.0.2.10",
      "  plumb policy suggest capture.pcap --local 192.0.2.0/24 --prefix 24 > policy.yaml"
    })
final class PolicySuggestCommand implements Callable<Integer> {
  private static final int CHUNK = 4096;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "CAPTURE",
      description = "pcap or pcapng, also gzip or zstd (- for standard input)")
  private Path capture;

  @Option(
      names = "--local",
      paramLabel = "PREFIX",
      description =
          "the host's own addresses (repeatable): only packets from them (at ingress: to them) count")
  private List<String> local = List.of();

  @Option(
      names = "--at",
      paramLabel = "ingress|egress",
      defaultValue = "EGRESS",
      description = "direction of the policy (default: egress)")
  private Direction direction = Direction.EGRESS;

  @Option(
      names = "--prefix",
      paramLabel = "LEN",
      defaultValue = "32",
      description = "widen IPv4 destinations to prefixes of this length")
  private int prefix;

  @Option(
      names = "--prefix6",
      paramLabel = "LEN",
      defaultValue = "128",
      description = "widen IPv6 destinations to prefixes of this length")
  private int prefix6;

  @Option(names = "--no-groups", description = "one rule for each destination, no groups")
  private boolean noGroups;

  @Override
  public Integer call() throws CommandException {
    length("--prefix", prefix, Family.IPV4);
    length("--prefix6", prefix6, Family.IPV6);
    List<Prefix> own = own();
    PolicySuggestion suggestion = new PolicySuggestion(prefix, prefix6, !noGroups);
    // Which rules there are does not matter: only the fields are read.
    IntentDecider decider =
        new IntentDecider(new Policy("", direction, List.of(), Map.of()), Hook.usual());
    PacketView view = new PacketView();
    long packets = 0;
    long taken = 0;
    long ofHosts = 0;
    long ofLocal = 0;
    String refused;
    try (CaptureReader reader = CaptureReader.open(capture)) {
      PacketBatch batch = new PacketBatch(CHUNK, CHUNK * 256);
      boolean more = true;
      while (more) {
        batch.clear();
        more = reader.read(batch, CHUNK);
        for (int i = 0; i < batch.size(); i++) {
          packets++;
          view.show(batch, i);
          Optional<Flow> flow = flow(decider, view);
          Optional<Flow> counted = flow.filter(f -> counts(f, own));
          counted.ifPresent(suggestion::add);
          taken += counted.isPresent() ? 1 : 0;
          ofHosts += flow.filter(PolicySuggestCommand::isIp).isPresent() ? 1 : 0;
          ofLocal += counted.filter(PolicySuggestCommand::isIp).isPresent() ? 1 : 0;
        }
      }
      refused = reader.refused();
    } catch (CaptureException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    if (packets == 0 && !refused.isEmpty()) {
      throw new CommandException(ExitStatus.USAGE, refused);
    }
    if (ofHosts > 0 && ofLocal == 0) {
      PrintWriter err = spec.commandLine().getErr();
      err.printf(
          "plumb: warning: --local: none of %d IP packets of %s is %s %s: expected addresses of the host that made the capture%n",
          ofHosts, capture, direction == Direction.EGRESS ? "from" : "to", own);
      err.flush();
    }
    PrintWriter out = spec.commandLine().getOut();
    String comment =
        "Suggested from %s: %d of %d packets; to be read before it is used."
            .formatted(capture.getFileName(), taken, packets);
    out.print(suggestion.yaml(direction, comment));
    out.flush();
    if (!refused.isEmpty()) {
      throw new CommandException(
          ExitStatus.USAGE, refused + ": the suggestion is from the other packets");
    }
    return ExitStatus.DONE;
  }

  private static Optional<Flow> flow(IntentDecider decider, PacketView view) {
    try {
      return decider.flow(view);
    } catch (CutCaptureException e) {
      return Optional.empty();
    }
  }

  private static boolean isIp(Flow flow) {
    return IntentFields.flowClass(flow).family().isPresent();
  }

  private boolean counts(Flow flow, List<Prefix> own) {
    if (own.isEmpty() || IntentFields.flowClass(flow).family().isEmpty()) {
      return true;
    }
    boolean out = direction == Direction.EGRESS;
    Field field = out ? IntentFields.SOURCE : IntentFields.DESTINATION;
    long hi = flow.get(field);
    long lo = flow.lower(field);
    Family family = IntentFields.flowClass(flow).family().get();
    return own.stream().anyMatch(p -> p.family() == family && p.contains(hi, lo));
  }

  private List<Prefix> own() throws CommandException {
    List<Prefix> own = new ArrayList<>();
    for (String text : local) {
      try {
        Position place = Position.option("--local");
        Selector.Host host =
            SelectorParser.parseHost(
                text.contains(":") && !text.startsWith("[") ? "[" + text + "]" : text, place);
        if (!(host instanceof Selector.Host.Net net)) {
          throw new PolicyException(place, "'%s': expected an address or prefix".formatted(text));
        }
        own.add(net.prefix());
      } catch (PolicyException e) {
        throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
      }
    }
    return own;
  }

  private static void length(String option, int value, Family family) throws CommandException {
    if (value < 0 || value > family.bits()) {
      throw new CommandException(
          ExitStatus.USAGE, "%s: %d: expected 0..%d".formatted(option, value, family.bits()));
    }
  }
}
