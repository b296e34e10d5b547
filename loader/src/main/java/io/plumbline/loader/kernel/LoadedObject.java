package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.Direction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One object file in the kernel: its program and its maps, until it is closed. */
public final class LoadedObject implements AutoCloseable {
  private static final int LOG_SIZE = 1 << 20;
  private static final int BTF_KIND_DATASEC = 15;

  /** {@code BPF_PROG_TYPE_UNSPEC}. */
  static final int NO_TYPE = 0;

  private final @Nullable Pointer object;
  private final @Nullable Pointer program;
  private final Relocation.@Nullable Taken relocated;
  private final @Nullable LegacyObject legacy;

  private LoadedObject(Pointer object, Pointer program, Relocation.@Nullable Taken relocated) {
    this.object = object;
    this.program = program;
    this.relocated = relocated;
    legacy = null;
  }

  private LoadedObject(LegacyObject legacy) {
    object = null;
    program = null;
    relocated = null;
    this.legacy = legacy;
  }

  private Pointer object() {
    return Objects.requireNonNull(object);
  }

  private Pointer program() {
    return Objects.requireNonNull(program);
  }

  /**
   * Loads a program.
   *
   * @param rodata bytes of its read-only variables, by symbol
   * @param sharedProgArray the fd of a prog_array to use instead of its own, or -1
   */
  public static LoadedObject load(
      String name, byte[] elf, Map<String, byte[]> rodata, int sharedProgArray)
      throws EngineException {
    return load(name, elf, rodata, sharedProgArray, Map.of(), NO_TYPE, false);
  }

  /**
   * Makes a program's maps and relocates its instructions without loading it: for programs that
   * become part of another one.
   */
  public static LoadedObject relocate(String name, byte[] elf, Map<String, byte[]> rodata)
      throws EngineException {
    return load(name, elf, rodata, -1, Map.of(), NO_TYPE, true);
  }

  /**
   * Loads a program; some of its maps get another number of entries than the object says.
   *
   * @param type {@code enum bpf_prog_type}, or {@link #NO_TYPE} for that of its section
   * @param relocateOnly whether its instructions are only relocated
   */
  static LoadedObject load(
      String name,
      byte[] elf,
      Map<String, byte[]> rodata,
      int sharedProgArray,
      Map<String, Integer> maxEntries,
      int type,
      boolean relocateOnly)
      throws EngineException {
    if (relocateOnly) {
      Relocation.prepare();
    }
    Pointer object = open(name, elf);
    try {
      Pointer program = LibBpf.bpf_object__find_program_by_name(object, name);
      if (program == null) {
        throw new EngineException(
            "kernel: open " + name + ": no program of that name in the object");
      }
      if (type != NO_TYPE) {
        LibBpf.bpf_program__set_type(program, type);
      }
      for (Map.Entry<String, byte[]> entry : rodata.entrySet()) {
        setRodata(object, name, entry.getKey(), entry.getValue());
      }
      for (Map.Entry<String, Integer> entry : maxEntries.entrySet()) {
        Pointer map = map(object, entry.getKey());
        check(
            LibBpf.bpf_map__set_max_entries(map, entry.getValue()),
            "size of map " + entry.getKey(),
            "");
      }
      if (sharedProgArray >= 0) {
        Pointer map = map(object, "prog_array");
        check(LibBpf.bpf_map__reuse_fd(map, sharedProgArray), "share prog_array with " + name, "");
      }
      return load(name, object, program, relocateOnly);
    } catch (EngineException | RuntimeException e) {
      LibBpf.bpf_object__close(object);
      throw e;
    }
  }

  /**
   * Loads one tc or XDP program of a third-party object, and none of its others. An object that
   * libbpf refuses because of its map definitions is loaded without libbpf.
   *
   * @param file what errors name as their place
   * @param wanted the program's name; may be empty if there is only one
   */
  public static LoadedObject foreign(String file, byte[] elf, String wanted)
      throws EngineException {
    try (LibBpfWarnings warnings = new LibBpfWarnings()) {
      Pointer object;
      try {
        object = open(file, elf);
      } catch (EngineException e) {
        Optional<LegacyObject> legacy = LegacyObject.read(file, elf);
        if (legacy.isPresent()) {
          return loaded(legacy.get(), wanted);
        }
        throw warnings.reasonOf(e);
      }
      try {
        return foreign(file, object, wanted);
      } catch (EngineException e) {
        throw warnings.reasonOf(e);
      }
    }
  }

