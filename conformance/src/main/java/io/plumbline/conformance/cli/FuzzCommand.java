package io.plumbline.conformance.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.conformance.fuzz.PacketFuzz;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.ExecutionPath;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.TrialFolder;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.hook.Hook;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb fuzz}: generated frames on model, emulator and kernel, for as long as wanted. */
@Command(
    name = "fuzz",
    description = {
      "Compare engines over generated frames, guided by what they reach. Programs take turns.",
      "The run stops at the first disagreement, which is minimised. --state makes it resumable."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:no engine disagreed",
      "1:an engine disagreed, or the program faulted",
      "3:an engine is unavailable or fails"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb fuzz --minutes 10",
      "  plumb fuzz --packets 1000000000 --state campaign.json",
      "  plumb fuzz --program intent --minutes 60 --workers 1"
    })
final class FuzzCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      description = "duration (default: 1, or without limit if --packets is given)")
  private @Nullable Double minutes;

  @Option(
      names = "--packets",
      paramLabel = "N",
      description = "frames in all, divided among the programs")
  private @Nullable Long packets;

  @Option(
      names = "--program",
      paramLabel = "P",
      description = "program to run (repeatable; default: all); also: dispatcher, intent")
  private List<String> programs = List.of();

  @Option(
      names = "--hook",
      paramLabel = "H",
      split = ",",
      description =
          "where they run: tc, tc-l3 (without an Ethernet header), xdp (default: everywhere)")
  private List<String> hookNames = List.of();

  @Option(
      names = "--engine",
      paramLabel = "E",
      split = ",",
      defaultValue = "emulator,kernel-batch",
      description = "engines to compare with the model (default: ${DEFAULT-VALUE})")
  private List<String> engineNames = List.of();

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "threads (default: one for each CPU)")
  private int workers = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "seed of the first round (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--state",
      paramLabel = "FILE",
      description = "resume from this file, and keep the state there")
  private @Nullable Path state;

  @Option(
      names = "--repro",
      paramLabel = "DIR",
      description = "write a folder for each disagreement")
  private @Nullable Path repro;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    Arguments.requireAtLeast(1, "--workers", workers);
    if (minutes != null && !(minutes > 0)) {
      throw new CommandException(
          ExitStatus.USAGE, "--minutes: %s: expected more than 0".formatted(minutes));
    }
    if (packets != null) {
      Arguments.requireAtLeast(1, "--packets", packets);
    }
    Options.requireFolderOf("--json", json);
    Options.requireFolderOf("--state", state == null ? null : state.toString());
    for (String name : programs) {
      if (!Subjects.OTHERS.contains(name)) {
        SubjectOptions.program(name, Subjects.OTHERS);
      }
    }
    ObjectSource objects = ObjectSource.builtIn();
    PacketFuzz fuzz =
        new PacketFuzz(
            objects, engines(objects), programs, Options.hooks(hookNames, Hook.all()), seed);
    if (state != null && Files.exists(state)) {
      resume(state, fuzz.score());
    }
    if (packets != null) {
      fuzz.limitedTo(packets);
    }
    long before = fuzz.score().packets();
    double seconds = run(fuzz);
    PacketFuzz.Score score = fuzz.score();
    Map<String, Object> report = report(score, seconds, before);
    if (state != null) {
      Options.writeJson(state.toString(), report, spec.commandLine().getOut());
    }
    if (json != null) {
      Options.writeJson(json, report, spec.commandLine().getOut());
    }
    if (!"-".equals(json)) {
      print(score, seconds, before);
    }
    describe(score, objects);
    return score.disagreements().isEmpty() ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private List<Engine> engines(ObjectSource objects) throws CommandException {
    List<Engine> engines = Options.engines(engineNames, objects);
    for (Engine engine : engines) {
      Optional<String> reason = engine.unavailable();
      if (reason.isPresent()) {
        throw new CommandException(
            ExitStatus.UNAVAILABLE,
            "engine %s: unavailable: %s: --engine %s does without"
                .formatted(engine.name(), reason.get(), EmulatorEngine.NAME));
      }
    }
    return engines;
  }

  private double run(PacketFuzz fuzz) throws EngineException {
    long start = System.nanoTime();
    double most = minutes != null ? minutes : packets != null ? Double.POSITIVE_INFINITY : 1;
    BooleanSupplier goOn = () -> System.nanoTime() - start < most * 60e9;
    ExecutorService pool = Executors.newFixedThreadPool(workers);
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < workers; i++) {
      running.add(
          pool.submit(
              () -> {
                fuzz.work(goOn);
                return null;
              }));
    }
    pool.shutdown();
    try {
      for (Future<?> worker : running) {
        await(worker, fuzz.score(), start);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      pool.shutdownNow();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private void await(Future<?> worker, PacketFuzz.Score score, long start)
      throws EngineException, InterruptedException {
    while (true) {
      try {
        worker.get(1, TimeUnit.SECONDS);
        return;
      } catch (TimeoutException e) {
        if (Boolean.getBoolean("plumb.tty")) {
          double seconds = (System.nanoTime() - start) / 1e9;
          spec.commandLine()
              .getErr()
              .printf(
                  "\r%,d packets, %.2f M/s, %d clauses, %d branches, %d disagreements ",
                  score.packets(),
                  score.packets() / seconds / 1e6,
                  score.clauses().size(),
                  score.ways(),
                  score.disagreements().size());
          spec.commandLine().getErr().flush();
        }
      } catch (ExecutionException e) {
        if (e.getCause() instanceof EngineException cause) {
          throw cause;
        }
        throw new IllegalStateException(e.getCause());
      }
    }
  }

  private Map<String, Object> report(PacketFuzz.Score score, double seconds, long before) {
    Map<String, Object> report = Options.report();
    report.put("kernel", System.getProperty("os.version"));
    report.put("seed", seed);
    report.put("workers", workers);
    report.put("seconds", seconds);
    report.put("rounds", score.rounds());
    report.put("packets", score.packets());
    report.put("packetsPerSecond", (score.packets() - before) / seconds);
    report.put("programs", score.programs());
    report.put("engines", score.engines());
    report.put("clauses", score.clauses().size());
    report.put("branches", score.ways());
    report.put("kept", score.kept());
    report.put("disagreements", score.disagreements().size());
    return report;
  }

  private static void resume(Path file, PacketFuzz.Score score) throws CommandException {
    try {
      JsonNode saved = new ObjectMapper().readTree(Files.readAllBytes(file));
      if (!saved.path("rounds").isIntegralNumber() || !saved.path("packets").isIntegralNumber()) {
        throw new CommandException(
            ExitStatus.USAGE, "--state: %s: expected the state of an earlier run".formatted(file));
      }
      Map<String, Long> programs = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : saved.path("programs").properties()) {
        programs.put(entry.getKey(), entry.getValue().asLong());
      }
      score.resume(saved.path("rounds").asLong(), saved.path("packets").asLong(), programs);
    } catch (IOException e) {
      throw new CommandException(
          ExitStatus.USAGE, "--state: %s: expected the state of an earlier run".formatted(file));
    }
  }

  private void print(PacketFuzz.Score score, double seconds, long before) {
    PrintWriter out = spec.commandLine().getOut();
    if (Boolean.getBoolean("plumb.tty")) {
      spec.commandLine().getErr().println();
    }
    out.printf("%-25s %14s%n", "program", "packets");
    score.programs().forEach((name, count) -> out.printf("%-25s %,14d%n", name, count));
    score.engines().forEach((name, count) -> out.printf("engine %-18s %,14d run%n", name, count));
    double rate = (score.packets() - before) / seconds;
    out.printf(
        "%,d packets on %s and %s, %d clauses and %d branches of programs reached, %s%n",
        score.packets(),
        ModelEngine.NAME,
        String.join(", ", engineNames),
        score.clauses().size(),
        score.ways(),
        Colour.ofWrong(score.disagreements().size())
            .of(Count.of(score.disagreements().size(), "disagreement")));
    out.printf(
        "%.1f s, %.2f million packets a second, %.2f for each of %d workers%n",
        seconds, rate / 1e6, rate / 1e6 / workers, workers);
    out.flush();
  }

  private void describe(PacketFuzz.Score score, ObjectSource objects) throws CommandException {
    PrintWriter err = spec.commandLine().getErr();
    int number = 1;
    for (Disagreement found : score.disagreements()) {
      String story =
          found.describe() + ExecutionPath.describe(objects, found.subject(), found.packet());
      err.println(story);
      if (repro != null) {
        Path folder = repro.resolve("disagreement-" + number++);
        try {
          new TrialFolder(found.subject(), found.packet(), found.engine(), "", "")
              .write(folder, story);
        } catch (IOException e) {
          throw new CommandException(
              ExitStatus.USAGE, "--repro: " + folder + ": cannot be written");
        }
      }
    }
    err.flush();
  }
}
