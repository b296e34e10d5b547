package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.RingBuffer;
import java.util.Arrays;

/** What programs send to user space. */
final class EventHelpers {
  private static final long INDEX_MASK = 0xFFFF_FFFFL;
  private static final long CONTEXT_LENGTH_MASK = 0xFFFFFL << 32;

  private EventHelpers() {}

  private static RingBuffer buffer(Machine m, long address) {
    if (m.handle(address) instanceof RingBuffer buffer) {
      return buffer;
    }
    throw new Fault("0x%x: expected a ring buffer".formatted(address));
  }

  static long perfOutput(Machine m, long context, long a, long flags, long data, long size) {
    BpfMap map = MapHelpers.map(m, a);
    if ((flags & ~(INDEX_MASK | CONTEXT_LENGTH_MASK)) != 0) {
      return -Errno.EINVAL;
    }
    // Bits 32 to 51: how many bytes of the packet to append.
    int packet = (int) ((flags & CONTEXT_LENGTH_MASK) >> 32);
    if (packet > m.packetLength()) {
      return -Errno.EFAULT;
    }
    byte[] bytes = Arrays.copyOf(m.bytes(data, size(size)), size(size) + packet);
    Region region = m.packetRegion();
    System.arraycopy(region.data(), region.base() + (int) region.low(), bytes, size(size), packet);
    m.events().add(new Machine.Event(map.name(), bytes));
    return 0;
  }

  private static int size(long size) {
    if (size < 0 || size > Integer.MAX_VALUE) {
      throw new Fault("size %d: expected 0..%d".formatted(size, Integer.MAX_VALUE));
    }
    return (int) size;
  }

  static long output(Machine m, long a, long data, long size, long flags, long e) {
    if ((flags & ~3) != 0) {
      return -Errno.EINVAL;
    }
    return buffer(m, a).output(m.bytes(data, size(size)));
  }

  static long reserve(Machine m, long a, long size, long flags, long d, long e) {
    return buffer(m, a).reserve(size, flags);
  }

  static long submit(Machine m, long record, long flags, long c, long d, long e) {
    return finish(m, record, true);
  }

  static long discard(Machine m, long record, long flags, long c, long d, long e) {
    return finish(m, record, false);
  }

  private static long finish(Machine m, long record, boolean submit) {
    for (Machine.Handle handle : m.handles()) {
      if (handle instanceof RingBuffer buffer && buffer.holds(record)) {
        buffer.finish(record, submit);
        return 0;
      }
    }
    throw new Fault("0x%x: expected the address of a reserved record".formatted(record));
  }

  static long query(Machine m, long a, long what, long c, long d, long e) {
    return buffer(m, a).query(what);
  }
}
