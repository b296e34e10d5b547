package io.plumbline.conformance.mutate;

import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Judges mutants: frames are run first, those along every way of the unchanged program among them;
 * what no frame tells apart is proved to be the same, or is not.
 */
public final class Mutation {
  private static final int SEED = 1;
  private static final int FUZZ = 500;
  private static final int POLICIES = 24;
  private static final int FRAMES_PER_POLICY = 400;
  private static final int SECONDS = 20;

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
  private final Optional<Engine> kernel;
  private final Map<String, PacketBatch> along = new HashMap<>();

  public Mutation() {
    Engine engine = new KernelEngine(objects);
    kernel = engine.unavailable().isEmpty() ? Optional.of(engine) : Optional.empty();
  }

  /** Judges a changed object of a program. */
  public Judged judge(ProgramSpec program, BytecodeMutants.Mutant mutant) throws EngineException {
    ProgramObjects changed = changed(program.name(), mutant.object());
    long start = System.nanoTime();
    String how = runs(program, changed);
    if (how.isEmpty()) {
      how = refusal(program, changed);
    }
    if (!how.isEmpty()) {
      return judged(mutant.what(), Fate.KILLED, how, start);
    }
    return proved(mutant.what(), new Prover(changed, SECONDS).of(program), start);
  }

  /** Judges a changed model of a program. */
  public Judged judge(ModelMutants.Mutant mutant) throws EngineException {
    long start = System.nanoTime();
    String how = runs(mutant.program(), objects);
    if (!how.isEmpty()) {
      return judged(mutant.what(), Fate.KILLED, how, start);
    }
    return proved(mutant.what(), new Prover(objects, SECONDS).of(mutant.program()), start);
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
    List<Prover.Task> tasks = new ArrayList<>();
    Prover prover = new Prover(changed, SECONDS);
    Prover.examples().forEach(policy -> tasks.add(prover.of(policy)));
    return proved(mutant.what(), tasks, start);
  }

  private ProgramObjects changed(String program, byte[] object) {
    return name -> name.equals(program) ? object : objects.object(name);
  }

  private static Judged judged(String what, Fate fate, String how, long start) {
    return new Judged(what, fate, how, (System.nanoTime() - start) / 1e9);
  }

  /** Returns what shows a mutant, or nothing. */
  private String runs(ProgramSpec program, ProgramObjects changed) throws EngineException {
    for (EmulatorEngine engine :
        List.of(EmulatorEngine.jit(changed), EmulatorEngine.jit(changed).withLinear(0))) {
      for (Subject subject : Subjects.of(program)) {
        Verification run = new Verification(List.of(engine), along(program, subject), FUZZ, SEED);
        try {
          run.run(program.name(), subject);
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

  private String refusal(ProgramSpec program, ProgramObjects changed) {
    if (kernel.isEmpty()) {
      return "";
    }
    try {
      Runner runner = new KernelEngine(changed::object).load(Subjects.of(program).get(0));
      runner.close();
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
