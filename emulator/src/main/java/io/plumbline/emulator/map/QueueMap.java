package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.MapSpec;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;

/**
 * Values without keys, first in first out or last in first out (kernel {@code queue_stack_maps.c}).
 */
public final class QueueMap extends BpfMap {
  private final Deque<byte[]> values = new ArrayDeque<>();

  QueueMap(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    if (spec.keySize() != 0 || spec.valueSize() < 1 || spec.maxEntries() < 1) {
      throw refused(
          spec,
          "key %d, value %d, %d entries: expected no key, a value and entries"
              .formatted(spec.keySize(), spec.valueSize(), spec.maxEntries()));
    }
  }

  /** Adds a value; with BPF_EXIST a full map forgets its oldest. */
  public int push(byte[] value, int at, long flags) {
    if (flags == BPF_NOEXIST || Long.compareUnsigned(flags, BPF_EXIST) > 0) {
      return -Errno.EINVAL;
    }
    if (values.size() == spec().maxEntries()) {
      if (flags != BPF_EXIST) {
        return -Errno.E2BIG;
      }
      values.removeFirst();
    }
    values.addLast(Arrays.copyOfRange(value, at, at + valueSize()));
    return 0;
  }

  /** Returns the next value; empty if there is none. */
  public Optional<byte[]> next(boolean remove) {
    boolean last = type() == MapType.STACK;
    if (values.isEmpty()) {
      return Optional.empty();
    }
    if (remove) {
      return Optional.of(last ? values.removeLast() : values.removeFirst());
    }
    return Optional.of(last ? values.getLast() : values.getFirst());
  }

  @Override
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    return push(value, valueAt, flags);
  }

  @Override
  public boolean hasValues() {
    return false;
  }
}
