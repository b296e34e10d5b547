package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.kernel.SplicedProgram;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A filter in the kernel, ready to be attached: {@code bpf/src/main/c/gate.bpf.c} with the filter's
 * instructions in the place of its function {@code filter}, and its {@link Description}.
 */
final class Gate implements AutoCloseable {
  /** The map that says that a program is ours, and what it is. */
  static final String DESCRIPTION_MAP = "plumb_about";

  static final String ANSWERS_MAP = "plumb_answers";
  static final String CONTROL_MAP = "plumb_control";
  static final String LIMITER_MAP = "plumb_limiter";
  static final String EVENTS_MAP = "plumb_events";

  private static final String GATE = GateModel.NAME;

  /** The function of the gate that the filter replaces. */
  private static final String FILTER = "filter";

  /** Answers, control, limiter, events, read-only variables. */
  private static final int GATE_MAPS = 5;

  private final int fd;

  private Gate(int fd) {
    this.fd = fd;
  }

  /** Loads the gate with a filter. */
  static Gate load(FilterCode filter, Description about) throws EngineException, AttachException {
    try (SplicedProgram program = splice(filter, about.observing(), false)) {
      describe(program.fd(), about);
      return new Gate(program.take());
    }
  }

  /** Returns how many instructions the verifier follows in the gate with a filter. */
  static int verifierCost(FilterCode filter) throws EngineException {
    try (SplicedProgram program = splice(filter, false, true)) {
      return program.verifiedInstructions();
    }
  }

  private static SplicedProgram splice(FilterCode filter, boolean observe, boolean measured)
      throws EngineException {
    if (Feature.BPF.switchedOff()
        || Feature.RINGBUF.switchedOff()
        || filter.needs().isPresent() && Feature.BPF_LOOP.switchedOff()) {
      throw new EngineException("kernel: load " + filter.name() + ": PLUMB_WITHOUT says so");
    }
    try (LoadedObject gate =
        LoadedObject.relocate(
            GATE,
            ObjectSource.builtIn().object(filter.hook().objectOf(GATE)),
            Map.of(
                "observe",
                u32(observe ? 1 : 0),
                "pass",
                u32(filter.hook().next().orElse(filter.hook().accept()))))) {
      byte[] code = splice(gate, filter.instructions());
      return new SplicedProgram(
          "kernel", ProgramType.of(filter.hook()), filter.name(), code, measured);
    }
  }

  /**
   * Takes a program that cannot stand behind the gate, such as an XDP program, as it is: nothing is
   * counted, and what it answers is final.
   */
  static Gate bare(LoadedObject program, Description about) throws AttachException {
    if (about.observing()) {
      throw new AttachException(
          Kind.INPUT, "observe: this needs a tc program, and this is an XDP program");
    }
    int fd = LibC.dup(program.programFd());
    Gate gate = new Gate(fd);
    try {
      describe(fd, about);
      return gate;
    } catch (AttachException e) {
      gate.close();
      throw e;
    }
  }

  /** Puts a filter's instructions in the place of the gate's function {@code filter}. */
  static byte[] splice(LoadedObject gate, byte[] filter) throws EngineException {
    return splice(gate.instructions(), gate.functions(), filter);
  }

  /**
   * Replaces the function {@code filter}.
   *
   * @param functions the first instruction of each function
   * @throws EngineException if {@code filter} is not there, not the last function, or not called:
   *     what would be loaded then would not ask the filter
   */
  static byte[] splice(byte[] gate, Map<String, Integer> functions, byte[] filter)
      throws EngineException {
    int start = functions.getOrDefault(FILTER, -1);
    if (start <= 0 || functions.values().stream().anyMatch(other -> other > start)) {
      throw new EngineException(
          "kernel: gate: functions %s: expected %s as the last one"
              .formatted(functions.keySet().stream().sorted().toList(), FILTER));
    }
    ByteBuffer code = ByteBuffer.wrap(gate, 0, 8 * start).order(ByteOrder.LITTLE_ENDIAN);
    boolean called = false;
    for (int i = 0; i < start; i++) {
      boolean localCall = (gate[8 * i] & 0xFF) == 0x85 && (gate[8 * i + 1] & 0xF0) == 0x10;
      called |= localCall && i + 1 + code.getInt(8 * i + 4) == start;
    }
    if (!called) {
      throw new EngineException("kernel: gate: %s: it is not called".formatted(FILTER));
    }
    return ByteBuffer.allocate(8 * start + filter.length).put(code).put(filter).array();
  }

