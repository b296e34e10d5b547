package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A program with tables in the kernel, with room for the tables of several images, of which one is
 * active. For policies, {@code bpf/src/main/c/intent.h} says how the maps are laid out.
 */
public final class TableProgram implements AutoCloseable {
  private static final int COUNTER_BYTES = Image.COUNTER_BYTES;

  private final String name;
  private final Image.Tables layout;
  private final LoadedObject object;
  private final Pointer active;
  private final @Nullable Installed[] installed;
  private final int cpus;
  private boolean closed;

  /** What lies in one slot; the counters' memory is shared with the kernel. */
  private record Installed(int lines, SharedArray counters) {}

  /** Inner maps before they have a slot. What is closed here lives on in the outer maps. */
  private static final class Inner implements AutoCloseable {
    /** By the order of the image's tables. */
    final List<Integer> fds = new ArrayList<>();

    final List<AutoCloseable> owned = new ArrayList<>();
    @Nullable SharedArray counters;
    int lines;

    /** Returns the counters, which are then the caller's to close. */
    SharedArray takeCounters() {
      SharedArray taken = Objects.requireNonNull(counters);
      counters = null;
      return taken;
    }

    @Override
    public void close() {
      for (AutoCloseable one : owned) {
        try {
          one.close();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
      if (counters != null) {
        counters.close();
      }
    }
  }

  private TableProgram(Image image, LoadedObject object, int slots) throws EngineException {
    this.object = object;
    name = image.entry().name();
    layout = image.tables().orElseThrow();
    installed = new Installed[slots];
    cpus = possibleCpus();
    active = SharedArray.map(object.mapFd(layout.active()), 8);
  }

  /**
   * Loads a program; until an image is installed and active it drops every packet.
   *
   * @param image any image of the program
   * @param slots how many images it can hold, at least 2 for replacing
   */
  public static TableProgram load(ObjectSource source, Image image, int slots)
      throws EngineException {
    return load(source, image, slots, LoadedObject.NO_TYPE, false);
  }

  /** Loads a program of a hook likewise, to be run by test runs. */
  static TableProgram forTestRuns(ObjectSource source, Image image, Hook hook, int slots)
      throws EngineException {
    return load(source, image, slots, ProgramType.inTestRuns(hook).number(), false);
  }

  /** Makes the maps, with room for one image, for instructions that are loaded elsewhere. */
  public static TableProgram relocate(ObjectSource source, Image image) throws EngineException {
    return load(source, image, 1, LoadedObject.NO_TYPE, true);
  }

  private static TableProgram load(
      ObjectSource source, Image image, int slots, int type, boolean relocateOnly)
      throws EngineException {
    Map<String, Integer> entries = new HashMap<>();
    image.tables().orElseThrow().inner().forEach(table -> entries.put(table.outer(), slots));
    byte[] elf = source.object(image.entry().object());
    LoadedObject object = load(elf, image, entries, type, relocateOnly);
    try {
      return new TableProgram(image, object, slots);
    } catch (EngineException | RuntimeException e) {
      object.close();
      throw e;
    }
  }

  private static LoadedObject load(
      byte[] elf, Image image, Map<String, Integer> entries, int type, boolean relocateOnly)
      throws EngineException {
    Optional<Image.Need> need = image.needs();
    if (need.isPresent() && !relocateOnly && FeatureProbe.isSwitchedOff(need.get().helper())) {
      throw unavailable(need.get(), "PLUMB_WITHOUT says so", "");
    }
    try {
      return LoadedObject.load(
          image.entry().name(), elf, image.entry().variables(), -1, entries, type, relocateOnly);
    } catch (EngineException e) {
      Optional<String> reason = FeatureProbe.loopUnavailable();
      throw need.isPresent() && reason.isPresent()
          ? unavailable(need.get(), reason.get(), e.detail())
          : e;
    }
  }

  private static EngineException unavailable(Image.Need need, String reason, String detail) {
    return new EngineException(
        "kernel: %s: unavailable: %s: needs Linux %s"
            .formatted(need.subjects(), reason, need.since()),
        detail);
  }

  /** Returns the fd of the program, to attach it by. */
  public int fd() {
    return object.programFd();
  }

  /** Returns its instructions as loaded, with references to its maps as fds. */
  public byte[] instructions() {
    return object.instructions();
  }

  /**
   * Puts images into slots, none of which is active, and waits until no packet reads what was there
   * before.
   */
  public void install(int first, List<Image> images) throws EngineException {
    List<Inner> inners = new ArrayList<>();
    try {
      for (Image image : images) {
        inners.add(create(image.tables().orElseThrow()));
      }
      for (int map = 0; map < layout.inner().size(); map++) {
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
        values.setInt(4L * i, inners.get(i).fds.get(map));
      }
      check(
          BpfSyscall.mapUpdate(object.mapFd(outer(map)), keys, 4, values, 4, inners.size()),
          "put into map " + outer(map));
    }
  }

  private String outer(int map) {
    return layout.inner().get(map).outer();
  }

  private Inner create(Image.Tables tables) throws EngineException {
    Inner inner = new Inner();
    try {
      for (Image.Table table : tables.inner()) {
        switch (table.kind()) {
          case ARRAY -> {
            SharedArray rows = new SharedArray(table.bytes(), table.size(), BpfSyscall.F_INNER_MAP);
            inner.owned.add(rows);
            inner.fds.add(rows.fd());
            rows.memory().write(0, table.rows(), 0, table.rows().length);
          }
          case COUNTERS -> {
            SharedArray counters =
                new SharedArray(COUNTER_BYTES, cpus * table.lines(), BpfSyscall.F_INNER_MAP);
            inner.counters = counters;
            inner.fds.add(counters.fd());
            inner.lines = table.lines();
          }
          case HASH -> filled(inner, BpfSyscall.MAP_TYPE_HASH, 0, table);
          case LPM_TRIE ->
              filled(inner, BpfSyscall.MAP_TYPE_LPM_TRIE, BpfSyscall.F_NO_PREALLOC, table);
        }
      }
      return inner;
    } catch (EngineException | RuntimeException e) {
      inner.close();
      throw e;
    }
  }

  private void filled(Inner inner, int type, int flags, Image.Table table) throws EngineException {
    int keyBytes = table.bytes();
    int count = table.size();
    int fd = BpfSyscall.mapCreate(type, keyBytes, 4, Math.max(1, count), flags);
    check(fd, "create a map of %d entries".formatted(count));
    inner.owned.add(() -> LibC.close(fd));
    inner.fds.add(fd);
    if (count == 0) {
      return;
    }
    try (Memory keys = new Memory((long) keyBytes * count);
        Memory values = new Memory(4L * count)) {
      for (int i = 0; i < count; i++) {
        keys.write((long) keyBytes * i, table.entries().get(i).key(), 0, keyBytes);
        values.setInt(4L * i, table.entries().get(i).value());
      }
      check(
          BpfSyscall.mapUpdate(fd, keys, keyBytes, values, 4, count),
          "fill a map of %d entries".formatted(count));
    }
  }

  /** Makes the image of a slot active: packets that begin now are decided by it alone. */
  public void activate(int slot) {
    active.setLong(0, slot);
  }

  /**
   * Replaces the active image. Every packet is decided by the old one or by the new one, never by a
   * mixture; when this returns, by the new one. Needs two slots.
   */
  public void replace(Image image) throws EngineException {
    int idle = active.getLong(0) == 0 ? 1 : 0;
    install(idle, List.of(image));
    activate(idle);
    settle();
  }

  /**
   * Waits until no packet is under way that began with the previous image, then empties its slot.
   */
  private void settle() throws EngineException {
    int idle = active.getLong(0) == 0 ? 1 : 0;
    try (Memory key = new Memory(4)) {
      key.setInt(0, idle);
      waitForPackets();
      for (Image.Table table : layout.inner()) {
        BpfSyscall.mapDelete(object.mapFd(table.outer()), key);
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
   * changes nothing.
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
      String counters = layout.counters().outer();
      check(BpfSyscall.mapUpdate(object.mapFd(counters), key, value), "put into map " + counters);
    }
  }

  /** Returns the counts of the image in a slot, summed over all CPUs. */
  public Runner.Counters counters(int slot) {
    Installed image = installed[slot];
    if (image == null) {
      return new Runner.Counters(new long[0], new long[0]);
    }
    return sum(image.counters.memory(), image.lines, cpus);
  }

  /** Sums counters over all CPUs: a pair of numbers for each line, CPU by CPU. */
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

  private void check(int result, String what) throws EngineException {
    if (result < 0) {
      throw new EngineException(
          "kernel: %s: %s: %s".formatted(name, what, BpfSyscall.describe(-result)));
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (Installed image : installed) {
      if (image != null) {
        image.counters.close();
      }
    }
    SharedArray.unmap(active, 8);
    object.close();
  }
}
