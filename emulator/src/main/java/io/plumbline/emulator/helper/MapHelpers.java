package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.ArrayMap;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.QueueMap;
import io.plumbline.emulator.map.ReferenceMap;
import java.util.Optional;

/** Maps, and what goes over maps and functions: tail calls and loops. */
public final class MapHelpers {
  private MapHelpers() {}

  static BpfMap map(Machine m, long address) {
    if (m.handle(address) instanceof BpfMap map) {
      return map;
    }
    throw new Fault("0x%x: expected the address of a map".formatted(address));
  }

  private static BpfMap withValues(Machine m, long address) {
    BpfMap map = map(m, address);
    if (!map.hasValues()) {
      throw new Fault("map %s of type %s: it has no keys".formatted(map, map.type()));
    }
    return map;
  }

  static long lookup(Machine m, long a, long key, long c, long d, long e) {
    return lookup(m, withValues(m, a), key);
  }

  /** Looks up a key that is in the machine's memory. */
  public static long lookup(Machine m, BpfMap map, long key) {
    Region region = m.readable(key, map.keySize());
    return map.lookup(region.data(), region.index(key, map.keySize()));
  }

  static long lookupPerCpu(Machine m, long a, long key, long cpu, long d, long e) {
    BpfMap map = withValues(m, a);
    Region region = m.readable(key, map.keySize());
    int at = region.index(key, map.keySize());
    if (map instanceof ArrayMap array) {
      return array.lookup(region.data(), at, (int) cpu);
    }
    int before = m.cpu();
    if (cpu < 0 || cpu >= ArrayMap.CPUS) {
      return 0;
    }
    m.cpu((int) cpu);
    long value = map.lookup(region.data(), at);
    m.cpu(before);
    return value;
  }

  static long update(Machine m, long a, long key, long value, long flags, long e) {
    BpfMap map = withValues(m, a);
    if (map instanceof ReferenceMap) {
      throw new Fault("map %s of type %s: programs cannot change it".formatted(map, map.type()));
    }
    Region keys = m.readable(key, map.keySize());
    Region values = m.readable(value, map.valueSize());
    return map.update(
        keys.data(),
        keys.index(key, map.keySize()),
        values.data(),
        values.index(value, map.valueSize()),
        flags);
  }

  static long delete(Machine m, long a, long key, long c, long d, long e) {
    BpfMap map = withValues(m, a);
    Region keys = m.readable(key, map.keySize());
    return map.delete(keys.data(), keys.index(key, map.keySize()));
  }

  private static QueueMap queue(Machine m, long address) {
    if (m.handle(address) instanceof QueueMap queue) {
      return queue;
    }
    throw new Fault("0x%x: expected a queue or a stack".formatted(address));
  }

  static long push(Machine m, long a, long value, long flags, long d, long e) {
    QueueMap queue = queue(m, a);
    Region values = m.readable(value, queue.valueSize());
    return queue.push(values.data(), values.index(value, queue.valueSize()), flags);
  }

  static long pop(Machine m, long a, long value, long c, long d, long e) {
    return next(m, a, value, true);
  }

  static long peek(Machine m, long a, long value, long c, long d, long e) {
    return next(m, a, value, false);
  }

  private static long next(Machine m, long a, long value, boolean remove) {
    QueueMap queue = queue(m, a);
    m.writable(value, queue.valueSize());
    Optional<byte[]> next = queue.next(remove);
    m.put(value, next.orElse(new byte[queue.valueSize()]), 0, queue.valueSize());
    return next.isPresent() ? 0 : -Errno.ENOENT;
  }

  static long tailCall(Machine m, long context, long a, long index, long d, long e) {
    if (!(m.handle(a) instanceof ReferenceMap programs)) {
      throw new Fault("0x%x: expected an array of programs".formatted(a));
    }
    if (context != Machine.CONTEXT) {
      throw new Fault("0x%x: expected the context".formatted(context));
    }
    Program target = programs.program((int) index);
    if (target != null && m.tailCall(target)) {
      return 0;
    }
    return -Errno.ENOENT;
  }

  static long loop(Machine m, long turns, long function, long context, long flags, long e) {
    if (flags != 0) {
      return -Errno.EINVAL;
    }
    int count = (int) turns;
    if (Integer.compareUnsigned(count, Machine.MAX_LOOPS) > 0) {
      return -Errno.E2BIG;
    }
    for (int i = 0; i < count; i++) {
      if (m.call(function, i, context, 0, 0, 0) != 0) {
        return i + 1L;
      }
    }
    return count;
  }

  static long forEach(Machine m, long a, long function, long context, long flags, long e) {
    if (flags != 0) {
      return -Errno.EINVAL;
    }
    BpfMap map = map(m, a);
    Region keys = m.region("key of map " + map, new byte[Math.max(1, map.keySize())], true);
    try {
      return map.forEach(
          (key, value) -> {
            System.arraycopy(key, 0, keys.data(), 0, key.length);
            return m.call(function, a, keys.address(), value, context, 0);
          });
    } finally {
      m.forget(keys);
    }
  }
}
