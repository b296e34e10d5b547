package io.plumbline.emulator.engine;

import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.ReferenceMap;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Runs a program in its own machine. */
final class EmulatorRunner implements Runner {
  /**
   * Budget of one frame. No filter comes near it; a program that does not end is given up before a
   * campaign over thousands of frames takes hours.
   */
  private static final long BUDGET = 10_000_000;

  /** Frames of a batch that may use up the budget; the rest is then not run. */
  private static final int MOST_EXHAUSTED = 3;

  private final Hook hook;
  private final Machine machine;
  private final Program entry;
  private final Frames frames;

  EmulatorRunner(Hook hook, Machine machine, Program entry, Frames frames) {
    this.hook = hook;
    this.machine = machine;
    machine.budget(BUDGET);
    this.entry = entry;
    this.frames = frames;
  }

  /** Loads an image without tables. */
  static EmulatorRunner of(
      String engine,
      ProgramObjects objects,
      Function<Machine, Program.Maker> maker,
      Hook hook,
      Image image,
      int linear)
      throws EngineException {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, Contexts.of(hook));
    frames.linear(linear);
    Linker linker = new Linker(machine, maker.apply(machine));
    Image.Program entry = image.entry();
    Linker.Linked linked =
        link(engine, linker, objects, entry.object(), entry.variables(), Map.of());
    for (Image.TailCall call : image.tailCalls()) {
      BpfMap programs = linked.map(call.map());
      String name = call.program().name();
      Program program =
          link(
                  engine,
                  linker,
                  objects,
                  call.program().object(),
                  call.program().variables(),
                  Map.of(call.map(), programs))
              .program(name);
      if (programs instanceof ReferenceMap array) {
        array.put(call.slot(), program);
      }
    }
    return new EmulatorRunner(hook, machine, linked.program(entry.name()), frames);
  }

  /** Reads an object and binds its program. */
  static Linker.Linked link(
      String engine,
      Linker linker,
      ProgramObjects objects,
      String name,
      Map<String, byte[]> variables,
      Map<String, BpfMap> shared)
      throws EngineException {
    try {
      return linker.link(BpfObject.read(objects.object(name)), variables, shared);
    } catch (ObjectException | VmException | IllegalArgumentException e) {
      throw EngineException.refusal("%s: load %s: %s".formatted(engine, name, e.getMessage()), "");
    }
  }

  @Override
  public Optional<String> unsupported(Packet packet) {
    return Optional.empty();
  }

  @Override
  public Outcome run(Packet packet) {
    PacketBatch one = new PacketBatch(1, Math.max(1, packet.capturedLength()));
    one.add(packet);
    try {
      frames.show(one, 0);
      int verdict = (int) machine.run(entry, Machine.CONTEXT, 0);
      return new Outcome.Decided(
          new Verdict(hook, verdict), frames.after().behind(packet, hook.hidden()));
    } catch (Fault fault) {
      return new Outcome.Fault(describe(fault));
    }
  }

  /** Returns what a fault was and at which instruction, of the program that was running. */
  private String describe(Fault fault) {
    Program running = machine.program();
    int slot = fault.slot();
    String where =
        slot >= 0 && slot < running.insns().size()
            ? "insn %d (%s): ".formatted(slot, running.insns().get(slot))
            : "";
    return (running == entry ? "" : running.name() + ": ") + where + fault.what();
  }

  @Override
  public void run(PacketBatch batch, Outcomes outcomes) {
    outcomes.begin(batch.size());
    int next = batch.size();
    try {
      machine.run(entry, frames, batch, outcomes.codes());
      outcomes.decided(0, next);
    } catch (Fault fault) {
      next = frames.number();
      outcomes.decided(0, next);
      outcomes.fault(next, describe(fault));
      runSingly(batch, next + 1, machine.exhausted() ? 1 : 0, outcomes);
    }
  }

  /** Runs the frames that follow a fault. */
  private void runSingly(PacketBatch batch, int from, int exhaustedBefore, Outcomes outcomes) {
    int exhausted = exhaustedBefore;
    for (int i = from; i < batch.size() && exhausted < MOST_EXHAUSTED; i++) {
      try {
        frames.show(batch, i);
        outcomes.decide(i, (int) machine.run(entry, Machine.CONTEXT, 0));
      } catch (Fault fault) {
        outcomes.fault(i, describe(fault));
        exhausted += machine.exhausted() ? 1 : 0;
      }
    }
    if (exhausted == MOST_EXHAUSTED) {
      outcomes.notRun("the program did not end for %d frames before".formatted(exhausted));
    }
  }

  @Override
  public void close() {}
}
