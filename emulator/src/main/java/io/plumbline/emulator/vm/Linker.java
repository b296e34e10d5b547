package io.plumbline.emulator.vm;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.helper.Kfunc;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.Reachability;
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
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Puts objects into a machine. */
public final class Linker {
  /** What CO-RE leaves where a field is not there: legal as long as it is not reached. */
  private static final int POISON = 0xbad2310;

  /**
   * An object in a machine.
   *
   * @param maps those that the programs can reach, by position in {@link BpfObject#maps}
   * @param programs those that were asked for, and those they can reach by tail calls
   */
  public record Linked(BpfObject object, Map<Integer, BpfMap> maps, Map<String, Program> programs) {
    /**
     * Returns a map by name.
     *
     * @throws IllegalArgumentException if there is none that the programs can reach
     */
    public BpfMap map(String name) {
      BpfMap map = maps.get(object.mapIndex(name));
      if (map == null) {
        throw new IllegalArgumentException("object: map '%s': no program uses it".formatted(name));
      }
      return map;
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
  private @Nullable ContextType forced;

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

  /** Returns a linker for programs of this context, whatever their sections say. */
  public Linker forContext(ContextType type) {
    Linker linker = new Linker(machine, maker);
    linker.forced = type;
    return linker;
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

  /**
   * Binds some of an object's programs, and makes what they can reach: maps, the maps and programs
   * that those maps start with, and so on. What they cannot reach is not looked at.
   */
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
    Reach reach = new Reach(object);
    for (BpfObject.Program program : object.programs()) {
      if (names.contains(program.name())) {
        reach.program(program);
      }
    }
    Map<Integer, BpfMap> maps = new HashMap<>();
    for (int index : reach.maps) {
      MapSpec spec = specs.get(index);
      BpfMap given = shared.get(spec.name());
      try {
        maps.put(index, given != null ? given : MapType.create(machine, spec));
      } catch (IllegalArgumentException e) {
        throw new VmException(String.valueOf(e.getMessage()));
      }
    }
    Map<String, Program> programs = new LinkedHashMap<>();
    for (BpfObject.Program program : reach.programs) {
      programs.put(program.name(), bind(program, maps));
    }
    maps.forEach((index, map) -> fill(specs.get(index), map, object, maps, programs));
    return new Linked(object, Map.copyOf(maps), programs);
  }

  /** What programs can reach in an object. */
  private static final class Reach {
    private final BpfObject object;
    private final Set<BpfObject.Program> programs = new LinkedHashSet<>();
    private final SortedSet<Integer> maps = new TreeSet<>();

    Reach(BpfObject object) {
      this.object = object;
    }

    void program(BpfObject.Program program) throws VmException {
      if (!programs.add(program)) {
        return;
      }
      for (Insn insn : program.insns()) {
        switch (insn.opcode()) {
          case LDDW_MAP_INDEX, LDDW_MAP_INDEX_VALUE -> {
            // A file may say so without a relocation, and of any number.
            if (insn.immLow() < 0 || insn.immLow() >= object.maps().size()) {
              throw new VmException(
                  "program %s: %s: expected one of %d maps"
                      .formatted(program.name(), insn, object.maps().size()));
            }
            map(insn.immLow());
          }
          default -> {}
        }
      }
    }

    private void map(int index) throws VmException {
      if (!maps.add(index)) {
        return;
      }
      MapSpec spec = object.maps().get(index);
      for (int i = 0; i < spec.values().size(); i++) {
        String value = spec.values().get(i);
        Optional<BpfObject.Program> program = object.program(value);
        int inner = object.mapIndex(value);
        if (program.isPresent()) {
          program(program.get());
        } else if (inner >= 0) {
          map(inner);
        } else if (!value.isEmpty()) {
          throw new VmException(
              "map %s: value %d: '%s': neither a program nor a map of the object"
                  .formatted(spec.name(), i, value));
        }
      }
    }
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
      Map<Integer, BpfMap> maps,
      Map<String, Program> programs) {
    for (int i = 0; i < spec.values().size(); i++) {
      String value = spec.values().get(i);
      BpfMap inner = maps.get(object.mapIndex(value));
      Program program = programs.get(value);
      if (!(map instanceof ReferenceMap references) || value.isEmpty()) {
        continue;
      }
      if (program != null) {
        references.put(i, program);
      } else if (inner != null) {
        references.put(i, inner);
      }
    }
  }

  /** Binds a program to maps. */
  private Program bind(BpfObject.Program program, Map<Integer, BpfMap> maps) throws VmException {
    ContextType context = forced != null ? forced : Contexts.of(program.section()).orElse(null);
    try {
      StructuralVerifier.check(program.insns());
    } catch (IsaException e) {
      throw new VmException("program %s: %s".formatted(program.name(), e.getMessage()));
    }
    BitSet reached = Reachability.of(program.insns());
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
        if (reached.get(slot)) {
          throw error(
              program, slot, "'%s': neither in the object nor supported".formatted(missing));
        }
        bound.add(insn);
        continue;
      }
      Insn resolved = resolve(program, slot, insn, maps);
      if (reached.get(slot)) {
        refuse(program, slot, insn, context);
      }
      bound.add(resolved);
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

  /** Refuses an instruction that runs and cannot. */
  private static void refuse(
      BpfObject.Program program, int slot, Insn insn, @Nullable ContextType context)
      throws VmException {
    switch (insn.opcode().form()) {
      case CALL -> {
        int id = insn.immLow();
        if (insn.opcode() != Opcode.CALL_HELPER || id == POISON) {
          return;
        }
        Helper helper = Helper.of(id).orElse(null);
        if (helper == null) {
          throw error(
              program, slot, "helper %d (%s): not supported".formatted(id, Helper.name(id)));
        }
        if (context != null && !helper.allowed(context)) {
          throw error(
              program,
              slot,
              "helper %d (%s): not for programs with %s"
                  .formatted(id, Helper.name(id), context.name()));
        }
      }
      case LD_ABS, LD_IND -> {
        // Kernel may_access_skb.
        if (context != null && !context.takesClassicLoads()) {
          throw error(
              program, slot, "packet access of classic BPF: expected a tc or socket filter");
        }
      }
      case CAST -> throw error(program, slot, "it needs an arena: not supported");
      default -> {}
    }
  }

  /** Puts addresses in the place of references; the kernel resolves those that do not run too. */
  private static Insn resolve(
      BpfObject.Program program, int slot, Insn insn, Map<Integer, BpfMap> maps)
      throws VmException {
    switch (insn.opcode()) {
      case LDDW_MAP_INDEX -> {
        return constant(insn, Objects.requireNonNull(maps.get(insn.immLow())).address());
      }
      case LDDW_MAP_INDEX_VALUE -> {
        if (!(maps.get(insn.immLow()) instanceof ArrayMap array)) {
          throw error(program, slot, "value of a map that is no array");
        }
        return constant(insn, array.region().address(insn.immHigh()));
      }
      case CALL_KFUNC, LDDW_MAP_FD, LDDW_MAP_VALUE, LDDW_BTF_ID ->
          throw error(program, slot, "needs a kernel (BTF id or file descriptor): not available");
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
