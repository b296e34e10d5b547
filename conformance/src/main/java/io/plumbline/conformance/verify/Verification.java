package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PacketGenerator;
import io.plumbline.pcaps.PolicyPackets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Runs subjects on the model and on other engines, frame by frame the same, and keeps the score.
 */
public final class Verification {
  private static final int REPORTED_PER_PROGRAM = 10;

  /** How many policies are best loaded at once. */
  public static final int POLICIES_AT_ONCE = 250;

  /** The score of one engine. */
  public static final class EngineScore {
    private long trials;
    private long disagreements;
    private final Map<String, Long> unsupported = new TreeMap<>();

    public long trials() {
      return trials;
    }

    /** Returns how many times this engine did not do what the model says. */
    public long disagreements() {
      return disagreements;
    }

    /** Returns how many frames were not run, by reason. */
    public Map<String, Long> unsupported() {
      return new TreeMap<>(unsupported);
    }
  }

  /** The score of one program. */
  public static final class ProgramScore {
    private long trials;
    private long disagreements;
    private final Map<String, long[]> engines = new LinkedHashMap<>();

    /** Returns by engine how many frames were run, and how many of them went wrong. */
    public Map<String, long[]> engines() {
      return new LinkedHashMap<>(engines);
    }

    private long[] engine(String name) {
      return engines.computeIfAbsent(name, key -> new long[2]);
    }

    public long trials() {
      return trials;
    }

    public long disagreements() {
      return disagreements;
    }
  }

  /** One strict policy in so many is also run as rows, which are loaded one by one. */
  private static final int ROWS_EVERY = 10;

  /** So many policies are given frames along all ways, which take seconds to find. */
  private static final int POLICIES_ALONG_PATHS = 2;

  private final List<Engine> engines;
  private final PacketBatch corpus;
  private final int fuzz;
  private final long seed;
  private final Coverage coverage = new Coverage();
  private final Map<String, EngineScore> engineScores = new LinkedHashMap<>();
  private final Map<String, ProgramScore> programScores = new LinkedHashMap<>();
  private final List<Disagreement> disagreements = new ArrayList<>();
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

  /** Adds frames that take all ways through a program that is alone or the only stage. */
  private void addPaths(Subject subject, PacketBatch frames) throws EngineException {
    if (paths.isEmpty()) {
      return;
    }
    try {
      if (subject instanceof Subject.Standalone alone) {
        addPaths(alone.program(), alone.input(), false, frames);
      } else if (subject instanceof Subject.Chained chained
          && chained.chain().stages().size() == 1) {
        Chain.Stage stage = chained.chain().stages().get(0);
        addPaths(stage.program(), stage.input(), true, frames);
      }
    } catch (SymbolicException e) {
      throw new EngineException("paths: " + e.getMessage());
    }
  }

  private void addPaths(Subject.Intent subject, PacketBatch frames) throws EngineException {
    try {
      PacketBatch along = new PacketBatch();
      Reach reach = Reach.of(paths.orElseThrow(), subject.policy());
      reach.frames().forEach(along::add);
      frames.addAll(along);
      if (branches.isPresent()) {
        branches.get().reachable(Intent.NAME, reach.reachable());
        branches.get().add(List.of(subject), List.of(along));
      }
    } catch (SymbolicException e) {
      throw new EngineException("paths: " + e.getMessage());
    }
  }

  private void addPaths(ProgramSpec program, Input input, boolean stage, PacketBatch frames)
      throws EngineException, SymbolicException {
    ProgramObjects objects = paths.orElseThrow();
    Reach.of(objects, program, input, stage).frames().forEach(frames::add);
    if (branches.isPresent() && known.add(program.name() + stage)) {
      branches.get().reachable(program.name(), Reach.of(objects, program, stage).reachable());
    }
  }

  /** Returns which branches were taken, if that was measured. */
  public Optional<BranchCoverage> branches() {
    return branches;
  }

