package io.plumbline.conformance.junit;

import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.List;

/** A tc program of an object file, to be compared with a decision list. */
public final class BpfProgram {
  private final String name;
  private final Hook hook;
  private final byte[] object;

  private BpfProgram(String name, Hook hook, byte[] object) {
    this.hook = hook;
    this.name = name;
    this.object = object;
  }

  /**
   * Reads an object.
   *
   * @param program the program's name; empty for the only one
   * @throws ObjectException if it is no object
   * @throws IllegalArgumentException if it has no such program, or several and none is named
   */
  public static BpfProgram read(byte[] object, String program) throws ObjectException {
    List<BpfObject.Program> programs = BpfObject.read(object).programs();
    List<String> names = programs.stream().map(BpfObject.Program::name).toList();
    if (program.isEmpty() ? names.size() != 1 : !names.contains(program)) {
      throw new IllegalArgumentException(
          "program '%s': expected one of %s".formatted(program, names));
    }
    BpfObject.Program chosen = programs.get(program.isEmpty() ? 0 : names.indexOf(program));
    Hook hook =
        Contexts.of(chosen.section())
            .flatMap(Contexts::hook)
            .orElseGet(() -> Hook.unnamed(chosen.section()));
    return new BpfProgram(chosen.name(), hook, object.clone());
  }

  public String name() {
    return name;
  }

  ObjectSource objects() {
    return wanted -> {
      if (!wanted.equals(hook.objectOf(name))) {
        throw new EngineException("object: program " + wanted + ": there is none");
      }
      return object.clone();
    };
  }

  ProgramSpec spec(DecisionList model) {
    return ProgramSpec.standalone(name, InputGrammar.NONE, "", model).at(hook);
  }

  @Override
  public String toString() {
    return name;
  }
}
