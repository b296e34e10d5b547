package io.plumbline.conformance.cli;

import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** An object file with a tc program, as arguments name it. */
record ObjectFile(Path file, BpfObject object, String program) {
  /** Reads an object; its first program is taken. */
  static ObjectFile read(Path file) throws CommandException {
    BpfObject object = BpfInput.object(file.toString(), BpfInput.file(file), null);
    return new ObjectFile(file, object, BpfInput.program(file.toString(), object, null).name());
  }

  /**
   * Makes what runs frames on the emulator.
   *
   * @param variables bytes of global variables, by name
   */
  FrameRunner runner(Map<String, byte[]> variables) throws CommandException {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    try {
      Program entry =
          new Linker(machine, new Jit(machine, true))
              .link(object, List.of(program), variables, Map.of())
              .program(program);
      return new FrameRunner(file, machine, frames, entry);
    } catch (VmException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": " + e.getMessage());
    }
  }

  /** Runs frames. */
  record FrameRunner(Path file, Machine machine, Frames frames, Program entry) {
    /** Returns what the program returns for a frame. */
    int run(Packet packet) throws CommandException {
      return run(PacketBatch.of(packet), 0);
    }

    /** Returns what the program returns for a frame of a batch. */
    int run(PacketBatch batch, int frame) throws CommandException {
      frames.show(batch, frame);
      try {
        return (int) machine.run(entry, Machine.CONTEXT, 0);
      } catch (Fault fault) {
        throw new CommandException(
            ExitStatus.DISAGREEMENT, "%s: frame %d: %s".formatted(file, frame, fault.what()));
      }
    }
  }
}
