package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.hook.Hook;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the programs that are to be executed. */
final class Codes {
  /** A map of programs: nothing is looked up in it. */
  private record Programs() implements SymbolicMap {
    @Override
    public int keySize() {
      return 4;
    }

    @Override
    public List<Found> lookup(List<Term> key) throws SymbolicException {
      throw new SymbolicException("lookup in a map of programs");
    }
  }

  private Codes() {}

  /** Reads an object. */
  static BpfObject object(ProgramObjects objects, String name)
      throws EngineException, SymbolicException {
    try {
      return BpfObject.read(objects.object(name));
    } catch (ObjectException e) {
      throw new SymbolicException("%s: %s".formatted(name, e.getMessage()));
    }
  }

  /**
   * Returns a program of an object.
   *
   * @param maps contents by name; other maps are as if each key may be there or not
   * @throws SymbolicException if there is no such program, or programs of its section are not
   *     filters
   */
  static Code code(
      Terms terms,
      BpfObject object,
      String name,
      Variables variables,
      Map<String, SymbolicMap> maps)
      throws SymbolicException {
    BpfObject.Program program =
        object
            .program(name)
            .orElseThrow(
                () -> new SymbolicException("object: program %s: there is none".formatted(name)));
    Hook hook = hook(program);
    Map<Integer, SymbolicMap> byIndex = new HashMap<>();
    for (int i = 0; i < object.maps().size(); i++) {
      MapSpec spec = object.maps().get(i);
      @Nullable SymbolicMap given = maps.get(spec.name());
      if (given != null) {
        byIndex.put(i, given);
      } else if (spec.type() == MapType.PROG_ARRAY.number()) {
        byIndex.put(i, new Programs());
      } else {
        byIndex.put(i, new UnknownMap(terms, spec));
      }
    }
    return new Code(hook, name, program.insns(), program.lines(), variables, byIndex);
  }

  /**
   * Returns the hook of a program.
   *
   * @throws SymbolicException if programs of its section are not filters
   */
  static Hook hook(BpfObject.Program program) throws SymbolicException {
    return Contexts.of(program.section())
        .flatMap(Contexts::hook)
        .orElseThrow(
            () ->
                new SymbolicException(
                    "program %s: section %s: only tc and XDP programs can be executed symbolically"
                        .formatted(program.name(), program.section())));
  }
}
