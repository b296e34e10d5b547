package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The program {@code intent} in the kernel, with room for several policies of which one is in
 * force. {@code bpf/src/main/c/intent.h} says how the maps are laid out.
 */
public final class PolicyProgram implements AutoCloseable {
  private static final String NAME = "intent";
  private static final String LOOP = "bpf_loop";
  private static final String UNAVAILABLE = "kernel: policies: unavailable: %s: needs Linux 5.17";
  private static final List<String> OUTER = List.of("tables", "endpoints", "prefixes", "counters");
  private static final int COUNTER_BYTES = 16;

  private final LoadedObject object;
  private final Pointer active;
  private final @Nullable Installed[] installed;
  private final int cpus;
  private boolean closed;

  /** What lies in one slot; the counters' memory is shared with the kernel. */
  private record Installed(int lines, SharedArray counters) {}

  /**
   * A policy in the kernel before it has a slot: its table and counters, its endpoints and
   * prefixes. What is closed here lives on in the outer maps.
   */
  private static final class Inner implements AutoCloseable {
    final List<SharedArray> arrays = new ArrayList<>();
    final List<Integer> fds = new ArrayList<>();
    int lines;

    /** Returns the fds in the order of {@link #OUTER}. */
    int[] inOrder() {
      return new int[] {arrays.get(0).fd(), fds.get(0), fds.get(1), arrays.get(1).fd()};
    }

    /** Returns the counters, which are then the caller's to close. */
    SharedArray takeCounters() {
      return arrays.remove(1);
    }

    @Override
    public void close() {
      arrays.forEach(SharedArray::close);
      fds.forEach(LibC::close);
    }
  }

  private PolicyProgram(LoadedObject object, int slots) throws EngineException {
    this.object = object;
    installed = new Installed[slots];
    cpus = possibleCpus();
    active = SharedArray.map(object.mapFd("active"), 8);
  }

  /**
   * Loads the program; until a policy is in force it drops every packet.
   *
   * @param slots how many policies it can hold, at least 2 for replacing
   */
  public static PolicyProgram load(ObjectSource source, int slots) throws EngineException {
    return load(source, slots, false);
  }

  /** Makes the maps, with room for one policy, for instructions that are loaded elsewhere. */
  public static PolicyProgram relocate(ObjectSource source) throws EngineException {
    return load(source, 1, true);
  }

  private static PolicyProgram load(ObjectSource source, int slots, boolean relocateOnly)
      throws EngineException {
    Map<String, Integer> entries =
        Map.of("tables", slots, "endpoints", slots, "prefixes", slots, "counters", slots);
    LoadedObject object = load(source.object(NAME), entries, relocateOnly);
    try {
      return new PolicyProgram(object, slots);
    } catch (EngineException | RuntimeException e) {
      object.close();
      throw e;
    }
  }

  private static LoadedObject load(byte[] elf, Map<String, Integer> entries, boolean relocateOnly)
      throws EngineException {
    if (!relocateOnly && FeatureProbe.isSwitchedOff(LOOP)) {
      throw new EngineException(UNAVAILABLE.formatted("PLUMB_WITHOUT says so"));
    }
    try {
      return LoadedObject.load(NAME, elf, Map.of(), -1, entries, relocateOnly);
    } catch (EngineException e) {
      Optional<String> reason = FeatureProbe.loopUnavailable();
      throw reason.isPresent()
          ? new EngineException(UNAVAILABLE.formatted(reason.get()), e.detail())
          : e;
    }
  }

  /** Returns the fd of the program, to attach it by. */
  public int fd() {
    return object.programFd();
  }

  /** Returns its instructions as loaded, with references to its maps as fds. */
  public byte[] instructions() {
    return object.instructions();
  }

  /** Makes of a policy what this program reads; tests put wrong ones in its place. */
  public interface Lowering {
    PolicyImage lower(Policy policy) throws EngineException;
  }

