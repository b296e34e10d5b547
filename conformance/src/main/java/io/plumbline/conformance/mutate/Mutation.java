package io.plumbline.conformance.mutate;

import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.GateExecution;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.loader.attach.GateTestRun;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyDiff;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PolicyPackets;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Judges mutants: frames are run first, those along every way of the unchanged program among them;
 * what no frame tells apart is proved to be the same, or is not.
 */
public final class Mutation {
  private static final int SEED = 1;
  private static final int FUZZ = 500;
  private static final int POLICIES = 24;
  private static final int FRAMES_PER_POLICY = 400;
  private static final int FRAMES_PER_CHANGED_POLICY = 4000;
  private static final int GATE_CASES = 400;
  private static final Patience PATIENCE = Patience.perQuestion(20_000);

  /** What the solver was asked last may end within a minute. */
  private static final long NANOSECONDS_PER_MUTANT = 55_000_000_000L;

  /** What became of a mutant. */
  public enum Fate {
    /** A frame showed it. */
    KILLED,
    /** It does the same for all frames and inputs. */
    EQUIVALENT,
    /** Neither was shown. */
    SURVIVED
  }

  /**
   * A judged mutant.
   *
   * @param what it is
   * @param how it was judged
   */
  public record Judged(String what, Fate fate, String how, double seconds) {}

  private final ObjectSource objects = ObjectSource.builtIn();
  private final boolean kernel = new KernelEngine(objects).unavailable().isEmpty();
  private final Map<String, PacketBatch> along = new ConcurrentHashMap<>();

  /** Judges a changed object of a program. */
  public Judged judge(ProgramSpec program, BytecodeMutants.Mutant mutant) throws EngineException {
    ProgramObjects changed = changed(program.name(), mutant.object());
    long start = System.nanoTime();
    String how = runs(program, changed);
    if (how.isEmpty()) {
      // What an input leaves out of reach is not looked at: so all of them are tried.
      how = refusal(changed, Subjects.of(program));
    }
    if (!how.isEmpty()) {
      return judged(mutant.what(), Fate.KILLED, how, start);
    }
    return proved(mutant.what(), prover(changed, start).of(program), start);
  }

  /** Judges a changed model of a program. */
  public Judged judge(ModelMutants.Mutant mutant) throws EngineException {
    long start = System.nanoTime();
    String how = runs(mutant.program(), objects);
    if (!how.isEmpty()) {
      return judged(mutant.what(), Fate.KILLED, how, start);
    }
    return proved(mutant.what(), prover(objects, start).of(mutant.program()), start);
  }

  /** Judges a changed object of {@code intent}, with policies. */
  public Judged judgeIntent(BytecodeMutants.Mutant mutant) throws EngineException {
    ProgramObjects changed = changed(Intent.NAME, mutant.object());
    long start = System.nanoTime();
    Verification run =
        new Verification(List.of(EmulatorEngine.jit(changed)), new PacketBatch(), 0, SEED);
    List<Policy> policies = new ArrayList<>(Prover.examples());
    policies.addAll(RandomPolicies.of(POLICIES, SEED));
    try {
      for (int i = 0; i < policies.size() && run.disagreementCount() == 0; i += 8) {
        run.runPolicies(policies.subList(i, Math.min(policies.size(), i + 8)), FRAMES_PER_POLICY);
      }
    } catch (EngineException e) {
      return judged(mutant.what(), Fate.KILLED, "it does what it must not", start);
    }
    if (run.disagreementCount() > 0) {
      return judged(mutant.what(), Fate.KILLED, "a frame of a policy", start);
    }
    String how =
        refusal(changed, policies.subList(0, 1).stream().map(Subject.Intent::new).toList());
    if (!how.isEmpty()) {
      return judged(mutant.what(), Fate.KILLED, how, start);
    }
    List<Prover.Task> tasks = new ArrayList<>();
    Prover prover = prover(changed, start);
    Prover.examples().forEach(policy -> tasks.add(prover.of(policy)));
    return proved(mutant.what(), tasks, start);
  }

