package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.PolicyOptions;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyDiff;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.FlowDiagram;
import io.plumbline.model.ruleset.FlowRegion;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb policy diff}: what one policy allows and another drops. */
@Command(
    name = "diff",
    description =
        "Say what policy A allows and B drops, and the reverse: exactly, for all packets.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:the policies decide alike",
      "1:they differ, or an engine does not confirm an example",
      "3:an engine fails"
    },
    sortOptions = false,
    footer = {"", "Example:", "  plumb policy diff old.yaml new.yaml"})
final class PolicyDiffCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "A", description = "a policy file")
  private Path first;

  @Parameters(index = "1", paramLabel = "B", description = "the policy file to compare it with")
  private Path second;

  @Option(
      names = "--at",
      paramLabel = "ingress|egress",
      description = "direction, which is a section of the files (default: egress, or the only one)")
  private @Nullable Direction direction;

  @Option(names = "--resolve", description = "resolve host names in the policies now")
  private boolean resolve;

  @Option(
      names = "--most",
      paramLabel = "N",
      defaultValue = "20",
      description = "selectors shown of each difference (default: ${DEFAULT-VALUE})")
  private int most;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report, with every selector (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    Arguments.requireAtLeast(1, "--most", most);
    Optional<PolicyBuilder.Resolver> resolver = SubjectOptions.resolver(resolve);
    Optional<Direction> wanted = Optional.ofNullable(direction);
    // Reading takes as long as comparing does: the two files are read side by side.
    FutureTask<Policy> reading =
        new FutureTask<>(
            () -> {
              Policy policy = PolicyOptions.ofFile(second, wanted, resolver);
              policy.index();
              return policy;
            });
    new Thread(reading, "second policy").start();
    Policy a = PolicyOptions.ofFile(first, wanted, resolver);
    a.index();
    Policy b = await(reading);
    PolicyDiff diff;
    try {
      diff = PolicyDiff.of(a, b, json == null ? most : Integer.MAX_VALUE);
    } catch (FlowDiagram.TooLargeException e) {
      throw new CommandException(ExitStatus.USAGE, "policy diff: " + e.getMessage());
    }
    List<PolicyDiff.Difference> onlyA = diff.onlyFirst();
    List<PolicyDiff.Difference> onlyB = diff.onlySecond();
    Confirmation confirmation = new Confirmation();
    claim(confirmation, a, b, onlyA);
    claim(confirmation, b, a, onlyB);
    confirmation.run();
    PrintWriter out = spec.commandLine().getOut();
    boolean same = onlyA.isEmpty() && onlyB.isEmpty();
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("a", first.toString());
      report.put("b", second.toString());
      report.put("same", same);
      report.put("allowedOnlyByA", onlyA.stream().map(PolicyDiffCommand::toMap).toList());
      report.put("allowedOnlyByB", onlyB.stream().map(PolicyDiffCommand::toMap).toList());
      report.put("examples", confirmation.toMap());
      Options.writeJson(json, report, out);
    }
    if (!"-".equals(json)) {
      print(out, first, second, onlyA);
      print(out, second, first, onlyB);
      out.println(same ? "the policies decide alike" : confirmation.summary());
    }
    out.flush();
    return same ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private static Policy await(FutureTask<Policy> reading) throws CommandException {
    try {
      return reading.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CommandException known) {
        throw known;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(ExitStatus.UNAVAILABLE, "policy diff: interrupted");
    }
  }

  private static void claim(
      Confirmation confirmation,
      Policy allows,
      Policy drops,
      List<PolicyDiff.Difference> differences) {
    for (PolicyDiff.Difference difference : differences) {
      confirmation.claim(allows, difference.example(), difference.allowedByIndex());
      confirmation.claim(drops, difference.example(), difference.droppedByIndex());
    }
  }

  private void print(
      PrintWriter out, Path allows, Path drops, List<PolicyDiff.Difference> differences) {
    if (differences.isEmpty()) {
      return;
    }
    out.println(Colour.HEAD.of("%s allows and %s drops:".formatted(allows, drops)));
    for (PolicyDiff.Difference difference : differences) {
      Rule allowedBy = difference.allowedBy();
      out.println(
          "  "
              + allowedBy
              + " ("
              + allowedBy.position()
              + "); there: "
              + droppedBy(difference.droppedBy()));
      for (FlowRegion region :
          difference.regions().subList(0, Math.min(most, difference.regions().size()))) {
        out.println("    " + region);
      }
      if (difference.count() > most) {
        out.println("    and " + (difference.count() - most) + " more");
      }
      out.println("    example: " + difference.example());
    }
  }

  private static String droppedBy(Optional<Rule> rule) {
    return rule.map(r -> r + " (" + r.position() + ")").orElse("no permit matches");
  }

  private static Map<String, Object> toMap(PolicyDiff.Difference difference) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("allowedBy", difference.allowedBy().toString());
    map.put("position", difference.allowedBy().position().toString());
    map.put("droppedBy", droppedBy(difference.droppedBy()));
    List<String> selectors = new ArrayList<>();
    difference.regions().forEach(region -> selectors.add(region.toString()));
    map.put("selectors", selectors);
    map.put("count", difference.count());
    map.put("example", difference.example().toString());
    return map;
  }
}
