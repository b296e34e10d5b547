package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.object.MapSpec;
import java.util.Arrays;

/** Keys and values in arrays that grow, each pair at a number that it keeps until it is freed. */
final class Slab {
  private static final int FIRST = 16;

  private final MapSpec spec;
  private final int stride;
  private final int copies;
  private final Region values;
  private byte[] keys;
  private int[] free = new int[FIRST];
  private int freeCount;
  private int used;

  Slab(Machine machine, MapSpec spec, int copies) {
    this.spec = spec;
    this.copies = copies;
    stride = BpfMap.stride(spec);
    values =
        machine.region(
            "value of map " + spec.name(),
            new byte[0],
            (spec.flags() & MapSpec.F_RDONLY_PROG) == 0,
            stride,
            spec.valueSize());
    keys = new byte[0];
  }

  Region region() {
    return values;
  }

  byte[] keys() {
    return keys;
  }

  int keyAt(int number) {
    return number * spec.keySize();
  }

  int valueAt(int number, int cpu) {
    return (number * copies + cpu) * stride;
  }

  /** Returns the number of a new pair, its value zero. */
  int take(byte[] key, int at) {
    int number = freeCount > 0 ? free[--freeCount] : used++;
    int keysNeeded = (number + 1) * spec.keySize();
    if (keysNeeded > keys.length) {
      keys = Arrays.copyOf(keys, Math.max(keysNeeded, keys.length * 2));
    }
    int valuesNeeded = (number + 1) * copies * stride;
    byte[] data = values.data();
    if (valuesNeeded > data.length) {
      long room = Math.max(valuesNeeded, Math.min(data.length * 2L, BpfMap.MAX_BYTES));
      values.grow(Arrays.copyOf(data, (int) room));
    }
    System.arraycopy(key, at, keys, keyAt(number), spec.keySize());
    Arrays.fill(values.data(), valueAt(number, 0), valueAt(number + 1, 0), (byte) 0);
    return number;
  }

  void release(int number) {
    if (freeCount == free.length) {
      free = Arrays.copyOf(free, freeCount * 2);
    }
    free[freeCount++] = number;
  }

  /** Refuses maps that could grow beyond what an array can hold. */
  static void check(MapSpec spec, int copies) {
    long bytes =
        (long) spec.maxEntries() * Math.max(BpfMap.stride(spec) * (long) copies, spec.keySize());
    if (spec.keySize() < 1 || spec.maxEntries() < 1 || bytes > BpfMap.MAX_BYTES) {
      throw BpfMap.refused(
          spec,
          "key %d, value %d, %d entries: expected a key, entries, and at most %d bytes"
              .formatted(spec.keySize(), spec.valueSize(), spec.maxEntries(), BpfMap.MAX_BYTES));
    }
  }
}