  /**
   * Judges what the compiler makes of a changed source.
   *
   * @return nothing if it refuses it
   */
  public Optional<Judged> judge(SourceMutants sources, SourceMutants.Mutant mutant)
      throws EngineException, ObjectException, IOException {
    long start = System.nanoTime();
    Optional<byte[]> object = sources.compile(mutant);
    if (object.isEmpty()) {
      return Optional.empty();
    }
    String program = sources.program();
    if (SourceMutants.same(object.get(), objects.object(program))) {
      return Optional.of(
          judged(mutant.what(), Fate.EQUIVALENT, "the compiler makes the same of it", start));
    }
    BytecodeMutants.Mutant changed = new BytecodeMutants.Mutant(mutant.what(), object.get());
    return Optional.of(judge(program, changed));
  }

  /** Judges a changed object of a program. */
  public Judged judge(String program, BytecodeMutants.Mutant mutant) throws EngineException {
    Optional<ProgramSpec> spec = ProgramCatalog.find(program);
    if (spec.isPresent()) {
      return judge(spec.get(), mutant);
    }
    return program.equals(Intent.NAME) ? judgeIntent(mutant) : judgeOther(program, mutant);
  }

  private Judged judgeOther(String program, BytecodeMutants.Mutant mutant) throws EngineException {
    ProgramObjects changed = changed(program, mutant.object());
    List<Subject> subjects = Prover.subjects(program);
    long start = System.nanoTime();
    String how =
        switch (program) {
          case GateModel.NAME -> gateRuns(mutant.object());
          case StrictRow.PROGRAM -> rowsRun(subjects, changed);
          default -> runs(program, subjects, changed, new PacketBatch());
        };
    if (how.isEmpty()) {
      how = refusal(changed, subjects);
    }
    return how.isEmpty()
        ? proved(mutant.what(), prover(changed, start).of(program), start)
        : judged(mutant.what(), Fate.KILLED, how, start);
  }

  private static String rowsRun(List<Subject> subjects, ProgramObjects changed)
      throws EngineException {
    List<Subject> all = new ArrayList<>(subjects);
    RandomPolicies.of(POLICIES, SEED).stream()
        .filter(RandomPolicies::isStrict)
        .forEach(policy -> all.add(new Subject.IntentRows(policy)));
    for (Subject subject : all) {
      PacketBatch frames = new PacketBatch();
      if (subject instanceof Subject.IntentRows rows) {
        new PolicyPackets(rows.policy(), SEED).add(frames, FRAMES_PER_POLICY);
      }
      String how = runs(StrictRow.PROGRAM, List.of(subject), changed, frames);
      if (!how.isEmpty()) {
        return how;
      }
    }
    return "";
  }

  private String gateRuns(byte[] object) {
    try {
      for (GateExecution.Case one : GateExecution.cases(GATE_CASES, SEED)) {
        if (!GateExecution.emulated(
                machine -> new Jit(machine, true),
                object,
                one.state(),
                one.frame(),
                one.frame().wireLength())
            .equals(GateModel.judge(one.state(), one.frame()))) {
          return "a frame: " + one.state();
        }
      }
    } catch (Fault | EngineException e) {
      return "it does what it must not";
    }
    try {
      if (kernel) {
        new GateTestRun(object, GateExecution.cases(1, SEED).get(0).state()).close();
      }
      return "";
    } catch (EngineException e) {
      return "the kernel's verifier refuses it";
    }
  }

  private ProgramObjects changed(String program, byte[] object) {
    return name -> name.equals(program) ? object : objects.object(name);
  }

  /** Judges a changed policy as the model of the unchanged one. */
  public Judged judge(Policy policy, PolicyMutants.Mutant mutant) throws EngineException {
    long start = System.nanoTime();
    PacketBatch frames = new PacketBatch();
    new PolicyPackets(mutant.policy(), SEED).add(frames, FRAMES_PER_CHANGED_POLICY);
    new PolicyPackets(policy, SEED).add(frames, FRAMES_PER_CHANGED_POLICY);
    int[] changed = verdicts(new ModelEngine(), mutant.policy(), frames);
    int[] unchanged = verdicts(EmulatorEngine.jit(objects), policy, frames);
    for (int i = 0; i < frames.size(); i++) {
      if (unchanged[i] != Runner.UNSUPPORTED && unchanged[i] != changed[i]) {
        return judged(mutant.what(), Fate.KILLED, "a frame of a policy", start);
      }
    }
    PolicyDiff diff = PolicyDiff.of(policy, mutant.policy(), 1);
    return diff.onlyFirst().isEmpty() && diff.onlySecond().isEmpty()
        ? judged(mutant.what(), Fate.EQUIVALENT, "both policies decide alike", start)
        : judged(mutant.what(), Fate.SURVIVED, "no frame tells them apart", start);
  }