  static byte[] u32(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).array();
  }

  private static void describe(int program, Description about) throws AttachException {
    byte[] text = about.encode();
    int size = (text.length + 8) / 8 * 8;
    int map = BpfSyscall.mapCreate(DESCRIPTION_MAP, BpfSyscall.MAP_TYPE_ARRAY, 4, size, 1, 0);
    check(map, "make the description's map");
    try (Memory key = new Memory(4);
        Memory value = new Memory(size)) {
      key.setInt(0, 0);
      value.clear();
      value.write(0, text, 0, text.length);
      check(BpfSyscall.mapUpdate(map, key, value), "write the description");
      check(Bpf.freeze(map), "freeze the description");
      check(Bpf.bindMap(program, map), "give the program its description");
    } finally {
      LibC.close(map);
    }
  }

  private static void check(int result, String what) throws AttachException {
    if (result < 0) {
      throw AttachException.of(
          "kernel: %s: %s".formatted(what, Errno.describe(-result)), -result, Capability.CAP_BPF);
    }
  }

  /** Reads the description of a program in the kernel; empty if it is not ours. */
  static Optional<Description> describe(Bpf.ProgramInfo program) {
    // It was bound last.
    List<Integer> ids = program.mapIds();
    int map = open(ids.subList(Math.max(0, ids.size() - 1), ids.size()), DESCRIPTION_MAP);
    if (map < 0) {
      return Optional.empty();
    }
    int size = Bpf.mapInfo(map).map(Bpf.MapInfo::valueBytes).orElse(0);
    try (Memory key = new Memory(4);
        Memory value = new Memory(Math.max(8, size))) {
      key.setInt(0, 0);
      return BpfSyscall.mapLookup(map, key, value) < 0
          ? Optional.empty()
          : Description.decode(value.getByteArray(0, size));
    } finally {
      LibC.close(map);
    }
  }

  /** Opens one of the gate's maps, by its name; -1 if the program holds none of that name. */
  static int openMap(Bpf.ProgramInfo program, String name) {
    // The gate's instructions stand first, and so do their maps.
    List<Integer> ids = program.mapIds();
    return open(ids.subList(0, Math.min(GATE_MAPS, ids.size())), name);
  }

  /** Opens a map of the policy behind the gate; -1 if the program holds none of that name. */
  static int openPolicyMap(Bpf.ProgramInfo program, String name) {
    return open(program.mapIds(), name);
  }

  /**
   * Opens the map of a name. No more maps than necessary: opening and closing a prog_array that no
   * process holds has the kernel clear it each time, and twice at once leaks it (kernel {@code
   * kernel/bpf/arraymap.c}, prog_array_map_clear: the reference is taken even if the work is queued
   * already).
   */
  private static int open(List<Integer> ids, String name) {
    for (int id : ids) {
      int fd = Bpf.mapById(id);
      if (fd < 0) {
        continue;
      }
      if (Bpf.mapInfo(fd).map(Bpf.MapInfo::name).orElse("").equals(name)) {
        return fd;
      }
      LibC.close(fd);
    }
    return -1;
  }

  /** Returns the fd to attach. */
  int fd() {
    return fd;
  }

  /** Returns the program's number. */
  int id() {
    return Bpf.programInfo(fd).map(Bpf.ProgramInfo::id).orElse(0);
  }

  @Override
  public void close() {
    LibC.close(fd);
  }
}
