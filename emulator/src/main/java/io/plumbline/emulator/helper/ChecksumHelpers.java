package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;

/** Internet checksums (RFC 1071, RFC 1624) as programs see them: sums of little-endian words. */
final class ChecksumHelpers {
  private static final long HEADER_FIELD_MASK = 0xF;
  private static final long PSEUDO_HEADER = 1 << 4;
  private static final long MARK_MANGLED_0 = 1 << 5;
  private static final long MARK_ENFORCE = 1 << 6;
  private static final int MAX_DIFF_BYTES = 512;

  private ChecksumHelpers() {}

  private static long fold(long sum) {
    long folded = sum;
    while (folded >>> 16 != 0) {
      folded = (folded & 0xFFFF) + (folded >>> 16);
    }
    return folded;
  }

  static long diff(Machine m, long from, long fromSize, long to, long toSize, long seed) {
    long removed = fromSize & 0xFFFF_FFFFL;
    long added = toSize & 0xFFFF_FFFFL;
    if (((removed | added) & 3) != 0 || removed + added > MAX_DIFF_BYTES * 2L) {
      return -Errno.EINVAL;
    }
    long sum = seed & 0xFFFF_FFFFL;
    for (long i = 0; i < removed; i += 4) {
      sum += ~m.load(from + i, 4) & 0xFFFF_FFFFL;
    }
    for (long i = 0; i < added; i += 4) {
      sum += m.load(to + i, 4);
    }
    return fold(sum);
  }

  /** Returns a checksum after a word of the data changed (RFC 1624, equation 3). */
  private static long replaced(long checksum, long from, long to) {
    return ~fold((~checksum & 0xFFFF) + (~from & 0xFFFF_FFFFL) + (to & 0xFFFF_FFFFL)) & 0xFFFF;
  }

  /** Returns a checksum after the sum of the data changed by a difference. */
  private static long moved(long checksum, long difference) {
    return ~fold((~checksum & 0xFFFF) + (difference & 0xFFFF_FFFFL)) & 0xFFFF;
  }

  static long replaceL3(Machine m, long skb, long offset, long from, long to, long flags) {
    if ((flags & ~HEADER_FIELD_MASK) != 0) {
      return -Errno.EINVAL;
    }
    return replace(m, offset, from, to, flags, false);
  }

  static long replaceL4(Machine m, long skb, long offset, long from, long to, long flags) {
    if ((flags & ~(HEADER_FIELD_MASK | PSEUDO_HEADER | MARK_MANGLED_0 | MARK_ENFORCE)) != 0) {
      return -Errno.EINVAL;
    }
    return replace(m, offset, from, to, flags, true);
  }

  private static long replace(
      Machine m, long offset, long from, long to, long flags, boolean transport) {
    int at = (int) offset;
    if (Integer.compareUnsigned(at, 0xFFFF) > 0 || (at & 1) != 0) {
      return -Errno.EFAULT;
    }
    if (at + 2 > m.wholeLength()) {
      return -Errno.EFAULT;
    }
    m.pull(at + 2);
    long address = PacketHelpers.address(m, at);
    long checksum = m.load(address, 2);
    boolean mayBeZero = (flags & MARK_MANGLED_0) != 0;
    if (transport && mayBeZero && (flags & MARK_ENFORCE) == 0 && checksum == 0) {
      return 0;
    }
    long result;
    switch ((int) (flags & HEADER_FIELD_MASK)) {
      case 0 -> {
        if (from != 0) {
          return -Errno.EINVAL;
        }
        result = moved(checksum, to);
      }
      case 2 -> result = replaced(checksum, from & 0xFFFF | 0xFFFF_0000L, to & 0xFFFF);
      case 4 -> result = replaced(checksum, from, to);
      default -> {
        return -Errno.EINVAL;
      }
    }
    m.store(address, 2, transport && mayBeZero && result == 0 ? 0xFFFF : result);
    return 0;
  }

  static long update(Machine m, long skb, long b, long c, long d, long e) {
    return -Errno.ENOTSUPP;
  }

  static long level(Machine m, long skb, long b, long c, long d, long e) {
    return -Errno.EACCES;
  }
}
