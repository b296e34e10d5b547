package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.report.ReportFolder;
import io.plumbline.conformance.verify.BranchCoverage;
import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Coverage;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.conformance.verify.ExecutionPath;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.TrialFolder;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb verify}: do the kernel's programs do what their models say? */
@Command(
    name = "verify",
    description = "Run every program, alone and in chains, on all engines over the same frames.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:all engines agree",
      "1:a verdict differs, or the program faults",
      "3:an engine is unavailable, refuses the program or fails, and the others agree"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb verify",
      "  plumb verify --program block_port --engine model,kernel --fuzz 100000",
      "  plumb verify --program block_port --object my/block_port.bpf.o",
      "  plumb verify --corpus captures/ --json report.json",
      "  plumb verify --report report/"
    })
final class VerifyCommand implements Callable<Integer> {
  private static final int FRAMES_PER_POLICY = 1000;
  private static final int SLOWEST = 10;

  @Spec private CommandSpec spec;

  @Option(
      names = "--program",
      paramLabel = "P",
      description = "program to verify (repeatable; default: all); also: dispatcher, intent")
  private List<String> programs = List.of();

  @Option(
      names = "--hook",
      paramLabel = "H",
      split = ",",
      description =
          "where they run: tc, tc-l3 (without an Ethernet header), xdp (default: everywhere; of an object, where it is for)")
  private List<String> hookNames = List.of();

  @Option(
      names = "--engine",
      paramLabel = "E",
      split = ",",
      description = "engines to run (default: all that work here)")
  private List<String> engineNames = List.of();

  @Option(
      names = "--corpus",
      paramLabel = "PATH",
      description = "captures, or folders of them, whose frames are run too")
  private List<Path> corpora = List.of();

  @Option(
      names = "--fuzz",
      paramLabel = "N",
      defaultValue = "20000",
      description = "random frames for each subject (default: ${DEFAULT-VALUE})")
  private int fuzz;

