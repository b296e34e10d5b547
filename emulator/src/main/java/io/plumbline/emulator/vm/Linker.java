package io.plumbline.emulator.vm;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.helper.Kfunc;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.ArrayMap;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.map.ReferenceMap;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Puts objects into a machine. */
public final class Linker {
  /** What CO-RE leaves where a field is not there: legal as long as it is not reached. */
  private static final int POISON = 0xbad2310;

  /** An object in a machine. */
  public record Linked(BpfObject object, List<BpfMap> maps, Map<String, Program> programs) {
    /**
     * Returns a map by name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public BpfMap map(String name) {
      int index = object.mapIndex(name);
      if (index < 0) {
        throw new IllegalArgumentException("object: map '%s': there is none".formatted(name));
      }
      return maps.get(index);
    }

    /**
     * Returns a program by name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public Program program(String name) {
      Program program = programs.get(name);
      if (program == null) {
        throw new IllegalArgumentException("object: program '%s': there is none".formatted(name));
      }
      return program;
    }
  }

  private final Machine machine;
  private final Program.Maker maker;

  /**
   * Makes a linker.
   *
   * @param maker makes what runs programs: an interpreter or a JIT
   */
  public Linker(Machine machine, Program.Maker maker) {
    this.machine = machine;
    this.maker = maker;
  }

  public Machine machine() {
    return machine;
  }

  /** Makes the maps of an object and binds its programs to them. */
  public Linked link(BpfObject object) throws VmException {
    return link(object, Map.of(), Map.of());
  }

  /**
   * Makes the maps of an object and binds its programs to them.
   *
   * @param variables initial bytes of global variables, by name
   * @param shared maps to use instead of its own, by name
   */
  public Linked link(BpfObject object, Map<String, byte[]> variables, Map<String, BpfMap> shared)
      throws VmException {
    return link(
        object,
        object.programs().stream().map(BpfObject.Program::name).toList(),
        variables,
        shared);
  }

  /** Does the same for some of an object's programs only. */
  public Linked link(
      BpfObject object,
      List<String> names,
      Map<String, byte[]> variables,
      Map<String, BpfMap> shared)
      throws VmException {
    if (object.order() != ByteOrder.LITTLE_ENDIAN) {
      throw new VmException("object: big-endian: expected little-endian to run it");
    }
    List<MapSpec> specs = withVariables(object, variables);
    List<BpfMap> maps = new ArrayList<>();
    for (MapSpec spec : specs) {
      BpfMap given = shared.get(spec.name());
      try {
        maps.add(given != null ? given : MapType.create(machine, spec));
      } catch (IllegalArgumentException e) {
        throw new VmException(String.valueOf(e.getMessage()));
      }
    }
    Map<String, Program> programs = new LinkedHashMap<>();
    for (BpfObject.Program program : object.programs()) {
      if (names.contains(program.name())) {
        programs.put(program.name(), bind(program, maps));
      }
    }
    for (int i = 0; i < specs.size(); i++) {
      fill(specs.get(i), maps.get(i), object, maps, programs);
    }
    return new Linked(object, maps, programs);
  }

  private static List<MapSpec> withVariables(BpfObject object, Map<String, byte[]> values)
      throws VmException {
    List<MapSpec> specs = new ArrayList<>(object.maps());
    for (Map.Entry<String, byte[]> entry : values.entrySet()) {
      BpfObject.Variable variable = object.variables().get(entry.getKey());
      if (variable == null || variable.size() != entry.getValue().length) {
        throw new VmException(
            variable == null
                ? "object: variable '%s': there is none".formatted(entry.getKey())
                : "object: variable %s: %d bytes: expected %d"
                    .formatted(entry.getKey(), entry.getValue().length, variable.size()));
      }
      MapSpec spec = specs.get(variable.map());
      byte[] bytes = java.util.Arrays.copyOf(spec.initial(), spec.valueSize());
      System.arraycopy(entry.getValue(), 0, bytes, variable.offset(), variable.size());
      specs.set(variable.map(), spec.withInitial(bytes));
    }
    return specs;
  }

