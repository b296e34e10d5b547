package io.plumbline.conformance.cli;

import io.plumbline.conformance.mutate.BytecodeMutants;
import io.plumbline.conformance.mutate.ModelMutants;
import io.plumbline.conformance.mutate.Mutation;
import io.plumbline.conformance.mutate.Mutation.Evidence;
import io.plumbline.conformance.mutate.Mutation.Fate;
import io.plumbline.conformance.mutate.Mutation.Judged;
import io.plumbline.conformance.mutate.PolicyMutants;
import io.plumbline.conformance.mutate.SourceMutants;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb mutate}: does verifying detect injected faults? */
@Command(
    name = "mutate",
    description = {
      "Change a program in one place at a time, and see whether verifying notices.",
      "Its bytecode, its model and its C are changed; what verifying does not notice is proved to",
      "be the same, or listed."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:at least 95 %% of the mutants were killed or proved equivalent",
      "1:fewer were",
      "3:mutants could not be run"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb mutate block_port",
      "  plumb mutate block_port --source bpf      the C too, from this project's sources",
      "  plumb mutate intent --every 20",
      "  plumb mutate allow_port --hook xdp"
    })
final class MutateCommand implements Callable<Integer> {
  private static final int LEAST_PERCENT = 95;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PROGRAM",
      arity = "1..*",
      description = "programs to mutate; also: gate, dispatcher, intent_rows, intent")
  private List<String> programs = List.of();

  @Mixin private final HookOption hookOption = new HookOption();

  @Option(
      names = "--every",
      paramLabel = "N",
      defaultValue = "1",
      description = "judge one mutant in N (default: ${DEFAULT-VALUE})")
  private int every;

  @Option(
      names = "--source",
      paramLabel = "DIR",
      description = "change the C as well: folder of build.sh and src; needs the pinned clang")
  private @Nullable Path source;

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "mutants judged at a time (default: one for each CPU)")
  private int workers = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  private Hook hook = Hook.usual();
  private Mutation mutation = new Mutation(Hook.usual());
  private int refused; // sources that do not compile
  private long failed; // mutants of which nothing is known

  @Override
  public Integer call() throws CommandException, EngineException {
    Arguments.requireAtLeast(1, "--every", every);
    Arguments.requireAtLeast(1, "--workers", workers);
    Options.requireFolderOf("--json", json);
    if (source != null && !Files.isExecutable(source.resolve("build.sh"))) {
      throw new CommandException(
          ExitStatus.USAGE,
          "--source: %s: expected a folder of build.sh and src".formatted(source));
    }
    hook = hookOption.hook();
    mutation = new Mutation(hook);
    PrintWriter out =
        "-".equals(json)
            ? new PrintWriter(java.io.Writer.nullWriter())
            : spec.commandLine().getOut();
    List<Object> list = new ArrayList<>();
    boolean enough = true;
    for (String name : programs) {
      boolean intent = name.equals(Intent.NAME);
      boolean other = !intent && Prover.OTHERS.contains(name);
      String known = intent || other ? name : SubjectOptions.program(name, Prover.OTHERS).name();
      enough &= print(out, known, "bytecode", bytecode(known), list);
      if (!other) {
        enough &= print(out, known, "model", intent ? policies() : model(known), list);
      }
      if (source != null) {
        enough &= print(out, known, "C", sources(source, known), list);
        out.printf("%-20s %-8s %4d more that the compiler refused%n", known, "C", refused);
      }
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("mutants", list);
      Options.writeJson(json, report, spec.commandLine().getOut());
    }
    if (failed > 0) {
      throw new CommandException(
          ExitStatus.UNAVAILABLE,
          "mutate: %d mutants were not run: an engine or the prover failed".formatted(failed));
    }
    return enough ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  /** Judges one mutant; nothing if there is nothing to judge. */
  private interface Judge<T> {
    Optional<Judged> judge(T mutant) throws EngineException, ObjectException, IOException;
  }

  private List<Judged> bytecode(String name) throws CommandException, EngineException {
    try {
      return judged(
          BytecodeMutants.of(ObjectSource.builtIn().object(hook.objectOf(name)), name),
          mutant -> Optional.of(mutation.judge(name, mutant)));
    } catch (ObjectException e) {
      throw new CommandException(ExitStatus.USAGE, name + ": " + e.getMessage());
    }
  }

  private List<Judged> model(String name) throws CommandException, EngineException {
    return judged(
        ModelMutants.of(ProgramCatalog.find(name).orElseThrow().at(hook)),
        mutant -> Optional.of(mutation.judge(mutant)));
  }

  private List<Judged> policies() throws CommandException, EngineException {
    List<Judged> all = new ArrayList<>();
    for (Policy policy : Prover.examples()) {
      all.addAll(
          judged(PolicyMutants.of(policy), mutant -> Optional.of(mutation.judge(policy, mutant))));
    }
    return all;
  }

  private List<Judged> sources(Path folder, String name) throws CommandException, EngineException {
    SourceMutants sources = new SourceMutants(folder, name, hook);
    try {
      if (!Arrays.equals(
          sources.compileUnchanged(), ObjectSource.builtIn().object(hook.objectOf(name)))) {
        throw new CommandException(
            ExitStatus.USAGE,
            "--source: %s: its %s is another: expected the sources of these objects"
                .formatted(folder, name));
      }
      List<SourceMutants.Mutant> mutants = sources.all();
      List<Judged> judged = judged(mutants, mutant -> mutation.judge(sources, mutant));
      refused = (mutants.size() + every - 1) / every - judged.size();
      return judged;
    } catch (IOException e) {
      throw new CommandException(
          ExitStatus.USAGE, "--source: %s: %s".formatted(folder, e.getMessage()));
    }
  }

  /** Judges one mutant in {@code every}, several at a time; in the order in which they came. */
  private <T> List<Judged> judged(List<T> mutants, Judge<T> judge)
      throws CommandException, EngineException {
    ExecutorService pool = Executors.newFixedThreadPool(workers);
    try {
      List<Future<Optional<Judged>>> waiting = new ArrayList<>();
      for (int i = 0; i < mutants.size(); i += every) {
        T mutant = mutants.get(i);
        waiting.add(pool.submit(() -> judge.judge(mutant)));
      }
      List<Judged> all = new ArrayList<>();
      for (Future<Optional<Judged>> one : waiting) {
        one.get().ifPresent(all::add);
        progress(all.size(), waiting.size());
      }
      return all;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineException cause) {
        throw cause;
      }
      throw new CommandException(
          ExitStatus.UNAVAILABLE,
          "mutate: internal error: " + Objects.requireNonNullElse(e.getCause(), e).getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(ExitStatus.UNAVAILABLE, "mutate: interrupted");
    } finally {
      pool.shutdownNow();
    }
  }

  private void progress(int done, int all) {
    if (Boolean.getBoolean("plumb.tty")) {
      PrintWriter err = spec.commandLine().getErr();
      err.printf("\r%,d of %,d mutants %s", done, all, done == all ? "\r" : "");
      err.flush();
    }
  }

  private boolean print(
      PrintWriter out, String name, String kind, List<Judged> all, List<Object> list) {
    Map<Fate, Long> counts = new LinkedHashMap<>();
    Map<Evidence, Long> evidence = new EnumMap<>(Evidence.class);
    double slowest = 0;
    for (Judged one : all) {
      counts.merge(one.fate(), 1L, Long::sum);
      one.evidence().ifPresent(by -> evidence.merge(by, 1L, Long::sum));
      slowest = Math.max(slowest, one.seconds());
      if (one.fate() == Fate.SURVIVED || one.fate() == Fate.NOT_RUN) {
        out.printf(
            "%s: %s %s: %s: %s%n",
            Colour.WARN.of(one.fate() == Fate.SURVIVED ? "survived" : "not run"),
            name,
            kind,
            one.what(),
            one.how());
      }
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("program", name);
      entry.put("kind", kind);
      entry.put("what", one.what());
      entry.put("fate", one.fate().name().toLowerCase(Locale.ROOT));
      one.evidence().ifPresent(by -> entry.put("evidence", by.name().toLowerCase(Locale.ROOT)));
      entry.put("how", one.how());
      entry.put("seconds", one.seconds());
      list.add(entry);
    }
    long survived = counts.getOrDefault(Fate.SURVIVED, 0L);
    long notRun = counts.getOrDefault(Fate.NOT_RUN, 0L);
    failed += notRun;
    long ran = all.size() - notRun;
    double percent = ran == 0 ? 100 : 100.0 * (ran - survived) / ran;
    out.printf(
        "%-20s %-8s %4d mutants: %4d killed%s, %3d proved equivalent, %3d survived%s: %.1f %%,"
            + " slowest %.1f s%n",
        name,
        kind,
        all.size(),
        counts.getOrDefault(Fate.KILLED, 0L),
        evidence.isEmpty() ? "" : " (" + words(evidence) + ")",
        counts.getOrDefault(Fate.EQUIVALENT, 0L),
        survived,
        notRun == 0 ? "" : ", %d not run".formatted(notRun),
        percent,
        slowest);
    out.flush();
    return percent >= LEAST_PERCENT;
  }

  /** Returns how many mutants each kind of evidence killed. */
  private static String words(Map<Evidence, Long> counts) {
    List<String> words = new ArrayList<>();
    counts.forEach(
        (by, count) ->
            words.add(
                switch (by) {
                  case FRAME -> count + " by a frame";
                  case FAULT -> count + " by a fault";
                  case REFUSAL -> count + " by a verifier";
                  case SOLVER -> count + " by the solver";
                }));
    return String.join(", ", words);
  }
}