  /** Runs one subject and books it under a program's name. */
  public void run(String program, Subject subject) throws EngineException {
    PacketBatch frames = new PacketBatch();
    frames.addAll(corpus);
    PacketGenerator generator = new PacketGenerator(Subjects.inputsOf(subject));
    generator.systematic(frames);
    generator.random(frames, fuzz, seed ^ subject.toString().hashCode());
    PacketBatch along = new PacketBatch();
    addPaths(subject, along);
    frames.addAll(along);
    run(program, subject, frames, along);
  }

  /** Runs one subject on the corpus alone. */
  public void runGiven(String program, Subject subject) throws EngineException {
    run(program, subject, corpus, new PacketBatch());
  }

  private void run(String program, Subject subject, PacketBatch frames, PacketBatch along)
      throws EngineException {
    ProgramScore score = programScores.computeIfAbsent(program, name -> new ProgramScore());
    score.trials += frames.size();
    if (branches.isPresent()) {
      branches.get().add(List.of(subject), List.of(frames));
      branches.get().add(List.of(subject), List.of(along));
    }
    try (ModelRunner reference = model.load(subject)) {
      Expected expected = new Expected(reference, frames);
      coverage.add(reference);
      engineScore(ModelEngine.NAME).trials += frames.size();
      for (Engine engine : engines) {
        try (Runner runner = engine.load(subject)) {
          compare(subject, expected, engine.name(), runner, score);
        }
      }
    }
  }

  /** What the model says of frames. */
  private static final class Expected {
    final ModelRunner reference;
    final PacketBatch frames;
    final int[] verdicts;
    final int[] lines;

    Expected(ModelRunner reference, PacketBatch frames) {
      this.reference = reference;
      this.frames = frames;
      verdicts = new int[frames.size()];
      lines = new int[frames.size()];
      reference.run(frames, verdicts, lines);
    }
  }

  /**
   * Runs policies, each on frames made for it, and compares beside the verdicts what the program
   * has counted for each clause and rule.
   *
   * @param policies at most {@value #POLICIES_AT_ONCE}
   */
  public void runPolicies(List<Policy> policies, int framesEach) throws EngineException {
    ProgramScore score = programScores.computeIfAbsent(Intent.NAME, name -> new ProgramScore());
    List<Subject.Intent> subjects = policies.stream().map(Subject.Intent::new).toList();
    List<Expected> expected = new ArrayList<>();
    for (Subject.Intent subject : subjects) {
      PacketBatch frames = new PacketBatch(framesEach, framesEach * 100);
      new PolicyPackets(subject.policy(), seed + expected.size()).add(frames, framesEach);
      if (paths.isPresent() && policiesAlongPaths < POLICIES_ALONG_PATHS) {
        policiesAlongPaths++;
        addPaths(subject, frames);
      }
      ModelRunner reference = model.load(subject);
      expected.add(new Expected(reference, frames));
      coverage.add(reference);
      score.trials += frames.size();
      engineScore(ModelEngine.NAME).trials += frames.size();
    }
    if (branches.isPresent()) {
      branches.get().add(subjects, expected.stream().map(one -> one.frames).toList());
    }
    for (int i = 0; i < subjects.size(); i += ROWS_EVERY) {
      if (RandomPolicies.isStrict(policies.get(i))) {
        Subject rows = new Subject.IntentRows(policies.get(i));
        for (Engine engine : engines) {
          try (Runner runner = engine.load(rows)) {
            compare(rows, expected.get(i), engine.name(), runner, score);
          }
        }
      }
    }
    for (Engine engine : engines) {
      List<Runner> runners = engine.loadAll(subjects);
      try {
        for (int i = 0; i < subjects.size(); i++) {
          compare(subjects.get(i), expected.get(i), engine.name(), runners.get(i), score);
        }
      } finally {
        runners.forEach(Runner::close);
      }
    }
  }

  private EngineScore engineScore(String name) {
    return engineScores.computeIfAbsent(name, key -> new EngineScore());
  }

