package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.object.MapSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Records of any size for user space (kernel {@code kernel/bpf/ringbuf.c}). A buffer that is full
 * stays full until the next frame, because no reader runs beside a program; each frame begins with
 * an empty buffer.
 */
public final class RingBuffer extends BpfMap {
  private static final int HEADER = 8;

  private final Machine machine;
  private final Map<Long, Region> reserved = new LinkedHashMap<>();
  private long used;
  private long seenDiscards;

  RingBuffer(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    this.machine = machine;
    int size = spec.maxEntries();
    if (size < 4096
        || Integer.bitCount(size) != 1
        || spec.keySize() != 0
        || spec.valueSize() != 0) {
      throw refused(
          spec,
          "%d bytes, key %d, value %d: expected a power of two from 4096, no key and no value"
              .formatted(size, spec.keySize(), spec.valueSize()));
    }
  }

  /** Empties the buffer if the machine's output was discarded since it was last used. */
  private void refresh() {
    if (seenDiscards != machine.discardedOutputs()) {
      seenDiscards = machine.discardedOutputs();
      used = 0;
      reserved.values().forEach(machine::forget);
      reserved.clear();
    }
  }

  private boolean take(long size) {
    refresh();
    long need = (size + HEADER + 7) & ~7L;
    if (size < 0 || need > spec().maxEntries() - used) {
      return false;
    }
    used += need;
    return true;
  }

  /** Returns the address of a new record, or 0. */
  public long reserve(long size, long flags) {
    if (flags != 0 || !take(size)) {
      return 0;
    }
    Region record = machine.region("record of map " + name(), new byte[(int) size], true);
    reserved.put(record.address(), record);
    return record.address();
  }

  /** Gives a record to user space, or throws it away. */
  public void finish(long address, boolean submit) {
    refresh();
    Region record = reserved.remove(address);
    if (record == null) {
      throw new Fault(
          "0x%x: expected the address of a record that was reserved".formatted(address));
    }
    if (submit) {
      machine.events().add(new Machine.Event(name(), record.data()));
    }
    machine.forget(record);
  }

  /** Sends a copy. */
  public int output(byte[] data) {
    if (!take(data.length)) {
      return -Errno.EAGAIN;
    }
    machine.events().add(new Machine.Event(name(), data));
    return 0;
  }

  /** Returns whether this record is of this buffer. */
  public boolean holds(long address) {
    refresh();
    return reserved.containsKey(address);
  }

  /** Answers {@code bpf_ringbuf_query}. */
  public long query(long what) {
    refresh();
    return what == 0 || what == 3 ? used : what == 1 ? spec().maxEntries() : 0;
  }

  @Override
  public boolean hasValues() {
    return false;
  }
}
