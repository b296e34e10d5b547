package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.EdgePackets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Runs subjects on the model and on other engines over the same frames, and counts.
 *
 * <p>An engine that cannot load a subject, or fails on the way, does not end the run: its frames
 * count as not run, with the reason, and the other engines still run. Callers must look at {@link
 * #failures()}: such an engine neither agreed nor disagreed.
 */
public final class Verification {
  private static final int REPORTED_PER_PROGRAM = 10;

  /** How many policies are best loaded at once. */
  public static final int POLICIES_AT_ONCE = 250;

  /** The score of one engine. */
  public static final class EngineScore {
    private long trials;
    private long disagreements;
    private long faults;
    private final Map<String, Long> unsupported = new TreeMap<>();

    /** Returns how many frames ran to their end, or to a fault. */
    public long trials() {
      return trials;
    }

    /** Returns how many times this engine did not do what the model says, faults included. */
    public long disagreements() {
      return disagreements;
    }

    /** Returns how many times the program faulted on this engine. */
    public long faults() {
      return faults;
    }

    /** Returns how many frames were not run, or not compared, by reason. */
    public Map<String, Long> unsupported() {
      return new TreeMap<>(unsupported);
    }

    private void leftOut(String reason, long frames) {
      unsupported.merge(reason, frames, Long::sum);
    }
  }

  /** Counts of one program on one engine; faults are among the disagreements. */
  public record Cell(long trials, long disagreements, long faults) {
    private Cell plus(long moreTrials, long moreDisagreements, long moreFaults) {
      return new Cell(trials + moreTrials, disagreements + moreDisagreements, faults + moreFaults);
    }
  }

  /** The score of one program. */
  public static final class ProgramScore {
    private long trials;
    private final Map<String, Cell> engines = new LinkedHashMap<>();

    /** Returns the counts of each engine that ran it. */
    public Map<String, Cell> engines() {
      return new LinkedHashMap<>(engines);
    }

    private void add(String engine, long ran, long wrong, long faulted) {
      engines.merge(
          engine,
          new Cell(ran, wrong, faulted),
          (cell, more) -> cell.plus(more.trials, more.disagreements, more.faults));
    }

    public long trials() {
      return trials;
    }

    public long disagreements() {
      return engines.values().stream().mapToLong(Cell::disagreements).sum();
    }

    public long faults() {
      return engines.values().stream().mapToLong(Cell::faults).sum();
    }
  }

  /** One strict policy in this many is also run as rows, which are loaded one by one. */
  private static final int ROWS_EVERY = 10;

  /** How many policies are given frames along all paths, which take seconds to find. */
  private static final int POLICIES_ALONG_PATHS = 2;

  private final List<Engine> engines;
  private final PacketBatch corpus;
  private final int fuzz;
  private final long seed;
  private final Coverage coverage = new Coverage();
  private final Map<String, EngineScore> engineScores = new LinkedHashMap<>();
  private final Map<String, ProgramScore> programScores = new LinkedHashMap<>();
  private final List<Disagreement> disagreements = new ArrayList<>();
  private final Map<String, Set<String>> failures = new TreeMap<>();
  private Optional<EngineException> firstFailure = Optional.empty();
  private final Set<String> notes = new LinkedHashSet<>();
  private final ModelEngine model = new ModelEngine();
  private Optional<BranchCoverage> branches = Optional.empty();
  private Optional<ProgramObjects> paths = Optional.empty();
  private final Set<String> known = new HashSet<>();
  private int policiesAlongPaths;

  /**
   * Prepares a run.
   *
   * @param engines those to compare with the model, all available
   * @param corpus frames that every subject is given
   * @param fuzz random frames for each subject
   */
  public Verification(List<Engine> engines, PacketBatch corpus, int fuzz, long seed) {
    this.engines = engines.stream().filter(e -> !e.name().equals(ModelEngine.NAME)).toList();
    this.corpus = corpus;
    this.fuzz = fuzz;
    this.seed = seed;
    engineScores.put(ModelEngine.NAME, new EngineScore());
    this.engines.forEach(engine -> engineScores.put(engine.name(), new EngineScore()));
  }

  /** Also measures which branches of these objects' programs are taken. */
  public Verification measuringBranches(ProgramObjects objects) {
    branches = Optional.of(new BranchCoverage(objects));
    return this;
  }

  /**
   * Also gives each subject a frame for every way that frames can take out of a conditional jump of
   * the program, and finds out which ways none can take.
   */
  public Verification alongPaths(ProgramObjects objects) {
    paths = Optional.of(objects);
    return this;
  }

  /** Adds frames that take all paths through the program that decides, if only one does. */
  private void addPaths(Subject subject, PacketBatch frames) throws EngineException {
    if (paths.isEmpty() || subject.reference().stages().size() != 1) {
      return;
    }
    ProgramObjects objects = paths.get();
    try {
      Optional<Reach> reach = Reach.of(objects, subject);
      if (reach.isEmpty()) {
        return;
      }
      reach.get().frames().forEach(frames::add);
      Hook hook = subject.hook();
      String name = subject.image().decider().orElseThrow().name();
      String program = hook.objectOf(name);
      boolean stage = subject.reference().stages().get(0).chained();
      if (branches.isPresent() && subject.image().tables().isPresent()) {
        branches.get().reachable(program, reach.get().reachable());
      } else if (branches.isPresent() && known.add(program + stage)) {
        // With any input, not only this one.
        Optional<ProgramSpec> spec = ProgramCatalog.find(name).map(known -> known.at(hook));
        if (spec.isPresent()) {
          branches.get().reachable(program, Reach.of(objects, spec.get(), stage).reachable());
        }
      }
    } catch (SymbolicException e) {
      notes.add("no frames along paths of %s: %s".formatted(subject, e.getMessage()));
    }
  }

  /** Measures which branches frames take. */
  private void addBranches(List<? extends Subject> subjects, List<PacketBatch> frames) {
    if (branches.isEmpty()) {
      return;
    }
    try {
      branches.get().add(subjects, frames);
    } catch (EngineException e) {
      notes.add("branches not measured: " + e.summary());
    }
  }

  /** Returns which branches were taken, if that was measured. */
  public Optional<BranchCoverage> branches() {
    return branches;
  }

  /** Runs one subject and books it under a program's name. */
  public void run(String program, Subject subject) throws EngineException {
    PacketBatch frames = new PacketBatch();
    frames.addAll(corpus.seenAt(subject.hook()));
    EdgePackets.add(subject, frames, fuzz, seed ^ subject.toString().hashCode());
    PacketBatch along = new PacketBatch();
    addPaths(subject, along);
    frames.addAll(along);
    run(program, subject, frames, along);
  }

  /** Runs one subject on the corpus alone. */
  public void runGiven(String program, Subject subject) throws EngineException {
    run(program, subject, corpus.seenAt(subject.hook()), new PacketBatch());
  }

  private void run(String program, Subject subject, PacketBatch frames, PacketBatch along)
      throws EngineException {
    String name = subject.hook().objectOf(program);
    ProgramScore score = programScores.computeIfAbsent(name, key -> new ProgramScore());
    score.trials += frames.size();
    addBranches(List.of(subject), List.of(frames));
    addBranches(List.of(subject), List.of(along));
    try (ModelRunner reference = model.load(subject)) {
      Expected expected = new Expected(reference, frames);
      coverage.add(reference, subject.hook());
      engineScore(ModelEngine.NAME).trials += frames.size();
      for (Engine engine : engines) {
        run(engine, subject, expected, score);
      }
    }
  }

  private void run(Engine engine, Subject subject, Expected expected, ProgramScore score) {
    try (Runner runner = engine.load(subject)) {
      compare(subject, expected, engine.name(), runner, score);
    } catch (EngineException e) {
      engineScore(engine.name()).leftOut(failed(engine.name(), e), expected.frames.size());
    }
  }

  /** Notes that an engine cannot load a subject, or failed; returns why. */
  private String failed(String engine, EngineException e) {
    String reason = (e.refused() ? "refused: " : "failed: ") + e.summary();
    failures.computeIfAbsent(engine, name -> new TreeSet<>()).add(reason);
    firstFailure = firstFailure.or(() -> Optional.of(e));
    return reason;
  }

  /** The model's outcomes of frames. */
  private static final class Expected {
    final ModelRunner reference;
    final PacketBatch frames;
    final Outcomes outcomes = new Outcomes();

    /**
     * Runs the model.
     *
     * @throws EngineException if a condition of it reads past the end of a frame
     */
    Expected(ModelRunner reference, PacketBatch frames) throws EngineException {
      this.reference = reference;
      this.frames = frames;
      try {
        reference.run(frames, outcomes);
      } catch (IndexOutOfBoundsException e) {
        throw EngineException.refusal("model: a condition reads past the end of a frame", "");
      }
    }
  }

  /**
   * Runs policies, each on frames made for it, and compares beside the verdicts what the program
   * has counted for each clause and rule.
   *
   * @param policies at most {@value #POLICIES_AT_ONCE}
   */
  public void runPolicies(List<Policy> policies, int framesEach) throws EngineException {
    runPolicies(policies, Hook.usual(), framesEach);
  }

  /** Runs policies at a hook, as {@link #runPolicies(List, int)} does. */
  public void runPolicies(List<Policy> policies, Hook hook, int framesEach) throws EngineException {
    ProgramScore score =
        programScores.computeIfAbsent(hook.objectOf(Intent.NAME), name -> new ProgramScore());
    List<Subject.Intent> subjects =
        policies.stream().map(policy -> new Subject.Intent(policy, hook)).toList();
    List<Expected> expected = new ArrayList<>();
    for (Subject.Intent subject : subjects) {
      PacketBatch frames = new PacketBatch(framesEach, framesEach * 100);
      EdgePackets.add(subject, frames, framesEach, seed + expected.size());
      if (paths.isPresent() && policiesAlongPaths < POLICIES_ALONG_PATHS) {
        policiesAlongPaths++;
        PacketBatch along = new PacketBatch();
        addPaths(subject, along);
        frames.addAll(along);
        addBranches(List.of(subject), List.of(along));
      }
      ModelRunner reference = model.load(subject);
      expected.add(new Expected(reference, frames));
      coverage.add(reference, subject.hook());
      score.trials += frames.size();
      engineScore(ModelEngine.NAME).trials += frames.size();
    }
    addBranches(subjects, expected.stream().map(one -> one.frames).toList());
    for (int i = 0; i < subjects.size(); i += ROWS_EVERY) {
      if (RandomPolicies.isStrict(policies.get(i))) {
        for (Engine engine : engines) {
          run(engine, new Subject.IntentRows(policies.get(i), hook), expected.get(i), score);
        }
      }
    }
    for (Engine engine : engines) {
      runPolicies(engine, subjects, expected, score);
    }
  }

  private void runPolicies(
      Engine engine, List<Subject.Intent> subjects, List<Expected> expected, ProgramScore score) {
    List<Runner> runners;
    try {
      runners = engine.loadAll(subjects);
    } catch (EngineException e) {
      engineScore(engine.name())
          .leftOut(
              failed(engine.name(), e), expected.stream().mapToInt(one -> one.frames.size()).sum());
      return;
    }
    try {
      for (int i = 0; i < subjects.size(); i++) {
        compare(subjects.get(i), expected.get(i), engine.name(), runners.get(i), score);
      }
    } finally {
      runners.forEach(Runner::close);
    }
  }

  private EngineScore engineScore(String name) {
    return engineScores.computeIfAbsent(name, key -> new EngineScore());
  }

  /** Compares what an engine does with what the model says. */
  private void compare(
      Subject subject, Expected expected, String engine, Runner runner, ProgramScore score) {
    PacketBatch frames = expected.frames;
    Outcomes actual = new Outcomes(frames.size());
    try {
      runner.run(frames, actual);
    } catch (EngineException e) {
      actual.notRun(failed(engine, e));
    }
    Optional<Runner.Counters> counted = runner.counters();
    EngineScore engineScore = engineScore(engine);
    int lines = expected.reference.lines().size();
    long[] packets = new long[lines];
    long[] bytes = new long[lines];
    long ran = 0;
    long wrong = 0;
    long faults = 0;
    int first = -1;
    int hidden = subject.hook().hidden();
    for (int i = 0; i < actual.size(); i++) {
      if (!actual.ran(i)) {
        engineScore.leftOut(notRun(runner, frames.packet(i), actual, i), 1);
        continue;
      }
      boolean faulted = actual.status(i) == Outcomes.Status.FAULT;
      if (!expected.outcomes.isDecided(i) && !faulted) {
        engineScore.leftOut(Outcome.Cut.REASON, 1);
        continue;
      }
      ran++;
      faults += faulted ? 1 : 0;
      int line = expected.outcomes.line(i);
      if (line != Outcomes.NO_LINE) {
        packets[line]++;
        bytes[line] += frames.wireLength(i) - hidden;
      }
      if (!actual.agrees(i, expected.outcomes)) {
        wrong++;
        first = first < 0 ? i : first;
      }
    }
    // A program that faulted has counted a part of its frames, and which is not known.
    boolean miscounted =
        faults == 0
            && counted.isPresent()
            && !(Arrays.equals(counted.get().packets(), packets)
                && Arrays.equals(counted.get().bytes(), bytes));
    wrong += miscounted ? 1 : 0;
    engineScore.trials += ran;
    engineScore.disagreements += wrong;
    engineScore.faults += faults;
    score.add(engine, ran, wrong, faults);
    if (wrong > 0 && disagreements.size() < REPORTED_PER_PROGRAM * programScores.size()) {
      try {
        disagreements.add(
            first < 0
                ? miscounted(subject, expected, engine, runner)
                : explain(subject, expected.reference, engine, runner, frames.packet(first)));
      } catch (EngineException e) {
        notes.add("%s: %s: not minimised: %s".formatted(subject, engine, failed(engine, e)));
      }
    }
  }

  private static String notRun(Runner runner, Packet packet, Outcomes outcomes, int i) {
    return outcomes.status(i) == Outcomes.Status.UNSUPPORTED
        ? runner.unsupported(packet).orElseThrow()
        : outcomes.notRunReason();
  }

  /** Finds a frame that a program books under another clause than the model does. */
  private static Disagreement miscounted(
      Subject subject, Expected expected, String engine, Runner runner) throws EngineException {
    PacketBatch frames = expected.frames;
    for (int i = 0; i < frames.size(); i++) {
      Packet packet = frames.packet(i);
      if (expected.outcomes.line(i) == Outcomes.NO_LINE || runner.unsupported(packet).isPresent()) {
        continue;
      }
      String actual = countedLine(expected.reference, runner, packet);
      if (!actual.equals(countedAs(subject, expected.reference, packet))) {
        Packet small =
            Shrinker.shrink(
                packet,
                subject.hook().hidden(),
                p ->
                    runner.unsupported(p).isEmpty()
                        && !countedLine(expected.reference, runner, p)
                            .equals(countedAs(subject, expected.reference, p)));
        return new Disagreement(
            subject,
            engine,
            small,
            countedAs(subject, expected.reference, small),
            countedLine(expected.reference, runner, small),
            expected.reference.explain(small));
      }
    }
    return new Disagreement(
        subject,
        engine,
        frames.packet(0),
        "the sum of what each frame counts",
        "other counters",
        Optional.empty());
  }

  /**
   * Runs one frame on the model and on an engine, and compares verdicts and, where they agree, what
   * the program has counted.
   */
  public static Disagreement once(
      Subject subject, String engine, ModelRunner reference, Runner runner, Packet packet)
      throws EngineException {
    String expected = reference.run(packet).toString();
    String actual = runner.run(packet).toString();
    boolean counts = expected.equals(actual) && runner.counters().isPresent();
    return new Disagreement(
        subject,
        engine,
        packet,
        counts ? expected + "; " + countedAs(subject, reference, packet) : expected,
        counts ? actual + "; " + countedLine(reference, runner, packet) : actual,
        reference.explain(packet));
  }

  private static String countedAs(Subject subject, ModelRunner reference, Packet packet) {
    return counted(
        reference.explain(packet).map(ModelRunner.Line::name).orElse("nothing"),
        1,
        packet.wireLength() - subject.hook().hidden());
  }

  private static String counted(String line, long packets, long bytes) {
    return "counter %s: packets +%d, bytes +%d".formatted(line, packets, bytes);
  }

  private static String countedLine(ModelRunner reference, Runner runner, Packet packet)
      throws EngineException {
    Runner.Counters before = runner.counters().orElseThrow();
    runner.run(packet);
    Runner.Counters after = runner.counters().orElseThrow();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < after.packets().length; i++) {
      long times = after.packets()[i] - before.packets()[i];
      long bytes = after.bytes()[i] - before.bytes()[i];
      if (times != 0 || bytes != 0) {
        String line = i < reference.lines().size() ? reference.lines().get(i).name() : "of no line";
        text.append(text.length() == 0 ? "" : ", ").append(counted(line, times, bytes));
      }
    }
    return text.length() == 0 ? "no counter changed" : text.toString();
  }

  private static Disagreement explain(
      Subject subject, ModelRunner reference, String engine, Runner runner, Packet packet)
      throws EngineException {
    boolean faults = runner.run(packet) instanceof Outcome.Fault;
    Packet small =
        Shrinker.shrink(
            packet,
            subject.hook().hidden(),
            candidate -> differ(reference, runner, candidate, faults));
    return new Disagreement(
        subject,
        engine,
        small,
        reference.run(small).toString(),
        runner.run(small).toString(),
        reference.explain(small));
  }

  /** Returns whether a frame shows a difference of the same kind: a fault, or another verdict. */
  private static boolean differ(ModelRunner reference, Runner runner, Packet packet, boolean faults)
      throws EngineException {
    Outcome actual = runner.run(packet);
    return actual instanceof Outcome.Fault == faults && actual.differsFrom(reference.run(packet));
  }

  /** Returns how many frames were given to a subject, over all subjects. */
  public long trials() {
    return programScores.values().stream().mapToLong(ProgramScore::trials).sum();
  }

  /** Returns how many times an engine did not do what the model says. */
  public long disagreementCount() {
    return programScores.values().stream().mapToLong(ProgramScore::disagreements).sum();
  }

  /** Returns how many times the program faulted on an engine; each is a disagreement as well. */
  public long faultCount() {
    return engineScores.values().stream().mapToLong(EngineScore::faults).sum();
  }

  /**
   * Returns by engine why it did not run a subject: it refuses the program, or failed itself. Empty
   * if every engine ran everything that it was given.
   */
  public Map<String, Set<String>> failures() {
    return new TreeMap<>(failures);
  }

  /** Returns the first of the {@link #failures()}. */
  public Optional<EngineException> firstFailure() {
    return firstFailure;
  }

  /** Returns what could not be measured or generated, and why. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  /** Returns the first disagreement of each subject and engine, minimised. */
  public List<Disagreement> disagreements() {
    return List.copyOf(disagreements);
  }

  public Map<String, EngineScore> engineScores() {
    return new LinkedHashMap<>(engineScores);
  }

  public Map<String, ProgramScore> programScores() {
    return new LinkedHashMap<>(programScores);
  }

  public Coverage coverage() {
    return coverage;
  }
}