  private void compare(
      Subject subject, Expected expected, String engine, Runner runner, ProgramScore score)
      throws EngineException {
    PacketBatch frames = expected.frames;
    int[] actual = new int[frames.size()];
    runner.run(frames, actual);
    Optional<Runner.Counters> counted = runner.counters();
    EngineScore engineScore = engineScore(engine);
    long[] cell = score.engine(engine);
    int lines = expected.reference.lines().size();
    long[] packets = new long[lines];
    long[] bytes = new long[lines];
    boolean shown = false;
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] == Runner.UNSUPPORTED) {
        String reason = runner.unsupported(frames.packet(i)).orElse("not said");
        engineScore.unsupported.merge(reason, 1L, Long::sum);
        continue;
      }
      engineScore.trials++;
      cell[0]++;
      if (expected.lines[i] >= 0) {
        packets[expected.lines[i]]++;
        bytes[expected.lines[i]] += frames.wireLength(i);
      }
      if (actual[i] != expected.verdicts[i]) {
        score.disagreements++;
        engineScore.disagreements++;
        cell[1]++;
        if (!shown && disagreements.size() < REPORTED_PER_PROGRAM * programScores.size()) {
          disagreements.add(explain(subject, expected.reference, engine, runner, frames.packet(i)));
          shown = true;
        }
      }
    }
    if (counted.isPresent()
        && !(Arrays.equals(counted.get().packets(), packets)
            && Arrays.equals(counted.get().bytes(), bytes))) {
      score.disagreements++;
      engineScore.disagreements++;
      cell[1]++;
      if (!shown && disagreements.size() < REPORTED_PER_PROGRAM * programScores.size()) {
        disagreements.add(miscounted(subject, expected, engine, runner));
      }
    }
  }

  /** Finds a frame that a program books under another clause than the model does. */
  private static Disagreement miscounted(
      Subject subject, Expected expected, String engine, Runner runner) throws EngineException {
    PacketBatch frames = expected.frames;
    for (int i = 0; i < frames.size(); i++) {
      Packet packet = frames.packet(i);
      if (expected.lines[i] < 0 || runner.unsupported(packet).isPresent()) {
        continue;
      }
      String actual = countedLine(expected.reference, runner, packet);
      if (!actual.equals(countedAs(expected.reference, packet))) {
        Packet small =
            Shrinker.shrink(
                packet,
                p ->
                    runner.unsupported(p).isEmpty()
                        && !countedLine(expected.reference, runner, p)
                            .equals(countedAs(expected.reference, p)));
        return new Disagreement(
            subject,
            engine,
            small,
            countedAs(expected.reference, small),
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
        counts ? countedAs(reference, packet) : expected,
        counts ? countedLine(reference, runner, packet) : actual,
        reference.explain(packet));
  }

  private static String countedAs(ModelRunner reference, Packet packet) {
    return "counted once with %d bytes by %s"
        .formatted(
            packet.wireLength(),
            reference.explain(packet).map(ModelRunner.Line::name).orElse("nothing"));
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
        text.append(text.length() == 0 ? "" : " and ")
            .append("counted ")
            .append(times == 1 ? "once" : times + " times")
            .append(" with %d bytes by ".formatted(bytes))
            .append(
                i < reference.lines().size()
                    ? reference.lines().get(i).name()
                    : "a line that is not there");
      }
    }
    return text.length() == 0 ? "counted by nothing" : text.toString();
  }

  private static Disagreement explain(
      Subject subject, ModelRunner reference, String engine, Runner runner, Packet packet)
      throws EngineException {
    Packet small = Shrinker.shrink(packet, candidate -> differ(reference, runner, candidate));
    return new Disagreement(
        subject,
        engine,
        small,
        reference.run(small).toString(),
        runner.run(small).toString(),
        reference.explain(small));
  }

  private static boolean differ(ModelRunner reference, Runner runner, Packet packet)
      throws EngineException {
    return runner.run(packet) instanceof Outcome.Decided actual
        && reference.run(packet) instanceof Outcome.Decided expected
        && !actual.verdict().equals(expected.verdict());
  }

  /** Returns how many frames were given to a subject, over all subjects. */
  public long trials() {
    return programScores.values().stream().mapToLong(ProgramScore::trials).sum();
  }

  /** Returns how many times an engine did not do what the model says. */
  public long disagreementCount() {
    return programScores.values().stream().mapToLong(ProgramScore::disagreements).sum();
  }

  /** Returns the first disagreement of each subject and engine, made small. */
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
