package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.MapSpec;
import java.util.Optional;

/**
 * A map. Operations return what the kernel's do: 0 or a negated {@link Errno}, and addresses or 0.
 * Keys and values are given as arrays and where they start in them.
 */
public abstract class BpfMap implements Machine.Handle {
  /** Update flags (kernel {@code include/uapi/linux/bpf.h}). */
  public static final long BPF_ANY = 0;

  public static final long BPF_NOEXIST = 1;
  public static final long BPF_EXIST = 2;

  static final long BPF_F_LOCK = 4;

  static final int F_NO_PREALLOC = 1;

  /** The most bytes that the values of a map may have here. */
  static final long MAX_BYTES = 1L << 30;

  private final MapSpec spec;
  private final MapType type;
  private final long address;

  BpfMap(Machine machine, MapSpec spec, MapType type) {
    this.spec = spec;
    this.type = type;
    address = machine.add(this);
  }

  /** Returns the value's address, or 0. */
  public long lookup(byte[] key, int at) {
    return 0;
  }

  /** Sets a value. */
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    return -Errno.EINVAL;
  }

  /** Removes a key. */
  public int delete(byte[] key, int at) {
    return -Errno.EINVAL;
  }

  /** Returns a copy of a value, of the processor that runs; empty if there is none. */
  public Optional<byte[]> value(byte[] key) {
    return Optional.empty();
  }

  /** Calls a function for each entry until it returns something else than 0; returns how many. */
  public long forEach(Visitor visitor) {
    return -Errno.EINVAL;
  }

  /** Sees the addresses of an entry. */
  public interface Visitor {
    long visit(byte[] key, long value);
  }

  /** Returns why a program may not use it with the functions for maps with values. */
  public boolean hasValues() {
    return true;
  }

  @Override
  public String name() {
    return spec.name();
  }

  public MapSpec spec() {
    return spec;
  }

  public MapType type() {
    return type;
  }

  /** Returns the address that programs know it by. */
  public long address() {
    return address;
  }

  public int keySize() {
    return spec.keySize();
  }

  public int valueSize() {
    return spec.valueSize();
  }

  static IllegalArgumentException refused(MapSpec spec, String what) {
    return new IllegalArgumentException("map %s: %s".formatted(spec.name(), what));
  }

  /** Returns the distance of values: a power of two with room behind each. */
  static int stride(MapSpec spec) {
    long stride = Long.highestOneBit(Math.max(8, spec.valueSize())) * 2;
    if (spec.valueSize() == stride / 2) {
      stride = Math.max(8, spec.valueSize());
    }
    if (stride > MAX_BYTES) {
      throw refused(
          spec, "value of %d bytes: expected at most %d".formatted(spec.valueSize(), MAX_BYTES));
    }
    return (int) stride;
  }

  static int u32(byte[] data, int at) {
    return (int) io.plumbline.emulator.machine.Bytes.get32(data, at);
  }

  @Override
  public String toString() {
    return name();
  }
}
