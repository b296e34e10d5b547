package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.program.RodataImage;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
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

  /**
   * Returns the objects that ship, with this one in the place of a program's. It must have what the
   * input of the program, or its policy, is written to.
   */
  ObjectSource inPlaceOf(String program, Hook hook) throws CommandException {
    if (object.program(program).isEmpty()) {
      throw new CommandException(
          ExitStatus.USAGE,
          "--object: %s: no program %s in it: expected one of %s"
              .formatted(
                  file, program, object.programs().stream().map(BpfObject.Program::name).toList()));
    }
    BpfObject shipped = shipped(program, hook);
    Set<String> missing = new TreeSet<>();
    shipped.maps().stream()
        .map(MapSpec::name)
        .filter(map -> !map.startsWith("."))
        .forEach(missing::add);
    object.maps().forEach(map -> missing.remove(map.name()));
    for (String variable : inputs(program)) {
      BpfObject.Variable ours = shipped.variables().get(variable);
      BpfObject.Variable theirs = object.variables().get(variable);
      if (ours != null && (theirs == null || theirs.size() != ours.size())) {
        missing.add("%s (%d bytes)".formatted(variable, ours.size()));
      }
    }
    if (!missing.isEmpty()) {
      throw new CommandException(
          ExitStatus.USAGE,
          "--object: %s: program %s: variables or maps missing, or of another size: expected %s"
              .formatted(file, program, String.join(", ", missing)));
    }
    return ObjectSource.builtIn().with(hook.objectOf(program), file);
  }

  private static BpfObject shipped(String program, Hook hook) throws CommandException {
    try {
      return BpfObject.read(ObjectSource.builtIn().object(hook.objectOf(program)));
    } catch (EngineException | ObjectException e) {
      throw new CommandException(ExitStatus.UNAVAILABLE, program + ": " + e.getMessage());
    }
  }

  /** Returns the variables that a program's input, and its place in a chain, are written to. */
  private static Set<String> inputs(String program) {
    Optional<ProgramSpec> spec = ProgramCatalog.find(program);
    if (spec.isEmpty()) {
      return Set.of();
    }
    Input input = Subjects.inputs(spec.get().grammar()).get(0);
    return spec.get().chainable()
        ? RodataImage.stage(new Chain.Stage(spec.get(), input), 0).symbols().keySet()
        : RodataImage.standalone(spec.get(), input).symbols().keySet();
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
