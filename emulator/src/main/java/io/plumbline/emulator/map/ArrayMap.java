package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.object.MapSpec;
import java.util.Arrays;
import java.util.Optional;

/** An array of values, all of which always exist (kernel {@code kernel/bpf/arraymap.c}). */
public final class ArrayMap extends BpfMap implements HasRegion {
  private final Machine machine;
  private final Region values;
  private final int stride;
  private final int entries;
  private final boolean perCpu;
  private final int initialBytes;

  ArrayMap(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    this.machine = machine;
    if (spec.keySize() != 4 || spec.valueSize() < 1 || spec.maxEntries() < 1) {
      throw refused(
          spec,
          "array with key %d, value %d, %d entries: expected key 4, value and entries above 0"
              .formatted(spec.keySize(), spec.valueSize(), spec.maxEntries()));
    }
    perCpu = type.perCpu();
    entries = spec.maxEntries();
    stride = entries == 1 && !perCpu ? spec.valueSize() : stride(spec);
    // A processor of its own per value is not needed: one thread runs at a time, and which
    // processor
    // it is on is part of the machine's state.
    long bytes = (long) entries * stride * (perCpu ? CPUS : 1);
    if (bytes > MAX_BYTES) {
      throw refused(spec, "%d bytes: expected at most %d".formatted(bytes, MAX_BYTES));
    }
    byte[] data = new byte[(int) bytes];
    initialBytes = Math.min(spec.initial().length, data.length);
    System.arraycopy(spec.initial(), 0, data, 0, initialBytes);
    boolean writable = (spec.flags() & MapSpec.F_RDONLY_PROG) == 0;
    values =
        entries == 1 && !perCpu
            ? machine.region("value of map " + spec.name(), data, writable)
            : machine.region(
                "value of map " + spec.name(), data, writable, stride, spec.valueSize());
    if (!writable && entries == 1) {
      values.freeze();
    }
  }

  /** Processors that a machine can be told to be on. */
  public static final int CPUS = 4;

  @Override
  public Region region() {
    return values;
  }

  private int offset(int index) {
    return (perCpu ? index * CPUS + machine.cpu() : index) * stride;
  }

  @Override
  public long lookup(byte[] key, int at) {
    int index = u32(key, at);
    return Integer.compareUnsigned(index, entries) < 0 ? values.address(offset(index)) : 0;
  }

  /** Returns the value's address on a processor, or 0. */
  public long lookup(byte[] key, int at, int cpu) {
    int index = u32(key, at);
    return perCpu
            && Integer.compareUnsigned(index, entries) < 0
            && Integer.compareUnsigned(cpu, CPUS) < 0
        ? values.address((index * CPUS + cpu) * stride)
        : 0;
  }

  @Override
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    if (Long.compareUnsigned(flags & ~BPF_F_LOCK, BPF_EXIST) > 0) {
      return -Errno.EINVAL;
    }
    if (values.constant()) {
      return -Errno.EPERM;
    }
    int index = u32(key, keyAt);
    if (Integer.compareUnsigned(index, entries) >= 0) {
      return -Errno.E2BIG;
    }
    if ((flags & BPF_NOEXIST) != 0) {
      return -Errno.EEXIST;
    }
    if ((flags & BPF_F_LOCK) != 0) {
      // There is no lock in the value.
      return -Errno.EINVAL;
    }
    System.arraycopy(value, valueAt, values.data(), offset(index), valueSize());
    return 0;
  }

  @Override
  public Optional<byte[]> value(byte[] key) {
    int index = u32(key, 0);
    return Integer.compareUnsigned(index, entries) < 0
        ? Optional.of(Arrays.copyOfRange(values.data(), offset(index), offset(index) + valueSize()))
        : Optional.empty();
  }

  @Override
  public long forEach(Visitor visitor) {
    byte[] key = new byte[4];
    for (int i = 0; i < entries; i++) {
      Bytes.put32(key, 0, i);
      if (visitor.visit(key, values.address(offset(i))) != 0) {
        return i + 1L;
      }
    }
    return entries;
  }

  /** Puts back what the array began with. */
  public void reset() {
    Arrays.fill(values.data(), (byte) 0);
    System.arraycopy(spec().initial(), 0, values.data(), 0, initialBytes);
  }
}