  private static LoadedObject loaded(LegacyObject object, String wanted) throws EngineException {
    try {
      object.load(wanted);
      return new LoadedObject(object);
    } catch (EngineException | RuntimeException e) {
      object.close();
      throw e;
    }
  }

  private static LoadedObject foreign(String file, Pointer object, String wanted)
      throws EngineException {
    try {
      List<Pointer> programs = new ArrayList<>();
      Pointer next = LibBpf.bpf_object__next_program(object, null);
      while (next != null) {
        boolean named = wanted.equals(LibBpf.bpf_program__name(next));
        int type = LibBpf.bpf_program__type(next);
        if (type == 0) {
          // A section that this libbpf does not know.
          type = Programs.type(LibBpf.bpf_program__section_name(next), named);
          LibBpf.bpf_program__set_type(next, type);
        }
        boolean known = ProgramType.isKnown(type);
        if (known && (wanted.isEmpty() || named)) {
          programs.add(next);
        } else {
          LibBpf.bpf_program__set_autoload(next, false);
        }
        next = LibBpf.bpf_object__next_program(object, next);
      }
      Programs.requireOne(file, wanted, programs.stream().map(LibBpf::bpf_program__name).toList());
      return load(file, object, programs.get(0), false);
    } catch (EngineException | RuntimeException e) {
      LibBpf.bpf_object__close(object);
      throw e;
    }
  }

  private static Pointer open(String name, byte[] elf) throws EngineException {
    if (elf.length == 0) {
      throw new EngineException("kernel: open " + name + ": empty object");
    }
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    try (Memory bytes = new Memory(elf.length);
        Memory opts = new Memory(64);
        Memory objectName = new Memory(nameBytes.length + 1L)) {
      bytes.write(0, elf, 0, elf.length);
      objectName.clear();
      objectName.write(0, nameBytes, 0, nameBytes.length);
      // struct bpf_object_open_opts { size_t sz; const char *object_name; ... }: without a name,
      // maps are named after an address.
      opts.clear();
      opts.setLong(0, opts.size());
      opts.setPointer(8, objectName);
      Pointer object = LibBpf.bpf_object__open_mem(bytes, elf.length, opts);
      if (object == null) {
        throw EngineException.refusal("kernel: open " + name + ": libbpf refuses the object", "");
      }
      return object;
    }
  }

  private static LoadedObject load(
      String name, Pointer object, Pointer program, boolean relocateOnly) throws EngineException {
    try (Memory log = new Memory(LOG_SIZE)) {
      log.setByte(0, (byte) 0);
      LibBpf.bpf_program__set_log_buf(program, log, LOG_SIZE);
      // Level 0: libbpf asks for the log only when a load has failed; it is costly to write.
      LibBpf.bpf_program__set_log_level(program, 0);
      int result =
          relocateOnly
              ? Relocation.run(() -> LibBpf.bpf_object__load(object))
              : LibBpf.bpf_object__load(object);
      check(result, "load " + name, log.getString(0));
      return new LoadedObject(object, program, relocateOnly ? Relocation.taken() : null);
    }
  }

  /** Returns the kind of its program (kernel {@code enum bpf_prog_type}). */
  public int type() {
    return legacy != null ? legacy.type() : LibBpf.bpf_program__type(program());
  }

  /** Returns the name of its program. */
  public String programName() {
    return legacy != null ? legacy.programName() : LibBpf.bpf_program__name(program());
  }

  /** Returns the name of its program's section. */
  public String section() {
    return legacy != null ? legacy.section() : LibBpf.bpf_program__section_name(program());
  }

  /** Returns the direction that its program is for: XDP knows one, and a section may name one. */
  public Optional<Direction> direction() {
    return type() == BpfSyscall.PROG_TYPE_XDP
        ? Optional.of(Direction.INGRESS)
        : Programs.direction(section());
  }

  /** Returns the fd of its program. */
  public int programFd() {
    return legacy != null ? legacy.programFd() : LibBpf.bpf_program__fd(program());
  }

  /** Returns the fd of one of its maps. */
  public int mapFd(String map) throws EngineException {
    return LibBpf.bpf_map__fd(map(object(), map));
  }

