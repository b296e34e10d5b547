package io.plumbline.conformance.cli;

import io.plumbline.conformance.mutate.BytecodeMutants;
import io.plumbline.conformance.mutate.ModelMutants;
import io.plumbline.conformance.mutate.Mutation;
import io.plumbline.conformance.mutate.Mutation.Fate;
import io.plumbline.conformance.mutate.Mutation.Judged;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.program.ProgramSpec;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb mutate}: is the harness worth its word? */
@Command(
    name = "mutate",
    description = {
      "Change a program's bytecode and its model in one place at a time, and see whether verifying",
      "notices; what it does not notice is proved to be the same, or listed."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb mutate block_port",
      "  plumb mutate intent --every 20",
      "",
      "Exit status: 0 if at least 95 % were killed or proved equivalent."
    })
final class MutateCommand implements Callable<Integer> {
  private static final int LEAST_PERCENT = 95;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PROGRAM", arity = "1..*", description = "programs; also: intent")
  private List<String> programs = List.of();

  @Option(
      names = "--every",
      paramLabel = "N",
      defaultValue = "1",
      description = "judge one mutant in so many (default: ${DEFAULT-VALUE})")
  private int every;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    if (every < 1) {
      throw new CommandException(ExitStatus.USAGE, "--every: " + every + ": expected 1 or more");
    }
    PrintWriter out =
        "-".equals(json)
            ? new PrintWriter(java.io.Writer.nullWriter())
            : spec.commandLine().getOut();
    List<Object> list = new ArrayList<>();
    boolean enough = true;
    for (String name : programs) {
      enough &= print(out, name, "bytecode", bytecode(name), list);
      if (!name.equals(Intent.NAME)) {
        enough &= print(out, name, "model", model(name), list);
      }
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("mutants", list);
      Options.writeJson(json, report, spec.commandLine().getOut());
    }
    return enough ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private List<Judged> bytecode(String name) throws CommandException, EngineException {
    boolean intent = name.equals(Intent.NAME);
    List<Judged> judged = new ArrayList<>();
    try {
      List<BytecodeMutants.Mutant> mutants =
          BytecodeMutants.of(ObjectSource.builtIn().object(name(name)), name);
      Mutation mutation = new Mutation();
      for (int i = 0; i < mutants.size(); i += every) {
        judged.add(
            intent
                ? mutation.judgeIntent(mutants.get(i))
                : mutation.judge(SubjectOptions.program(name), mutants.get(i)));
      }
    } catch (ObjectException e) {
      throw new CommandException(ExitStatus.USAGE, name + ": " + e.getMessage());
    }
    return judged;
  }

  private static String name(String name) throws CommandException {
    return name.equals(Intent.NAME) ? name : SubjectOptions.program(name).name();
  }

  private List<Judged> model(String name) throws CommandException, EngineException {
    ProgramSpec program = SubjectOptions.program(name);
    List<ModelMutants.Mutant> mutants = ModelMutants.of(program);
    Mutation mutation = new Mutation();
    List<Judged> judged = new ArrayList<>();
    for (int i = 0; i < mutants.size(); i += every) {
      judged.add(mutation.judge(mutants.get(i)));
    }
    return judged;
  }

  private static boolean print(
      PrintWriter out, String name, String kind, List<Judged> all, List<Object> list) {
    Map<Fate, Long> counts = new LinkedHashMap<>();
    double slowest = 0;
    for (Judged one : all) {
      counts.merge(one.fate(), 1L, Long::sum);
      slowest = Math.max(slowest, one.seconds());
      if (one.fate() == Fate.SURVIVED) {
        out.printf("survived: %s %s: %s: %s%n", name, kind, one.what(), one.how());
      }
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("program", name);
      entry.put("kind", kind);
      entry.put("what", one.what());
      entry.put("fate", one.fate().name().toLowerCase(Locale.ROOT));
      entry.put("how", one.how());
      entry.put("seconds", one.seconds());
      list.add(entry);
    }
    long survived = counts.getOrDefault(Fate.SURVIVED, 0L);
    double percent = all.isEmpty() ? 100 : 100.0 * (all.size() - survived) / all.size();
    out.printf(
        "%-20s %-8s %4d mutants: %4d killed, %3d proved equivalent, %3d survived: %.1f %%, slowest %.1f s%n",
        name,
        kind,
        all.size(),
        counts.getOrDefault(Fate.KILLED, 0L),
        counts.getOrDefault(Fate.EQUIVALENT, 0L),
        survived,
        percent,
        slowest);
    out.flush();
    return percent >= LEAST_PERCENT;
  }
}
