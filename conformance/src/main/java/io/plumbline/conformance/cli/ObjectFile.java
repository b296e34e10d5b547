package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;

/** An object file with a program that is given packets, as arguments name it. */
record ObjectFile(Path file, byte[] bytes, BpfObject object, BpfObject.Program chosen) {
  /** Reads an object; its first program is taken. */
  static ObjectFile read(Path file) throws CommandException {
    byte[] bytes = BpfInput.file(file);
    BpfObject object = BpfInput.object(file.toString(), bytes, null);
    return new ObjectFile(file, bytes, object, BpfInput.program(file.toString(), object, null));
  }

  String program() {
    return chosen.name();
  }

  /** Returns the context that the program is given, which its section names. */
  private ContextType type() throws CommandException {
    return Contexts.of(chosen.section())
        .orElseThrow(
            () ->
                new CommandException(
                    ExitStatus.USAGE,
                    "%s: program %s, section %s: expected one that is given a packet"
                        .formatted(file, chosen.name(), chosen.section())));
  }

  /** Returns the program's hook, which names its verdicts; those of other hooks are numbers. */
  Hook hook() throws CommandException {
    return Contexts.hook(type())
        .orElseGet(() -> Hook.unnamed(chosen.section().split("[/_]", 2)[0]));
  }

  /** Returns the branches that frames can take, and a frame for each. */
  Reach reach(Map<String, byte[]> variables) throws SymbolicException {
    return Reach.of(object, program(), variables);
  }

  /**
   * Makes what runs frames on the emulator.
   *
   * @param variables bytes of global variables, by name
   * @param maker an interpreter or a JIT
   * @param linear how many bytes of a frame are linear at most
   */
  Runner runner(Map<String, byte[]> variables, Function<Machine, Program.Maker> maker, int linear)
      throws CommandException {
    try {
      return EmulatorEngine.runner(object, program(), hook(), type(), variables, maker, linear);
    } catch (VmException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": " + e.getMessage());
    }
  }
}