  private static Pointer map(Pointer object, String name) throws EngineException {
    Pointer map = LibBpf.bpf_object__find_map_by_name(object, name);
    if (map == null) {
      throw new EngineException("kernel: the object has no map " + name);
    }
    return map;
  }

  /**
   * Returns the instructions as loaded, with map references resolved to fds, subprograms included.
   */
  public byte[] instructions() {
    if (relocated != null) {
      return relocated.instructions().clone();
    }
    if (legacy != null) {
      return legacy.instructions();
    }
    long count = LibBpf.bpf_program__insn_cnt(program());
    return LibBpf.bpf_program__insns(program()).getByteArray(0, (int) count * 8);
  }

  /** Returns what was not done as the object says, one line each. */
  public List<String> notices() {
    return legacy == null ? List.of() : legacy.notices();
  }

  /**
   * Returns the functions of a program that was only relocated: the index of the first instruction
   * by the name that the object's type information gives. Empty without type information.
   */
  public Map<String, Integer> functions() {
    Map<String, Integer> starts = new HashMap<>();
    Pointer btf = relocated == null ? null : LibBpf.bpf_object__btf(object());
    if (relocated != null && btf != null) {
      relocated
          .functions()
          .forEach(
              (start, id) -> {
                Pointer type = LibBpf.btf__type_by_id(btf, id);
                String name = type == null ? null : LibBpf.btf__name_by_offset(btf, type.getInt(0));
                if (name != null) {
                  starts.put(name, start);
                }
              });
    }
    return starts;
  }

  /** Sets an entry of a map of u32 to u32. */
  static void put(int mapFd, int key, int value) throws EngineException {
    try (Memory k = new Memory(4);
        Memory v = new Memory(4)) {
      k.setInt(0, key);
      v.setInt(0, value);
      check(LibBpf.bpf_map_update_elem(mapFd, k, v, 0), "update map entry " + key, "");
    }
  }

  private static void setRodata(Pointer object, String program, String symbol, byte[] value)
      throws EngineException {
    Pointer map = rodataMap(object);
    Pointer btf = LibBpf.bpf_object__btf(object);
    if (map == null || btf == null) {
      throw new EngineException(
          "kernel: load " + program + ": no .rodata with BTF: expected symbol " + symbol);
    }
    int id = LibBpf.btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
    Pointer section = id < 0 ? null : LibBpf.btf__type_by_id(btf, id);
    // struct btf_type { u32 name_off; u32 info; u32 size; }, then struct btf_var_secinfo { u32
    // type, offset, size; } times vlen.
    int variables = section == null ? 0 : section.getInt(4) & 0xFFFF;
    for (int i = 0; section != null && i < variables; i++) {
      long at = 12 + 12L * i;
      Pointer variable = LibBpf.btf__type_by_id(btf, section.getInt(at));
      if (variable == null || !symbol.equals(LibBpf.btf__name_by_offset(btf, variable.getInt(0)))) {
        continue;
      }
      int size = section.getInt(at + 8);
      if (size != value.length) {
        throw new EngineException(
            "kernel: load %s: symbol %s has %d bytes: expected %d"
                .formatted(program, symbol, size, value.length));
      }
      Pointer memory = LibBpf.bpf_map__initial_value(map, new LongByReference());
      if (memory == null) {
        throw new EngineException("kernel: load " + program + ": .rodata cannot be set");
      }
      memory.write(section.getInt(at + 4), value, 0, value.length);
      return;
    }
    throw new EngineException(
        "kernel: load %s: no symbol %s in .rodata".formatted(program, symbol));
  }

  private static @Nullable Pointer rodataMap(Pointer object) {
    Pointer map = LibBpf.bpf_object__next_map(object, null);
    while (map != null && !LibBpf.bpf_map__name(map).endsWith(".rodata")) {
      map = LibBpf.bpf_object__next_map(object, map);
    }
    return map;
  }

  static void check(int result, String what, String log) throws EngineException {
    if (result < 0) {
      long lines = log.lines().count();
      String message =
          "kernel: %s: %s%s"
              .formatted(
                  what,
                  BpfSyscall.describe(-result),
                  lines == 0 ? "" : " (verifier log: " + lines + " lines)");
      throw Errno.isRefusal(-result, log)
          ? EngineException.refusal(message, log)
          : new EngineException(message, log);
    }
  }

  @Override
  public void close() {
    if (legacy != null) {
      legacy.close();
    } else {
      LibBpf.bpf_object__close(object());
    }
  }
}
