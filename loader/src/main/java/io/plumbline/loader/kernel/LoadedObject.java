package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.model.engine.EngineException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One object file in the kernel: its program and its maps, until it is closed. */
final class LoadedObject implements AutoCloseable {
  private static final int LOG_SIZE = 1 << 20;
  private static final int BTF_KIND_DATASEC = 15;

  private final Pointer object;
  private final Pointer program;

  private LoadedObject(Pointer object, Pointer program) {
    this.object = object;
    this.program = program;
  }

  /**
   * Loads a program.
   *
   * @param rodata bytes of its read-only variables, by symbol
   * @param sharedProgArray the fd of a prog_array to use instead of its own, or -1
   */
  static LoadedObject load(String name, byte[] elf, Map<String, byte[]> rodata, int sharedProgArray)
      throws EngineException {
    return load(name, elf, rodata, sharedProgArray, Map.of());
  }

  /** Loads a program; some of its maps get another number of entries than the object says. */
  static LoadedObject load(
      String name,
      byte[] elf,
      Map<String, byte[]> rodata,
      int sharedProgArray,
      Map<String, Integer> maxEntries)
      throws EngineException {
    if (elf.length == 0) {
      throw new EngineException("kernel: open " + name + ": empty object");
    }
    try (Memory bytes = new Memory(elf.length);
        Memory opts = new Memory(64);
        Memory objectName = new Memory(name.length() + 1L);
        Memory log = new Memory(LOG_SIZE)) {
      bytes.write(0, elf, 0, elf.length);
      objectName.setString(0, name);
      // struct bpf_object_open_opts { size_t sz; const char *object_name; ... }: without a name,
      // maps are named after an address.
      opts.clear();
      opts.setLong(0, opts.size());
      opts.setPointer(8, objectName);
      Pointer object = LibBpf.bpf_object__open_mem(bytes, elf.length, opts);
      if (object == null) {
        throw new EngineException("kernel: open " + name + ": libbpf refuses the object");
      }
      try {
        Pointer program = LibBpf.bpf_object__find_program_by_name(object, name);
        if (program == null) {
          throw new EngineException(
              "kernel: open " + name + ": no program of that name in the object");
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
          check(
              LibBpf.bpf_map__reuse_fd(map, sharedProgArray), "share prog_array with " + name, "");
        }
        log.setByte(0, (byte) 0);
        LibBpf.bpf_program__set_log_buf(program, log, LOG_SIZE);
        // Level 0: libbpf asks for the log only when a load has failed; it is costly to write.
        LibBpf.bpf_program__set_log_level(program, 0);
        check(LibBpf.bpf_object__load(object), "load " + name, log.getString(0));
        return new LoadedObject(object, program);
      } catch (EngineException | RuntimeException e) {
        LibBpf.bpf_object__close(object);
        throw e;
      }
    }
  }

  int programFd() {
    return LibBpf.bpf_program__fd(program);
  }

  /** Returns the fd of one of its maps. */
  int mapFd(String map) throws EngineException {
    return LibBpf.bpf_map__fd(map(object, map));
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
  byte[] instructions() {
    long count = LibBpf.bpf_program__insn_cnt(program);
    return LibBpf.bpf_program__insns(program).getByteArray(0, (int) count * 8);
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

  private static void check(int result, String what, String log) throws EngineException {
    if (result < 0) {
      String reason = result == -Errno.EPERM ? ": needs CAP_BPF and CAP_NET_ADMIN" : "";
      long lines = log.lines().count();
      throw new EngineException(
          "kernel: %s: %s%s%s"
              .formatted(
                  what,
                  Errno.describe(-result),
                  reason,
                  lines == 0 ? "" : " (verifier log: " + lines + " lines)"),
          log);
    }
  }

  @Override
  public void close() {
    LibBpf.bpf_object__close(object);
  }
}
