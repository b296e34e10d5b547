package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.PolicyImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Many policies in one loaded program, a slot each: loading a program and waiting for the kernel at
 * each change of its maps costs far more than running a policy does.
 */
final class PolicyRunners {
  /** Makes what runs the loaded program. */
  interface Maker {
    Runner make(Subject subject, LoadedSubject loaded) throws EngineException;
  }

  private final PolicyProgram program;
  private final Runner runner;
  private int open;

  private PolicyRunners(PolicyProgram program, Runner runner, int open) {
    this.program = program;
    this.runner = runner;
    this.open = open;
  }

  /** Returns those of some subjects that are policies. */
  static List<Subject.Intent> policies(List<? extends Subject> subjects) {
    List<Subject.Intent> policies = new ArrayList<>();
    for (Subject subject : subjects) {
      if (subject instanceof Subject.Intent intent) {
        policies.add(intent);
      }
    }
    return policies;
  }

  /** Loads policies; none if there are none. */
  static List<Runner> load(
      List<Subject.Intent> subjects,
      ObjectSource objects,
      PolicyProgram.Lowering lowering,
      Maker maker)
      throws EngineException {
    if (subjects.isEmpty()) {
      return List.of();
    }
    List<PolicyImage> images = new ArrayList<>();
    for (Subject.Intent subject : subjects) {
      images.add(lowering.lower(subject.policy()));
    }
    PolicyProgram program = PolicyProgram.load(objects, Math.max(2, subjects.size()));
    try {
      program.install(0, images);
      Runner runner = maker.make(subjects.get(0), LoadedSubject.of(program));
      PolicyRunners shared = new PolicyRunners(program, runner, subjects.size());
      List<Runner> runners = new ArrayList<>();
      for (int slot = 0; slot < subjects.size(); slot++) {
        runners.add(shared.new OfSlot(slot));
      }
      return runners;
    } catch (EngineException | RuntimeException e) {
      program.close();
      throw e;
    }
  }

  private final class OfSlot implements Runner {
    private final int slot;

    OfSlot(int slot) {
      this.slot = slot;
    }

    @Override
    public Optional<String> unsupported(Packet packet) {
      return runner.unsupported(packet);
    }

    @Override
    public Outcome run(Packet packet) throws EngineException {
      program.activate(slot);
      return runner.run(packet);
    }

    @Override
    public void run(PacketBatch batch, Outcomes outcomes) throws EngineException {
      program.activate(slot);
      runner.run(batch, outcomes);
    }

    @Override
    public Optional<Counters> counters() {
      return Optional.of(program.counters(slot));
    }

    @Override
    public void close() {
      if (--open == 0) {
        runner.close();
      }
    }
  }
}
