package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Clause;
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
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PROGRAM", arity = "0..*", description = "programs to describe")
  private List<String> names = List.of();

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    if (names.isEmpty()) {
      for (ProgramSpec program : ProgramCatalog.all()) {
        out.printf(
            "%-19s %-17s %-3s %-10s %s%n",
            program.name(),
            program.grammar().placeholder(),
            program.layer().map(Enum::name).orElse("-"),
            program.chainable() ? "chainable" : "alone",
            program.summary());
      }
    }
    for (String name : names) {
      ProgramSpec program = SubjectOptions.program(name);
      out.printf("%s %s: %s%n", program.name(), program.grammar().placeholder(), program.summary());
      int number = 1;
      for (Clause clause : program.decisions().clauses()) {
        out.printf(
            "  %2d %-6s %-22s %s%n",
            number++, clause.action().word(), clause.name(), clause.guard());
      }
    }
    out.flush();
    return ExitStatus.DONE;
  }
}