  /** Returns verdicts alone: where a rule is missing, its counter tells nothing about frames. */
  private static int[] verdicts(Engine engine, Policy policy, PacketBatch frames)
      throws EngineException {
    int[] verdicts = new int[frames.size()];
    try (Runner runner = engine.load(new Subject.Intent(policy))) {
      runner.run(frames, verdicts);
    }
    return verdicts;
  }

  /** Returns a prover that gives up a mutant which has taken long enough. */
  private static Prover prover(ProgramObjects objects, long start) {
    return new Prover(objects, PATIENCE.until(start + NANOSECONDS_PER_MUTANT));
  }

  private static Judged judged(String what, Fate fate, String how, long start) {
    return new Judged(what, fate, how, (System.nanoTime() - start) / 1e9);
  }

  /** Returns what shows a mutant, or nothing. */
  private String runs(ProgramSpec program, ProgramObjects changed) throws EngineException {
    for (Subject subject : Subjects.of(program)) {
      String how = runs(program.name(), List.of(subject), changed, along(program, subject));
      if (!how.isEmpty()) {
        return how;
      }
    }
    return "";
  }

  private static String runs(
      String program, List<Subject> subjects, ProgramObjects changed, PacketBatch frames)
      throws EngineException {
    for (EmulatorEngine engine :
        List.of(EmulatorEngine.jit(changed), EmulatorEngine.jit(changed).withLinear(0))) {
      for (Subject subject : subjects) {
        Verification run = new Verification(List.of(engine), frames, FUZZ, SEED);
        try {
          run.run(program, subject);
        } catch (EngineException e) {
          return "it does what it must not";
        } catch (IndexOutOfBoundsException e) {
          return "a condition reads past the end of the frame";
        }
        if (run.disagreementCount() > 0) {
          return "a frame: " + subject;
        }
      }
    }
    return "";
  }

  private String refusal(ProgramObjects changed, List<? extends Subject> subjects) {
    if (!kernel) {
      return "";
    }
    try {
      for (Runner runner : new KernelEngine(changed::object).loadAll(subjects)) {
        runner.close();
      }
      return "";
    } catch (EngineException e) {
      return "the kernel's verifier refuses it";
    }
  }

  /** Returns frames along every way of the unchanged program. */
  private PacketBatch along(ProgramSpec program, Subject subject) throws EngineException {
    PacketBatch known = along.get(subject.toString());
    if (known == null) {
      known = new PacketBatch();
      try {
        Reach reach =
            subject instanceof Subject.Standalone alone
                ? Reach.of(objects, program, alone.input(), false)
                : Reach.of(objects, program, firstStage(subject).input(), true);
        reach.frames().forEach(known::add);
      } catch (SymbolicException e) {
        throw new EngineException("paths: " + e.getMessage());
      }
      along.put(subject.toString(), known);
    }
    return known;
  }

  private static Chain.Stage firstStage(Subject subject) {
    return ((Subject.Chained) subject).chain().stages().get(0);
  }

  private static Judged proved(String what, List<Prover.Task> tasks, long start)
      throws EngineException {
    for (Prover.Task task : tasks) {
      Proof proof = task.prove();
      if (proof.counterexample().isPresent()) {
        return judged(what, Fate.KILLED, "a frame that the solver found", start);
      }
      if (!proof.unknown().isEmpty()) {
        return judged(what, Fate.SURVIVED, proof.unknown(), start);
      }
    }
    return judged(what, Fate.EQUIVALENT, "proved", start);
  }
}
