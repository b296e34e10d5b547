package io.plumbline.pcaps;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Bits of Zstandard data. Forward streams start with the lowest bit of the first byte; backward
 * ones (RFC 8878 section 4.1) with the bit below the highest set one of the last byte, toward the
 * first.
 */
final class ZstdBits {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] bytes;
  private final long start;
  private final long end;
  private long position;

  private ZstdBits(byte[] bytes, int from, int to, long position) {
    this.bytes = bytes;
    this.start = 8L * from;
    this.end = 8L * to;
    this.position = position;
  }

  static ZstdBits forward(byte[] bytes, int from, int to) {
    return new ZstdBits(bytes, from, to, 8L * from);
  }

  /** Returns a backward stream. */
  static ZstdBits backward(byte[] bytes, int from, int to) throws CompressionException {
    if (to <= from || bytes[to - 1] == 0) {
      throw ZstdStream.damaged("a stream of bits without an end");
    }
    int mark = 31 - Integer.numberOfLeadingZeros(bytes[to - 1] & 0xFF);
    return new ZstdBits(bytes, from, to, 8L * (to - 1) + mark);
  }

  /** Returns the bits from a position upward; those outside the stream are 0. */
  private long at(long bit, int count) {
    int first = (int) (bit >> 3);
    if (bit >= start && bit + count <= end && first + 8 <= bytes.length) {
      return (long) LONG.get(bytes, first) >>> (bit & 7) & (1L << count) - 1;
    }
    long value = 0;
    for (int i = 0; i < count; i++) {
      long one = bit + i;
      if (one >= start && one < end) {
        value |= (long) (bytes[(int) (one >>> 3)] >>> (one & 7) & 1) << i;
      }
    }
    return value;
  }

  /** Reads upward; up to 32 bits. */
  int forward(int count) {
    int value = (int) at(position, count);
    position += count;
    return value;
  }

  /** Reads downward; up to 32 bits. */
  long backward(int count) {
    position -= count;
    return count == 0 ? 0 : at(position, count);
  }

  /** Returns the next bits of a backward stream without taking them. */
  int peek(int count) {
    return (int) at(position - count, count);
  }

  /** Moves a backward stream down, a forward one up for a negative count. */
  void back(int count) {
    position -= count;
  }

  /** Returns how many bits are left in a backward stream; negative if too many were read. */
  long left() {
    return position - start;
  }

  /** Returns the first whole byte that a forward stream has not read. */
  int nextByte() throws CompressionException {
    if (position > end) {
      throw ZstdStream.damaged("a table beyond its block");
    }
    return (int) (position + 7 >>> 3);
  }
}
