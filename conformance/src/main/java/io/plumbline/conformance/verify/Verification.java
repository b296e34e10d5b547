package io.plumbline.conformance.verify;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketGenerator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs subjects on the model and on other engines, frame by frame the same, and keeps the score.
 */
public final class Verification {
  private static final int REPORTED_PER_PROGRAM = 10;

  /** The score of one engine. */
  public static final class EngineScore {
    private long trials;
    private final Map<String, Long> unsupported = new TreeMap<>();

    public long trials() {
      return trials;
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

    public long trials() {
      return trials;
    }

    public long disagreements() {
      return disagreements;
    }
  }

  private final List<Engine> engines;
  private final PacketBatch corpus;
  private final int fuzz;
  private final long seed;
  private final Coverage coverage = new Coverage();
  private final Map<String, EngineScore> engineScores = new LinkedHashMap<>();
  private final Map<String, ProgramScore> programScores = new LinkedHashMap<>();
  private final List<Disagreement> disagreements = new ArrayList<>();
  private final ModelEngine model = new ModelEngine();

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

  /** Runs one subject and books it under a program's name. */
  public void run(String program, Subject subject) throws EngineException {
    PacketBatch frames = new PacketBatch();
    frames.addAll(corpus);
    PacketGenerator generator = new PacketGenerator(Subjects.inputsOf(subject));
    generator.systematic(frames);
    generator.random(frames, fuzz, seed ^ subject.toString().hashCode());
    ProgramScore score = programScores.computeIfAbsent(program, name -> new ProgramScore());
    score.trials += frames.size();
    int[] expected = new int[frames.size()];
    try (ModelRunner reference = model.load(subject)) {
      reference.run(frames, expected);
      coverage.add(reference);
      engineScore(ModelEngine.NAME).trials += frames.size();
      for (Engine engine : engines) {
        try (Runner runner = engine.load(subject)) {
          compare(subject, reference, expected, engine.name(), runner, frames, score);
        }
      }
    }
  }

  private EngineScore engineScore(String name) {
    return engineScores.computeIfAbsent(name, key -> new EngineScore());
  }

  private void compare(
      Subject subject,
      ModelRunner reference,
      int[] expected,
      String engine,
      Runner runner,
      PacketBatch frames,
      ProgramScore score)
      throws EngineException {
    int[] actual = new int[frames.size()];
    runner.run(frames, actual);
    EngineScore engineScore = engineScore(engine);
    boolean shown = false;
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] == Runner.UNSUPPORTED) {
        String reason = runner.unsupported(frames.packet(i)).orElse("not said");
        engineScore.unsupported.merge(reason, 1L, Long::sum);
        continue;
      }
      engineScore.trials++;
      if (actual[i] != expected[i]) {
        score.disagreements++;
        if (!shown && disagreements.size() < REPORTED_PER_PROGRAM * programScores.size()) {
          disagreements.add(explain(subject, reference, engine, runner, frames.packet(i)));
          shown = true;
        }
      }
    }
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
