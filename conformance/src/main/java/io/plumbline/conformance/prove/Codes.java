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
import io.plumbline.model.image.Image;
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
   * Returns a program of an object at a hook.
   *
   * @param maps contents by name; other maps are as if each key may be there or not
   * @throws SymbolicException if there is no such program, or programs of its section are not for
   *     the hook
   */
  static Code code(
      Terms terms,
      BpfObject object,
      Hook hook,
      String name,
      Variables variables,
      Map<String, SymbolicMap> maps)
      throws SymbolicException {
    BpfObject.Program program = program(object, name);
    if (!hook(program).objects().equals(hook.objects())) {
      throw new SymbolicException(
          "program %s: section %s: expected one for %s".formatted(name, program.section(), hook));
    }
    if (hook.firstLayer() != Hook.usual().firstLayer() && variables.has(Image.FIRST_LAYER)) {
      variables.set(Image.FIRST_LAYER, 4, List.of(terms.constant(hook.firstLayer())));
    }
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

  private static BpfObject.Program program(BpfObject object, String name) throws SymbolicException {
    return object
        .program(name)
        .orElseThrow(
            () -> new SymbolicException("object: program %s: there is none".formatted(name)));
  }

  /** Returns the hook that a program's section names; throws as {@link #code} does. */
  static Hook hook(BpfObject object, String name) throws SymbolicException {
    return hook(program(object, name));
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
