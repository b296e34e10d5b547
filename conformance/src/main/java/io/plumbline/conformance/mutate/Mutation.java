package io.plumbline.conformance.mutate;

import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.Execution;
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
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyDiff;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.EdgePackets;
import io.plumbline.pcaps.PolicyPackets;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Judges mutants: frames are run first, among them those along every path of the unchanged program;
 * a mutant that no frame distinguishes from the program is then proved equal to it, or is not.
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

  /** How the judgement of a mutant ended. */
  public enum Fate {
    /** It was shown to be wrong: {@link Evidence}. */
    KILLED,
    /** It does the same for all frames and inputs. */
    EQUIVALENT,
    /** It was neither shown to be wrong nor proved to be right. */
    SURVIVED,
    /** An engine or the prover failed, so nothing is known of it. Neither killed nor survived. */
    NOT_RUN
  }

  /** What killed a mutant. */
  public enum Evidence {
    /** A frame that it decides or counts otherwise. */
    FRAME,
    /** A frame on which it faults. */
    FAULT,
    /** A verifier that refuses it. */
    REFUSAL,
    /** A frame that the solver found and the emulator confirmed. */
    SOLVER
  }

  /**
   * A judged mutant.
   *
   * @param what it is
   * @param evidence what killed it; empty if it was not killed
   * @param how it was judged
   */
  public record Judged(
      String what, Fate fate, Optional<Evidence> evidence, String how, double seconds) {}

  /** A reason to kill a mutant. */
  private record Kill(Evidence evidence, String how) {}

  /** Judges one mutant. */
  private interface Judgement {
    /** Returns what kills it, or else asks for a proof. */
    Judged judge(long start) throws EngineException;
  }

  private final ObjectSource objects;
  private final Hook hook;
  private final boolean kernel;
  private final Map<String, PacketBatch> along = new ConcurrentHashMap<>();

  /** Judges mutants of the objects that ship. */
  public Mutation(Hook hook) {
    this(ObjectSource.builtIn(), hook);
  }

  /** Judges mutants of some objects, which are also what the unchanged stages of a chain run. */
  public Mutation(ObjectSource objects, Hook hook) {
    this.objects = objects;
    this.hook = hook;
    kernel = new KernelEngine(objects).unavailable().isEmpty();
  }

  /** Judges; where an engine fails, the mutant is not run. */
  private static Judged judging(String what, Judgement judgement) {
    long start = System.nanoTime();
    try {
      return judgement.judge(start);
    } catch (EngineException e) {
      return judged(what, Fate.NOT_RUN, e.summary(), start);
    }
  }

  /** Judges a changed object of a program. */
  public Judged judge(ProgramSpec program, BytecodeMutants.Mutant mutant) {
    ProgramObjects changed = changed(program.name(), mutant.object());
    return judging(
        mutant.what(),
        start -> {
          Optional<Kill> kill = runs(program, changed);
          if (kill.isEmpty()) {
            // Code that an input leaves out of reach is not verified: so all of them are tried.
            kill = refusal(changed, subjects(program));
          }
          return kill.isPresent()
              ? killed(mutant.what(), kill.get(), start)
              : proved(mutant.what(), prover(changed, start).of(program), changed, start);
        });
  }

  /** Judges a changed model of a program. */
  public Judged judge(ModelMutants.Mutant mutant) {
    return judging(
        mutant.what(),
        start -> {
          Optional<Kill> kill;
          try {
            kill = runs(mutant.program(), objects);
          } catch (EngineException e) {
            if (!e.refused()) {
              throw e;
            }
            kill = Optional.of(new Kill(Evidence.FAULT, e.summary()));
          }
          return kill.isPresent()
              ? killed(mutant.what(), kill.get(), start)
              : proved(mutant.what(), prover(objects, start).of(mutant.program()), objects, start);
        });
  }

  /** Judges a changed object of {@code intent}, with policies. */
  public Judged judgeIntent(BytecodeMutants.Mutant mutant) {
    ProgramObjects changed = changed(Intent.NAME, mutant.object());
    return judging(
        mutant.what(),
        start -> {
          Verification run =
              new Verification(List.of(EmulatorEngine.jit(changed)), new PacketBatch(), 0, SEED);
          List<Policy> policies = new ArrayList<>(Prover.examples());
          policies.addAll(RandomPolicies.of(POLICIES, SEED));
          Optional<Kill> kill = Optional.empty();
          for (int i = 0; i < policies.size() && kill.isEmpty(); i += 8) {
            run.runPolicies(
                policies.subList(i, Math.min(policies.size(), i + 8)), hook, FRAMES_PER_POLICY);
            kill = kill(run, "a frame of a policy");
          }
          if (kill.isEmpty()) {
            kill = refusal(changed, List.of(new Subject.Intent(policies.get(0), hook)));
          }
          if (kill.isPresent()) {
            return killed(mutant.what(), kill.get(), start);
          }
          List<Prover.Task> tasks = new ArrayList<>();
          Prover prover = prover(changed, start);
          Prover.examples()
              .forEach(policy -> tasks.add(prover.of(new Subject.Intent(policy, hook))));
          return proved(mutant.what(), tasks, changed, start);
        });
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
    if (SourceMutants.same(object.get(), objects.object(hook.objectOf(program)))) {
      return Optional.of(
          judged(mutant.what(), Fate.EQUIVALENT, "the compiler makes the same of it", start));
    }
    BytecodeMutants.Mutant changed = new BytecodeMutants.Mutant(mutant.what(), object.get());
    return Optional.of(judge(program, changed));
  }

  /** Judges a changed object of a program. */
  public Judged judge(String program, BytecodeMutants.Mutant mutant) {
    Optional<ProgramSpec> spec = ProgramCatalog.find(program);
    if (spec.isPresent()) {
      return judge(spec.get().at(hook), mutant);
    }
    return program.equals(Intent.NAME) ? judgeIntent(mutant) : judgeOther(program, mutant);
  }

  private Judged judgeOther(String program, BytecodeMutants.Mutant mutant) {
    ProgramObjects changed = changed(program, mutant.object());
    List<Subject> subjects =
        Prover.subjects(program).stream().map(subject -> subject.at(hook)).toList();
    return judging(
        mutant.what(),
        start -> {
          Optional<Kill> kill =
              switch (program) {
                case GateModel.NAME -> gateRuns(mutant.object());
                case StrictRow.PROGRAM -> rowsRun(subjects, changed);
                default -> runs(program, subjects, changed, new PacketBatch());
              };
          if (kill.isEmpty()) {
            kill = refusal(changed, subjects);
          }
          return kill.isPresent()
              ? killed(mutant.what(), kill.get(), start)
              : proved(mutant.what(), prover(changed, start).of(program, hook), changed, start);
        });
  }

  private Optional<Kill> rowsRun(List<Subject> subjects, ProgramObjects changed)
      throws EngineException {
    List<Subject> all = new ArrayList<>(subjects);
    RandomPolicies.of(POLICIES, SEED).stream()
        .filter(RandomPolicies::isStrict)
        .forEach(policy -> all.add(new Subject.IntentRows(policy, hook)));
    for (Subject subject : all) {
      PacketBatch frames = new PacketBatch();
      EdgePackets.add(subject, frames, FRAMES_PER_POLICY, SEED);
      Optional<Kill> kill = runs(StrictRow.PROGRAM, List.of(subject), changed, frames);
      if (kill.isPresent()) {
        return kill;
      }
    }
    return Optional.empty();
  }

  private Optional<Kill> gateRuns(byte[] object) throws EngineException {
    try {
      for (GateExecution.Case one : GateExecution.cases(hook, GATE_CASES, SEED)) {
        if (!GateExecution.emulated(
                machine -> new Jit(machine, true),
                hook,
                object,
                one.state(),
                one.frame(),
                one.frame().wireLength())
            .equals(GateModel.judge(hook, one.state(), one.frame()))) {
          return Optional.of(new Kill(Evidence.FRAME, "a frame: " + one.state()));
        }
      }
      if (kernel) {
        new GateTestRun(hook, object, GateExecution.cases(hook, 1, SEED).get(0).state()).close();
      }
      return Optional.empty();
    } catch (Fault fault) {
      return Optional.of(new Kill(Evidence.FAULT, "it faults: " + fault.what()));
    } catch (EngineException e) {
      return Optional.of(refused(e));
    }
  }

  /** Returns the kill by a verifier that refuses a mutant; any other failure kills nothing. */
  private static Kill refused(EngineException e) throws EngineException {
    if (!e.refused()) {
      throw e;
    }
    return new Kill(Evidence.REFUSAL, "it is refused: " + e.summary());
  }

  private ProgramObjects changed(String program, byte[] object) {
    String changed = hook.objectOf(program);
    return name -> name.equals(changed) ? object : objects.object(name);
  }

  /** Judges a changed policy as the model of the unchanged one. */
  public Judged judge(Policy policy, PolicyMutants.Mutant mutant) {
    return judging(mutant.what(), start -> judge(policy, mutant, start));
  }

  private Judged judge(Policy policy, PolicyMutants.Mutant mutant, long start)
      throws EngineException {
    PacketBatch frames = new PacketBatch();
    new PolicyPackets(mutant.policy(), SEED).add(frames, FRAMES_PER_CHANGED_POLICY);
    new PolicyPackets(policy, SEED).add(frames, FRAMES_PER_CHANGED_POLICY);
    Outcomes changed = outcomes(new ModelEngine(), mutant.policy(), frames);
    Outcomes unchanged = outcomes(EmulatorEngine.jit(objects), policy, frames);
    for (int i = 0; i < frames.size(); i++) {
      if (!unchanged.isDecided(i)) {
        throw new EngineException("the unchanged program faults: " + unchanged.fault(i));
      }
      if (!unchanged.agrees(i, changed)) {
        return killed(mutant.what(), new Kill(Evidence.FRAME, "a frame of a policy"), start);
      }
    }
    PolicyDiff diff = PolicyDiff.of(policy, mutant.policy(), 1);
    return diff.onlyFirst().isEmpty() && diff.onlySecond().isEmpty()
        ? judged(mutant.what(), Fate.EQUIVALENT, "both policies decide alike", start)
        : judged(mutant.what(), Fate.SURVIVED, "no frame tells them apart", start);
  }

  /** Returns verdicts alone: where a rule is missing, its counter is too. */
  private Outcomes outcomes(Engine engine, Policy policy, PacketBatch frames)
      throws EngineException {
    Outcomes outcomes = new Outcomes(frames.size());
    try (Runner runner = engine.load(new Subject.Intent(policy, hook))) {
      runner.run(frames, outcomes);
    }
    return outcomes;
  }

  /** Returns a prover that gives up a mutant which has taken long enough. */
  private static Prover prover(ProgramObjects objects, long start) {
    return new Prover(objects, PATIENCE.until(start + NANOSECONDS_PER_MUTANT));
  }

  private static Judged judged(String what, Fate fate, String how, long start) {
    return new Judged(what, fate, Optional.empty(), how, (System.nanoTime() - start) / 1e9);
  }

  private static Judged killed(String what, Kill kill, long start) {
    return new Judged(
        what, Fate.KILLED, Optional.of(kill.evidence), kill.how, (System.nanoTime() - start) / 1e9);
  }

  private List<Subject> subjects(ProgramSpec program) {
    return Subjects.of(program).stream().map(subject -> subject.at(hook)).toList();
  }

  private Optional<Kill> runs(ProgramSpec program, ProgramObjects changed) throws EngineException {
    for (Subject subject : subjects(program)) {
      Optional<Kill> kill = runs(program.name(), List.of(subject), changed, along(subject));
      if (kill.isPresent()) {
        return kill;
      }
    }
    return Optional.empty();
  }

  private static Optional<Kill> runs(
      String program, List<Subject> subjects, ProgramObjects changed, PacketBatch frames)
      throws EngineException {
    for (EmulatorEngine engine :
        List.of(EmulatorEngine.jit(changed), EmulatorEngine.jit(changed).withLinear(0))) {
      for (Subject subject : subjects) {
        Verification run = new Verification(List.of(engine), frames, FUZZ, SEED);
        run.run(program, subject);
        Optional<Kill> kill = kill(run, "a frame: " + subject);
        if (kill.isPresent()) {
          return kill;
        }
      }
    }
    return Optional.empty();
  }

  /** Returns what a run shows. */
  private static Optional<Kill> kill(Verification run, String frame) throws EngineException {
    if (run.faultCount() > 0) {
      return Optional.of(new Kill(Evidence.FAULT, "it faults on " + frame));
    }
    if (run.disagreementCount() > 0) {
      return Optional.of(new Kill(Evidence.FRAME, frame));
    }
    Optional<EngineException> failure = run.firstFailure();
    return failure.isEmpty() ? Optional.empty() : Optional.of(refused(failure.get()));
  }

  private Optional<Kill> refusal(ProgramObjects changed, List<? extends Subject> subjects)
      throws EngineException {
    if (!kernel) {
      return Optional.empty();
    }
    try {
      for (Runner runner : new KernelEngine(changed::object).loadAll(subjects)) {
        runner.close();
      }
      return Optional.empty();
    } catch (EngineException e) {
      return Optional.of(refused(e));
    }
  }

  /** Returns frames along every way of the unchanged program. */
  private PacketBatch along(Subject subject) throws EngineException {
    PacketBatch known = along.get(subject.toString());
    if (known == null) {
      known = new PacketBatch();
      try {
        Optional<Reach> reach = Reach.of(objects, subject);
        if (reach.isPresent()) {
          reach.get().frames().forEach(known::add);
        }
      } catch (SymbolicException e) {
        throw new EngineException("paths: " + e.getMessage());
      }
      along.put(subject.toString(), known);
    }
    return known;
  }

  private static Judged proved(
      String what, List<Prover.Task> tasks, ProgramObjects changed, long start)
      throws EngineException {
    for (Prover.Task task : tasks) {
      Proof proof = Execution.confirmed(task.prove(), changed);
      if (proof.counterexample().isPresent()) {
        return killed(what, new Kill(Evidence.SOLVER, "a frame that the solver found"), start);
      }
      if (!proof.unknown().isEmpty()) {
        return judged(what, Fate.SURVIVED, proof.unknown(), start);
      }
    }
    return judged(what, Fate.EQUIVALENT, "proved", start);
  }
}
