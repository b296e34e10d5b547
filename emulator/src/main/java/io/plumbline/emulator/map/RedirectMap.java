package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.MapSpec;
import java.util.Arrays;
import java.util.Optional;

/**
 * Devices, processors or sockets to redirect to, by index; an entry exists once it is set. Programs
 * may look them up but not change them.
 */
final class RedirectMap extends BpfMap {
  private final Slab slab;
  private final int[] numbers;

  RedirectMap(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    Slab.check(spec, 1);
    if (spec.keySize() != 4) {
      throw refused(spec, "key %d: expected 4".formatted(spec.keySize()));
    }
    slab = new Slab(machine, spec, 1);
    numbers = new int[spec.maxEntries()];
    Arrays.fill(numbers, -1);
  }

  private int number(byte[] key, int at) {
    int index = u32(key, at);
    return Integer.compareUnsigned(index, numbers.length) < 0 ? numbers[index] : -1;
  }

  @Override
  public long lookup(byte[] key, int at) {
    int number = number(key, at);
    return number < 0 ? 0 : slab.region().address(slab.valueAt(number, 0));
  }

  @Override
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    int index = u32(key, keyAt);
    if (Long.compareUnsigned(flags, BPF_EXIST) > 0) {
      return -Errno.EINVAL;
    }
    if (Integer.compareUnsigned(index, numbers.length) >= 0) {
      return -Errno.E2BIG;
    }
    if (flags == BPF_NOEXIST) {
      return -Errno.EEXIST;
    }
    if (numbers[index] < 0) {
      byte[] stored = new byte[4];
      Bytes.put32(stored, 0, index);
      numbers[index] = slab.take(stored, 0);
    }
    System.arraycopy(
        value, valueAt, slab.region().data(), slab.valueAt(numbers[index], 0), valueSize());
    return 0;
  }

  @Override
  public int delete(byte[] key, int at) {
    int index = u32(key, at);
    if (Integer.compareUnsigned(index, numbers.length) >= 0) {
      return -Errno.EINVAL;
    }
    if (numbers[index] >= 0) {
      slab.release(numbers[index]);
      numbers[index] = -1;
    }
    return 0;
  }

  @Override
  public Optional<byte[]> value(byte[] key) {
    int number = number(key, 0);
    if (number < 0) {
      return Optional.empty();
    }
    int at = slab.valueAt(number, 0);
    return Optional.of(Arrays.copyOfRange(slab.region().data(), at, at + valueSize()));
  }
}