  private static void fill(
      MapSpec spec,
      BpfMap map,
      BpfObject object,
      List<BpfMap> maps,
      Map<String, Program> programs) {
    for (int i = 0; i < spec.values().size(); i++) {
      String value = spec.values().get(i);
      int inner = object.mapIndex(value);
      Program program = programs.get(value);
      if (!(map instanceof ReferenceMap references) || value.isEmpty()) {
        continue;
      }
      if (program != null) {
        references.put(i, program);
      } else if (inner >= 0) {
        references.put(i, maps.get(inner));
      }
    }
  }

  /** Binds a program to maps. */
  private Program bind(BpfObject.Program program, List<BpfMap> maps) throws VmException {
    ContextType context = Contexts.of(program.section()).orElse(null);
    try {
      StructuralVerifier.check(program.insns());
    } catch (IsaException e) {
      throw new VmException("program %s: %s".formatted(program.name(), e.getMessage()));
    }
    List<Insn> bound = new ArrayList<>();
    for (int slot = 0; slot < program.insns().size(); slot++) {
      Insn insn = program.insns().get(slot);
      String missing = program.externs().get(slot);
      if (missing != null) {
        Kfunc kfunc = insn.opcode() == Opcode.CALL_KFUNC ? Kfunc.of(missing).orElse(null) : null;
        if (kfunc != null) {
          bound.add(Insn.of(Opcode.CALL_KFUNC, 0, 0, 0, kfunc.number()));
          continue;
        }
        throw error(program, slot, "'%s': neither in the object nor done here".formatted(missing));
      }
      bound.add(resolve(program, slot, insn, maps, context));
    }
    Map<Integer, String> lines = new HashMap<>();
    // Line 0 stands for code that no line says.
    program
        .lines()
        .forEach(
            (slot, line) -> {
              if (line.line() > 0) {
                lines.put(slot, line.toString());
              }
            });
    return new Program(program.name(), bound, lines, maker);
  }

  private static Insn resolve(
      BpfObject.Program program,
      int slot,
      Insn insn,
      List<BpfMap> maps,
      @org.jspecify.annotations.Nullable ContextType context)
      throws VmException {
    switch (insn.opcode()) {
      case CALL_HELPER -> {
        int id = insn.immLow();
        if (id == POISON) {
          return insn;
        }
        Helper helper =
            Helper.of(id)
                .orElseThrow(
                    () ->
                        error(
                            program,
                            slot,
                            "helper %d (%s): it is not done here".formatted(id, Helper.name(id))));
        if (context != null && !helper.allowed(context)) {
          throw error(
              program,
              slot,
              "helper %d (%s): not for programs with %s"
                  .formatted(id, Helper.name(id), context.name()));
        }
        return insn;
      }
      case LDDW_MAP_INDEX -> {
        return constant(insn, maps.get(insn.immLow()).address());
      }
      case LDDW_MAP_INDEX_VALUE -> {
        if (!(maps.get(insn.immLow()) instanceof ArrayMap array)) {
          throw error(program, slot, "value of a map that is no array");
        }
        return constant(insn, array.region().address(insn.immHigh()));
      }
      case CALL_KFUNC, LDDW_MAP_FD, LDDW_MAP_VALUE, LDDW_BTF_ID ->
          throw error(program, slot, "it refers to something in a kernel: there is none");
      default -> {
        return insn;
      }
    }
  }

  private static Insn constant(Insn insn, long value) {
    return Insn.of(Opcode.LDDW, insn.dst(), 0, 0, value);
  }

  private static VmException error(BpfObject.Program program, int slot, String what) {
    return new VmException(
        "program %s: insn %d (%s): %s"
            .formatted(program.name(), slot, program.insns().get(slot), what));
  }
}
