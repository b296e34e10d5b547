package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.program.ProgramSpec;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb programs}: the catalog. */
@Command(
    name = "programs",
    description = "List the filter programs; with a name, its decision list.",
    mixinStandardHelpOptions = true,
    footer = {"", "Examples:", "  plumb programs", "  plumb programs allow_port"})
final class ProgramsCommand implements Callable<Integer> {
  private static final String POLICY = "POLICY";

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PROGRAM", arity = "0..*", description = "programs to describe")
  private List<String> names = List.of();

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    if (names.isEmpty()) {
      for (ProgramSpec program : ProgramCatalog.all()) {
        row(
            program.name(),
            program.grammar().placeholder(),
            program.layer().map(Enum::name).orElse("-"),
            program.chainable() ? "chainable" : "alone",
            program.summary());
      }
      row(Intent.NAME, POLICY, "-", "alone", Intent.SUMMARY);
    }
    for (String name : names) {
      if (name.equals(Intent.NAME)) {
        describe(name, POLICY, Intent.SUMMARY, Intent.classification());
        out.println("     then the rules of the policy: plumb policy explain --as clauses");
      } else {
        ProgramSpec program = SubjectOptions.program(name, List.of(Intent.NAME));
        describe(
            program.name(),
            program.grammar().placeholder(),
            program.summary(),
            program.decisions().clauses());
      }
    }
    out.flush();
    return ExitStatus.DONE;
  }

  private void row(String name, String input, String layer, String chainable, String summary) {
    spec.commandLine()
        .getOut()
        .printf("%-19s %-17s %-3s %-10s %s%n", name, input, layer, chainable, summary);
  }

  private void describe(String name, String input, String summary, List<Clause> clauses) {
    PrintWriter out = spec.commandLine().getOut();
    out.println("%s %s".formatted(name, input).strip() + ": " + summary);
    int number = 1;
    for (Clause clause : clauses) {
      out.printf(
          "  %2d %-6s %-24s %s%n", number++, clause.action().word(), clause.name(), clause.guard());
    }
  }
}
