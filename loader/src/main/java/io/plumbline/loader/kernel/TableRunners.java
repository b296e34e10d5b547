package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Many images in one loaded program, a slot each: loading a program and waiting for the kernel at
 * each change of its maps costs far more than running a packet does.
 */
final class TableRunners {
  /** Makes what runs the loaded program. */
  interface Maker {
    Runner make(Subject subject, LoadedImage loaded) throws EngineException;
  }

  private final TableProgram program;
  private final Runner runner;
  private int open;

  private TableRunners(TableProgram program, Runner runner, int open) {
    this.program = program;
    this.runner = runner;
    this.open = open;
  }

  /**
   * Loads images.
   *
   * @param subjects at least one
   * @param images their images, all of one program that has tables
   */
  static List<Runner> load(
      List<? extends Subject> subjects, List<Image> images, ObjectSource objects, Maker maker)
      throws EngineException {
    TableProgram program =
        TableProgram.forTestRuns(
            objects, images.get(0), subjects.get(0).hook(), Math.max(2, subjects.size()));
    try {
      program.install(0, images);
      Runner runner = maker.make(subjects.get(0), LoadedImage.of(program));
      TableRunners shared = new TableRunners(program, runner, subjects.size());
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
