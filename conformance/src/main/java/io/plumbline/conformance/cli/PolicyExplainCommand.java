package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.PolicyOptions;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.DecisionDag;
import io.plumbline.model.policy.Explanation;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.policy.StrictRow;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb policy explain}: every stage from the text to the bytes. */
@Command(
    name = "explain",
    description = "Say what a policy means, and what it is compiled to.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb policy explain --allow arp --allow tcp/10.0.0.1:443 --forbid tcp/10.0.0.1:22",
      "  plumb policy explain --policy policy.yaml --as dot | dot -Tsvg > policy.svg"
    })
final class PolicyExplainCommand implements Callable<Integer> {
  /** What is shown. */
  enum View {
    INTENT,
    DAG,
    DOT,
    RULES,
    CLAUSES,
    ROWS,
    BYTES
  }

  @Spec private CommandSpec spec;
  @Mixin private PolicyOptions options = new PolicyOptions();

  @Option(
      names = "--as",
      paramLabel = "VIEW",
      defaultValue = "INTENT",
      description =
          "intent (words), dag (text), dot (Graphviz), rules (normalised), clauses (decision list), rows (strict table), bytes (kernel tables)")
  private View view = View.INTENT;

  @Override
  public Integer call() throws CommandException {
    if (!options.given()) {
      throw new CommandException(
          ExitStatus.USAGE, "policy explain: expected --policy, --allow or --forbid");
    }
    Policy policy = options.policy(spec.commandLine().getErr(), Hook.usual());
    PrintWriter out = spec.commandLine().getOut();
    try {
      out.print(text(policy));
    } catch (PolicyException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    out.flush();
    return ExitStatus.DONE;
  }

  private String text(Policy policy) throws PolicyException {
    StringBuilder text = new StringBuilder();
    switch (view) {
      case INTENT -> {
        text.append(
            Explanation.of(options.strict() ? "traffico" : "plumb", policy, Optional.empty()));
        if (options.strict()) {
          StrictIntent.dryRun(policy, options.direction())
              .forEach(line -> text.append(line).append('\n'));
        }
      }
      case DAG -> text.append(DecisionDag.of(policy).text());
      case DOT -> text.append(DecisionDag.of(policy).dot());
      case RULES -> policy.rules().forEach(rule -> text.append(line(rule)));
      case CLAUSES -> {
        int number = 1;
        for (Clause clause : Intent.decisions(policy, Hook.usual()).clauses()) {
          text.append(
              "%4d %-6s %-24s %s%n"
                  .formatted(number++, clause.action().word(), clause.name(), clause.guard()));
        }
      }
      case ROWS -> {
        if (!options.strict()) {
          throw new PolicyException(
              io.plumbline.model.policy.Position.option("--as"),
              "rows: expected --strict beside it: other policies have no table of rows");
        }
        StrictRow.of(policy).forEach(row -> text.append(row).append(System.lineSeparator()));
      }
      case BYTES -> text.append(PolicyImage.of(policy).text());
    }
    return text.toString();
  }

  private static String line(Rule rule) {
    String name = rule.name().isEmpty() ? "" : " \"" + rule.name() + "\"";
    String comment = rule.comment().isEmpty() ? "" : "  # " + rule.comment();
    return "%s%s (%s)%s%n".formatted(rule, name, rule.position(), comment);
  }
}