  @Option(
      names = "--policies",
      paramLabel = "N",
      defaultValue = "2000",
      description =
          "random policies for intent, with 1,000 frames each (default: ${DEFAULT-VALUE})")
  private int policies;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "seed of the random frames (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--no-paths",
      description =
          "leave out the frames for every path through each program, which a solver finds")
  private boolean noPaths;

  @Option(
      names = "--object",
      paramLabel = "FILE",
      description = "run this object instead of the one program named")
  private @Nullable Path object;

  @Option(
      names = "--repro",
      paramLabel = "DIR",
      description = "write a folder for each disagreement shown; plumb replay FOLDER runs it again")
  private @Nullable Path repro;

  @Option(
      names = "--report",
      paramLabel = "DIR",
      description = "write a page there to look at, with proofs and the runs so far")
  private @Nullable Path reportFolder;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  /** How long something took. */
  private record Timed(String what, double seconds) {}

  private final List<Timed> times = new ArrayList<>();

  /** One step: a subject, or policies at a hook. */
  private record Job(String program, Hook hook, Optional<Subject> subject, List<Policy> policies) {}

  @Override
  public Integer call() throws CommandException, EngineException {
    long start = System.nanoTime();
    Options.requireFolderOf("--json", json);
    Options.requireFile("--object", object);
    Arguments.requireAtLeast(0, "--fuzz", fuzz);
    Arguments.requireAtLeast(0, "--policies", policies);
    Options.requireCorpora(corpora);
    if (repro != null && Files.exists(repro) && !Files.isDirectory(repro)) {
      throw new CommandException(
          ExitStatus.USAGE, "--repro: %s: expected a folder".formatted(repro));
    }
    List<Job> jobs = jobs();
    Map<String, String> unavailable = new LinkedHashMap<>();
    List<Engine> engines = availableEngines(unavailable);
    Corpus corpus = Corpus.read(withBuiltIn(corpora));
    Set<String> named = corpora.stream().map(Path::toString).collect(Collectors.toSet());
    for (Corpus.FileReport file : corpus.files()) {
      if (!file.run() && named.contains(file.path())) {
        throw new CommandException(ExitStatus.USAGE, file.reason());
      }
    }
    Verification run =
        new Verification(engines, corpus.frames(), fuzz, seed).measuringBranches(objects());
    if (!noPaths) {
      run.alongPaths(objects());
    }
    try (ProgressBar bar = progress(jobs.size())) {
      for (Job job : jobs) {
        long jobStart = System.nanoTime();
        if (job.subject.isPresent()) {
          run.run(job.program, job.subject.get());
        } else {
          run.runPolicies(job.policies, job.hook, FRAMES_PER_POLICY);
        }
        String what =
            job.subject.map(Object::toString).orElse("%d policies".formatted(job.policies.size()))
                + " at "
                + job.hook.name();
        times.add(new Timed(what, (System.nanoTime() - jobStart) / 1e9));
        if (bar != null) {
          bar.step();
        }
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    PrintWriter out = spec.commandLine().getOut();
    Map<String, Object> report = report(run, corpus, unavailable, seconds);
    if (reportFolder != null) {
      addDetails(report, run);
    }
    if (json != null) {
      Options.writeJson(json, report, out);
    }
    if (reportFolder != null) {
      try {
        ReportFolder.write(reportFolder, report);
      } catch (IOException e) {
        throw new CommandException(
            ExitStatus.USAGE, "--report: %s: cannot be written".formatted(reportFolder));
      }
    }
    if (!"-".equals(json)) {
      print(out, run, corpus, unavailable, seconds);
    }
    PrintWriter err = spec.commandLine().getErr();
    int number = 1;
    for (Disagreement disagreement : run.disagreements()) {
      String story =
          disagreement.describe()
              + ExecutionPath.describe(objects(), disagreement.subject(), disagreement.packet());
      err.println(story);
      if (repro != null) {
        writeFolder(disagreement, story, repro.resolve("disagreement-" + number++), err);
      }
    }
    run.failures()
        .forEach(
            (engine, reasons) ->
                reasons.forEach(reason -> err.printf("plumb: engine %s: %s%n", engine, reason)));
    err.flush();
    return run.disagreementCount() > 0
        ? ExitStatus.DISAGREEMENT
        : run.failures().isEmpty() ? ExitStatus.DONE : ExitStatus.UNAVAILABLE;
  }

  /** Adds what only the page shows: proofs, what was slow, every disagreement at length. */
  private void addDetails(Map<String, Object> report, Verification run)
      throws CommandException, EngineException {
    List<Object> found = new ArrayList<>();
    for (Disagreement one : run.disagreements()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("subject", one.subject().toString());
      entry.put("engine", one.engine());
      entry.put(
          "story", one.describe() + ExecutionPath.describe(objects(), one.subject(), one.packet()));
      entry.put(
          "replay",
          repro == null
              ? "plumb verify --repro DIR writes a folder for plumb replay"
              : "plumb replay %s/disagreement-%d".formatted(repro, found.size() + 1));
      found.add(entry);
    }
    report.put("found", found);
    List<Object> proofs = new ArrayList<>();
    Set<String> assumptions = new LinkedHashSet<>();
    if (!noPaths && programs.isEmpty()) {
      ObjectSource objects = objects();
      Prover prover = new Prover(objects, 60);
      Prover.prove(
          hooks().stream().flatMap(hook -> prover.all(hook).stream()).toList(),
          result -> {
            Proof proof = Execution.confirmed(result, objects);
            assumptions.addAll(proof.assumptions());
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("name", proof.name());
            entry.put("result", proof.proved() ? "proved" : "not proved");
            entry.put("seconds", proof.seconds());
            entry.put("claim", proof.claim());
            proofs.add(entry);
          });
    }
    report.put("proofs", proofs);
    report.put("assumptions", List.copyOf(assumptions));
    times.sort(Comparator.comparingDouble(Timed::seconds).reversed());
    List<Object> slowest = new ArrayList<>();
    for (Timed one : times.subList(0, Math.min(SLOWEST, times.size()))) {
      slowest.add(Map.of("what", one.what, "seconds", one.seconds));
    }
    report.put("slowest", slowest);
  }

  private void writeFolder(Disagreement disagreement, String story, Path folder, PrintWriter err)
      throws CommandException {
    TrialFolder trial =
        new TrialFolder(
            disagreement.subject(),
            disagreement.packet(),
            disagreement.engine(),
            object == null ? "" : programs.get(0),
            object == null ? "" : object.toAbsolutePath().toString());
    try {
      trial.write(folder, story);
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, "--repro: " + folder + ": cannot be written");
    }
    err.println("  to run it again: plumb replay " + folder);
  }

  /** Adds the captures that ship with the source tree, where the launcher says it is. */
  private static List<Path> withBuiltIn(List<Path> given) {
    List<Path> all = new ArrayList<>();
    String home = System.getProperty("plumb.home");
    if (home != null) {
      all.add(Path.of(home, "pcaps", "corpora"));
    }
    all.addAll(given);
    return all;
  }

  private List<Hook> hooks() throws CommandException {
    return hookNames.isEmpty() && object != null
        ? List.of(ObjectFile.read(object).hook())
        : Options.hooks(hookNames, Hook.all());
  }

  private List<Job> jobs() throws CommandException {
    List<Job> jobs = new ArrayList<>();
    for (Hook hook : hooks()) {
      addJobs(jobs, hook);
    }
    return jobs;
  }

  private void addJobs(List<Job> jobs, Hook hook) throws CommandException {
    List<String> wanted = new ArrayList<>(programs);
    if (wanted.isEmpty()) {
      ProgramCatalog.all().forEach(program -> wanted.add(program.name()));
      wanted.addAll(Subjects.OTHERS);
    }
    for (String name : wanted) {
      if (name.equals(Intent.NAME)) {
        List<Policy> all = new ArrayList<>();
        if (policies > 0) {
          all.addAll(Prover.examples());
        }
        all.addAll(RandomPolicies.of(policies, seed));
        for (int from = 0; from < all.size(); from += Verification.POLICIES_AT_ONCE) {
          int to = Math.min(all.size(), from + Verification.POLICIES_AT_ONCE);
          jobs.add(new Job(name, hook, Optional.empty(), all.subList(from, to)));
        }
        continue;
      }
      boolean chains = name.equals(Subjects.DISPATCHER);
      List<Subject> subjects =
          chains
              ? Subjects.chains(seed)
              : Subjects.of(SubjectOptions.program(name, Subjects.OTHERS));
      for (Subject subject : subjects) {
        jobs.add(new Job(name, hook, Optional.of(subject.at(hook)), List.of()));
      }
    }
  }

  private ObjectSource objects() throws CommandException {
    if (object == null) {
      return ObjectSource.builtIn();
    }
    if (programs.size() != 1) {
      throw new CommandException(
          ExitStatus.USAGE, "--object: expected exactly one --program beside it");
    }
    return ObjectFile.read(object).inPlaceOf(programs.get(0), hooks().get(0));
  }

  private List<Engine> availableEngines(Map<String, String> unavailable) throws CommandException {
    ObjectSource objects = objects();
    boolean asked = !engineNames.isEmpty();
    List<Engine> engines = new ArrayList<>();
    for (Engine engine : Options.engines(asked ? engineNames : Engines.names(), objects)) {
      Optional<String> reason = engine.unavailable();
      if (reason.isEmpty()) {
        engines.add(engine);
      } else if (asked) {
        throw new CommandException(
            ExitStatus.UNAVAILABLE,
            "engine %s: unavailable: %s".formatted(engine.name(), reason.get()));
      } else {
        unavailable.put(engine.name(), reason.get());
      }
    }
    return engines;
  }

  private static @Nullable ProgressBar progress(int steps) {
    return Boolean.getBoolean("plumb.tty")
        ? new ProgressBarBuilder().setTaskName("verify").setInitialMax(steps).build()
        : null;
  }

  private Map<String, Object> report(
      Verification run, Corpus corpus, Map<String, String> unavailable, double seconds) {
    Map<String, Object> report = Options.report();
    report.put("kernel", System.getProperty("os.version"));
    report.put("seed", seed);
    report.put("seconds", seconds);
    report.put("trials", run.trials());
    report.put("disagreements", run.disagreementCount());
    report.put("faults", run.faultCount());
    Map<String, Object> engines = new LinkedHashMap<>();
    run.engineScores()
        .forEach(
            (name, score) -> {
              long unsupported =
                  score.unsupported().values().stream().mapToLong(Long::longValue).sum();
              engines.put(
                  name, engine(score.trials(), unsupported, score.unsupported(), score.faults()));
            });
    unavailable.forEach((name, reason) -> engines.put(name, engine(0, 0, reason, 0)));
    report.put("engines", engines);
    report.put("failures", run.failures());
    report.put("notes", run.notes());
    List<Object> list = new ArrayList<>();
    run.programScores()
        .forEach(
            (name, score) -> {
              Map<String, Object> program = new LinkedHashMap<>();
              program.put("name", name);
              program.put("trials", score.trials());
              program.put("disagreements", score.disagreements());
              program.put("faults", score.faults());
              int total = Coverage.clauses(name).size();
              int missing = run.coverage().missing(name).size();
              program.put("clauses", Map.of("covered", total - missing, "total", total));
              int[] branches = branches(run, name);
              Map<String, Object> ways = new LinkedHashMap<>();
              ways.put("covered", branches[0]);
              ways.put("total", branches[1]);
              ways.put("reachable", branches[2]);
              program.put("branches", ways);
              Map<String, Object> cells = new LinkedHashMap<>();
              score
                  .engines()
                  .forEach(
                      (engine, cell) ->
                          cells.put(
                              engine,
                              Map.of(
                                  "trials",
                                  cell.trials(),
                                  "disagreements",
                                  cell.disagreements(),
                                  "faults",
                                  cell.faults())));
              program.put("engines", cells);
              program.put("clauseHits", clauseHits(run, name));
              program.put("lines", lines(run, name));
              list.add(program);
            });
    report.put("programs", list);
    report.put("files", corpus.files().stream().map(Corpus.FileReport::toMap).toList());
    return report;
  }

  private static List<Object> clauseHits(Verification run, String program) {
    Map<String, Long> hits = run.coverage().hits(program);
    List<Object> list = new ArrayList<>();
    for (Clause clause : Coverage.clauses(program)) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", clause.name());
      entry.put("when", clause.guard().toString());
      entry.put("hits", hits.getOrDefault(clause.name(), 0L));
      list.add(entry);
    }
    return list;
  }

  private static List<Object> lines(Verification run, String program) {
    List<Object> list = new ArrayList<>();
    try {
      for (BranchCoverage.Line line : run.branches().orElseThrow().lines(program)) {
        list.add(Map.of("line", line.text(), "taken", line.taken(), "ways", line.ways()));
      }
    } catch (EngineException e) {
      // An object that cannot be read has no lines; what it was needed for has said so.
    }
    return list;
  }

  /** Returns how many ways out of jumps were taken, there are, and can be taken. */
  private static int[] branches(Verification run, String program) {
    try {
      BranchCoverage branches = run.branches().orElseThrow();
      return new int[] {
        branches.covered(program), branches.total(program), branches.reachable(program)
      };
    } catch (EngineException e) {
      return new int[3];
    }
  }

  private static Map<String, Object> engine(
      long trials, long unsupported, Object reason, long faults) {
    Map<String, Object> engine = new LinkedHashMap<>();
    engine.put("trials", trials);
    engine.put("unsupported", unsupported);
    engine.put("reason", reason);
    engine.put("faults", faults);
    return engine;
  }

  private static void print(
      PrintWriter out,
      Verification run,
      Corpus corpus,
      Map<String, String> unavailable,
      double seconds) {
    for (Corpus.FileReport file : corpus.files()) {
      out.printf(
          "%s: %s, %d frames%s%n",
          file.path(),
          file.linkType(),
          file.packets(),
          file.reason().isEmpty() ? "" : ": " + file.reason());
    }
    out.println(
        Colour.HEAD.of(
            "%-20s %12s %14s  %-10s  %s"
                .formatted("program", "trials", "disagreements", "branches", "clauses reached")));
    run.programScores()
        .forEach(
            (name, score) -> {
              int total = Coverage.clauses(name).size();
              List<String> missing = run.coverage().missing(name);
              String clauses =
                  total == 0
                      ? "-"
                      : "%d of %d%s"
                          .formatted(
                              total - missing.size(),
                              total,
                              missing.isEmpty() ? "" : ": not " + missing);
              int[] branches = branches(run, name);
              out.printf(
                  "%-20s %12d %s  %-10s  %s%n",
                  name,
                  score.trials(),
                  Colour.ofWrong(score.disagreements()).of("%14d".formatted(score.disagreements())),
                  branches[0] + " of " + branches[2],
                  clauses);
            });
    run.engineScores()
        .forEach(
            (name, score) -> {
              out.printf(
                  "engine %-12s %d trials%s%n",
                  name,
                  score.trials(),
                  score.faults() == 0 ? "" : ", %d faults".formatted(score.faults()));
              score
                  .unsupported()
                  .forEach((reason, count) -> out.printf("  %d not run: %s%n", count, reason));
            });
    unavailable.forEach(
        (name, reason) ->
            out.printf("engine %-12s %s: %s%n", name, Colour.WARN.of("unavailable"), reason));
    run.notes().forEach(note -> out.println(Colour.WARN.of("note") + ": " + note));
    out.printf(
        "%d trials, %s, %.1f s%n",
        run.trials(),
        Colour.ofWrong(run.disagreementCount())
            .of(Count.of(run.disagreementCount(), "disagreement")),
        seconds);
    out.flush();
  }
}
