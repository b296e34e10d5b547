package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;

/**
 * Dynptrs: pointers whose bounds are checked when they are used (kernel {@code
 * kernel/bpf/helpers.c}). One is 16 bytes of a program's stack:
 *
 * <pre>
 *   0          8                        12
 *   address    read-only:1 type:7 size:24   offset
 * </pre>
 *
 * <p>The kernel's verifier keeps programs from writing there; here they can, and what they make up
 * is an address like any other.
 */
final class DynptrHelpers {
  private static final int SIZE_AT = 8;
  private static final int OFFSET_AT = 12;
  private static final long SIZE_MASK = 0xFF_FFFFL;
  private static final long READ_ONLY = 1L << 31;
  private static final int TYPE_SHIFT = 28;
  private static final long TYPE_MASK = 7;
  private static final long LOCAL = 1;
  private static final long SKB = 3;
  private static final long XDP = 4;
  private static final long U32 = 0xFFFF_FFFFL;

  private DynptrHelpers() {}

  private static void write(Machine m, long at, long address, long sizeAndType, long offset) {
    m.store(at, 8, address);
    m.store(at + SIZE_AT, 4, sizeAndType);
    m.store(at + OFFSET_AT, 4, offset);
  }

  private static long sizeAndType(Machine m, long at) {
    return m.load(at + SIZE_AT, 4);
  }

  private static boolean none(Machine m, long at) {
    return m.load(at, 8) == 0;
  }

  private static long type(Machine m, long at) {
    return sizeAndType(m, at) >>> TYPE_SHIFT & TYPE_MASK;
  }

  private static boolean readOnly(Machine m, long at) {
    return (sizeAndType(m, at) & READ_ONLY) != 0;
  }

  private static boolean inPacket(Machine m, long at) {
    return type(m, at) == SKB || type(m, at) == XDP;
  }

  /** Returns whether so many bytes are within a dynptr. */
  private static boolean within(Machine m, long at, long offset, long length) {
    long size = sizeAndType(m, at) & SIZE_MASK;
    return length <= size && offset <= size - length;
  }

  private static long place(Machine m, long at, long offset) {
    return m.load(at, 8) + m.load(at + OFFSET_AT, 4) + offset;
  }

  static long fromSkb(Machine m, long skb, long flags, long to, long d, long e) {
    boolean netfilter = m.contextType() == ContextType.NETFILTER;
    boolean given =
        netfilter
            ? skb == m.context()[m.contextType().slot("skb")] && skb != 0
            : skb == Machine.CONTEXT && m.contextType().isSkb();
    if (!given) {
      throw new Fault("bpf_dynptr_from_skb: 0x%x: expected the packet's skb".formatted(skb));
    }
    // Only contexts that may write to the packet get a dynptr that may.
    boolean readOnly =
        netfilter
            || m.contextType() == ContextType.SOCKET_FILTER
            || m.contextType() == ContextType.CGROUP_SKB;
    return fromPacket(m, flags, to, SKB << TYPE_SHIFT | (readOnly ? READ_ONLY : 0));
  }

  static long fromXdp(Machine m, long context, long flags, long to, long d, long e) {
    if (context != Machine.CONTEXT || m.contextType() != ContextType.XDP) {
      throw new Fault("bpf_dynptr_from_xdp: 0x%x: expected the context".formatted(context));
    }
    return fromPacket(m, flags, to, XDP << TYPE_SHIFT);
  }

  private static long fromPacket(Machine m, long flags, long to, long type) {
    if (flags != 0) {
      write(m, to, 0, 0, 0);
      return -Errno.EINVAL;
    }
    write(m, to, m.data(), type | m.wholeLength(), 0);
    return 0;
  }

  static long fromMemory(Machine m, long memory, long size, long flags, long to, long e) {
    if ((size & U32) > SIZE_MASK || flags != 0) {
      write(m, to, 0, 0, 0);
      return (size & U32) > SIZE_MASK ? -Errno.E2BIG : -Errno.EINVAL;
    }
    write(m, to, memory, LOCAL << TYPE_SHIFT | size & U32, 0);
    return 0;
  }

  static long read(Machine m, long to, long length, long from, long offset, long flags) {
    if (none(m, from) || flags != 0) {
      return -Errno.EINVAL;
    }
    int size = (int) (length & U32);
    if (!within(m, from, offset & U32, length & U32)) {
      return -Errno.E2BIG;
    }
    m.put(to, m.bytes(place(m, from, offset & U32), size), 0, size);
    return 0;
  }

  static long write(Machine m, long to, long offset, long from, long length, long flags) {
    if (none(m, to) || readOnly(m, to)) {
      return -Errno.EINVAL;
    }
    int size = (int) (length & U32);
    if (!within(m, to, offset & U32, length & U32)) {
      return -Errno.E2BIG;
    }
    if (type(m, to) == SKB) {
      return PacketHelpers.storeBytes(
          m, Machine.CONTEXT, m.load(to + OFFSET_AT, 4) + (offset & U32), from, size, flags);
    }
    if (flags != 0) {
      return -Errno.EINVAL;
    }
    m.put(place(m, to, offset & U32), m.bytes(from, size), 0, size);
    return 0;
  }

  static long data(Machine m, long from, long offset, long length, long d, long e) {
    return none(m, from)
            || inPacket(m, from)
            || readOnly(m, from)
            || !within(m, from, offset & U32, length & U32)
        ? 0
        : place(m, from, offset & U32);
  }

  /** What lies in one piece is shown where it is, else copied to a buffer, if there is one. */
  static long slice(Machine m, long from, long offset, long buffer, long length, long e) {
    long size = length & U32;
    if (none(m, from) || !within(m, from, offset & U32, size)) {
      return 0;
    }
    long at = place(m, from, offset & U32);
    if (!inPacket(m, from) || at + size - m.data() <= m.dataLength()) {
      return at;
    }
    if (buffer != 0) {
      m.put(buffer, m.bytes(at, (int) size), 0, (int) size);
    }
    return buffer;
  }

  static long sliceToWrite(Machine m, long from, long offset, long buffer, long length, long e) {
    return none(m, from) || readOnly(m, from) ? 0 : slice(m, from, offset, buffer, length, e);
  }

  static long adjust(Machine m, long at, long start, long end, long d, long e) {
    long first = start & U32;
    long behind = end & U32;
    if (none(m, at) || first > behind) {
      return -Errno.EINVAL;
    }
    long size = sizeAndType(m, at) & SIZE_MASK;
    if (first > size || behind > size) {
      return -Errno.ERANGE;
    }
    m.store(at + SIZE_AT, 4, sizeAndType(m, at) & ~SIZE_MASK | behind - first);
    m.store(at + OFFSET_AT, 4, m.load(at + OFFSET_AT, 4) + first);
    return 0;
  }

  static long size(Machine m, long at, long b, long c, long d, long e) {
    return none(m, at) ? -Errno.EINVAL & U32 : sizeAndType(m, at) & SIZE_MASK;
  }

  static long isNull(Machine m, long at, long b, long c, long d, long e) {
    return none(m, at) ? 1 : 0;
  }

  static long isReadOnly(Machine m, long at, long b, long c, long d, long e) {
    return !none(m, at) && readOnly(m, at) ? 1 : 0;
  }

  static long copy(Machine m, long at, long to, long c, long d, long e) {
    if (none(m, at)) {
      write(m, to, 0, 0, 0);
      return -Errno.EINVAL;
    }
    write(m, to, m.load(at, 8), sizeAndType(m, at), m.load(at + OFFSET_AT, 4));
    return 0;
  }
}