  /** Lowers a policy to what this program reads. */
  public static PolicyImage image(Policy policy) throws EngineException {
    try {
      return PolicyImage.of(policy);
    } catch (PolicyException e) {
      throw new EngineException(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Puts policies into slots, none of them the one in force, and waits until no packet looks at
   * what was there before.
   */
  public void install(int first, List<PolicyImage> images) throws EngineException {
    List<Inner> inners = new ArrayList<>();
    try {
      for (PolicyImage image : images) {
        inners.add(create(image));
      }
      for (int map = 0; map < OUTER.size(); map++) {
        putOuter(map, first, inners);
      }
      for (int i = 0; i < inners.size(); i++) {
        Installed before = installed[first + i];
        if (before != null) {
          before.counters.close();
        }
        installed[first + i] = new Installed(inners.get(i).lines, inners.get(i).takeCounters());
      }
    } finally {
      inners.forEach(Inner::close);
    }
  }

  private void putOuter(int map, int first, List<Inner> inners) throws EngineException {
    try (Memory keys = new Memory(4L * inners.size());
        Memory values = new Memory(4L * inners.size())) {
      for (int i = 0; i < inners.size(); i++) {
        keys.setInt(4L * i, first + i);
        values.setInt(4L * i, inners.get(i).inOrder()[map]);
      }
      check(
          BpfSyscall.mapUpdate(object.mapFd(OUTER.get(map)), keys, 4, values, 4, inners.size()),
          "put into map " + OUTER.get(map));
    }
  }

  private Inner create(PolicyImage image) throws EngineException {
    Inner inner = new Inner();
    try {
      int rows = image.table().length / PolicyImage.ROW_BYTES;
      SharedArray table = new SharedArray(PolicyImage.ROW_BYTES, rows, BpfSyscall.F_INNER_MAP);
      inner.arrays.add(table);
      table.memory().write(0, image.table(), 0, image.table().length);
      inner.arrays.add(
          new SharedArray(COUNTER_BYTES, cpus * image.lines(), BpfSyscall.F_INNER_MAP));
      inner.lines = image.lines();
      inner.fds.add(
          filled(BpfSyscall.MAP_TYPE_HASH, PolicyImage.ENDPOINT_BYTES, 0, image.endpoints()));
      inner.fds.add(
          filled(
              BpfSyscall.MAP_TYPE_LPM_TRIE,
              PolicyImage.PREFIX_BYTES,
              BpfSyscall.F_NO_PREALLOC,
              image.prefixes()));
      return inner;
    } catch (EngineException | RuntimeException e) {
      inner.close();
      throw e;
    }
  }

  private static int filled(int type, int keyBytes, int flags, List<PolicyImage.Entry> entries)
      throws EngineException {
    int count = entries.size();
    int fd = BpfSyscall.mapCreate(type, keyBytes, 4, Math.max(1, count), flags);
    check(fd, "create a map of %d entries".formatted(count));
    if (count == 0) {
      return fd;
    }
    try (Memory keys = new Memory((long) keyBytes * count);
        Memory values = new Memory(4L * count)) {
      for (int i = 0; i < count; i++) {
        keys.write((long) keyBytes * i, entries.get(i).key(), 0, keyBytes);
        values.setInt(4L * i, entries.get(i).value());
      }
      int result = BpfSyscall.mapUpdate(fd, keys, keyBytes, values, 4, count);
      if (result < 0) {
        LibC.close(fd);
        check(result, "fill a map of %d entries".formatted(count));
      }
      return fd;
    }
  }

  /** Puts the policy of a slot in force: packets that begin now are decided by it alone. */
  public void activate(int slot) {
    active.setLong(0, slot);
  }

  /**
   * Replaces the policy in force. Every packet is decided by the old one or by the new one, never
   * by a mixture; when this returns, by the new one. Needs two slots.
   */
  public void replace(PolicyImage image) throws EngineException {
    int idle = active.getLong(0) == 0 ? 1 : 0;
    install(idle, List.of(image));
    activate(idle);
    settle();
  }

  /**
   * Waits until no packet is under way that began with the policy before, then empties its slot.
   */
  private void settle() throws EngineException {
    int idle = active.getLong(0) == 0 ? 1 : 0;
    try (Memory key = new Memory(4)) {
      key.setInt(0, idle);
      waitForPackets();
      for (String outer : OUTER) {
        BpfSyscall.mapDelete(object.mapFd(outer), key);
      }
    }
    Installed old = installed[idle];
    if (old != null) {
      old.counters.close();
      installed[idle] = null;
    }
  }

  /**
   * Waits until no packet is under way that began before. The kernel does so at each change of an
   * outer map (kernel {@code kernel/bpf/syscall.c}, maybe_wait_bpf_programs); the one made here
   * puts in force what is in force already.
   */
  private void waitForPackets() throws EngineException {
    Installed current = installed[(int) active.getLong(0)];
    if (current == null) {
      return;
    }
    try (Memory key = new Memory(4);
        Memory value = new Memory(4)) {
      key.setInt(0, (int) active.getLong(0));
      value.setInt(0, current.counters.fd());
      check(BpfSyscall.mapUpdate(object.mapFd("counters"), key, value), "put into map counters");
    }
  }

  /** Returns the counts of the policy in a slot, summed over all CPUs. */
  public Runner.Counters counters(int slot) {
    Installed policy = installed[slot];
    if (policy == null) {
      return new Runner.Counters(new long[0], new long[0]);
    }
    return sum(policy.counters.memory(), policy.lines, cpus);
  }

  /** Sums the counters of a policy over all CPUs; {@code intent.h} says how they lie. */
  public static Runner.Counters sum(Pointer counters, int lines, int cpus) {
    long[] packets = new long[lines];
    long[] bytes = new long[lines];
    for (int cpu = 0; cpu < cpus; cpu++) {
      for (int line = 0; line < lines; line++) {
        long at = COUNTER_BYTES * ((long) cpu * lines + line);
        packets[line] += counters.getLong(at);
        bytes[line] += counters.getLong(at + 8);
      }
    }
    return new Runner.Counters(packets, bytes);
  }

  /** Returns how many CPUs there can be: one more than the last of {@code 0-3,8}. */
  public static int possibleCpus() throws EngineException {
    Path file = Path.of("/sys/devices/system/cpu/possible");
    try {
      String text = Files.readString(file).strip();
      return 1
          + Integer.parseInt(
              text.substring(1 + Math.max(text.lastIndexOf('-'), text.lastIndexOf(','))));
    } catch (IOException | NumberFormatException e) {
      throw new EngineException(file + ": cannot be read: " + e.getMessage());
    }
  }

  private static void check(int result, String what) throws EngineException {
    if (result < 0) {
      throw new EngineException(
          "kernel: intent: %s: %s".formatted(what, BpfSyscall.describe(-result)));
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (Installed policy : installed) {
      if (policy != null) {
        policy.counters.close();
      }
    }
    SharedArray.unmap(active, 8);
    object.close();
  }
}
