package io.plumbline.pcaps;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** XXH64 with seed 0, of which Zstandard's checksum is the lower half (RFC 8878 section 3.1.1). */
final class XxHash64 {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long P1 = 0x9E3779B185EBCA87L;
  private static final long P2 = 0xC2B2AE3D27D4EB4FL;
  private static final long P3 = 0x165667B19E3779F9L;
  private static final long P4 = 0x85EBCA77C2B2AE63L;
  private static final long P5 = 0x27D4EB2F165667C5L;
  private static final int STRIPE = 32;

  /** P1 + P2, P2, 0 and -P1, modulo 2^64. */
  private final long[] lanes = {0x60EA27EEADC0B5D6L, P2, 0, 0x61C8864E7A143579L};

  private final byte[] rest = new byte[STRIPE];
  private int kept;
  private long total;

  void update(byte[] bytes, int from, int to) {
    int at = from;
    total += to - from;
    while (at < to) {
      if (kept == 0 && to - at >= STRIPE) {
        stripe(bytes, at);
        at += STRIPE;
      } else {
        int count = Math.min(STRIPE - kept, to - at);
        System.arraycopy(bytes, at, rest, kept, count);
        kept += count;
        at += count;
        if (kept == STRIPE) {
          stripe(rest, 0);
          kept = 0;
        }
      }
    }
  }

  private void stripe(byte[] bytes, int at) {
    for (int lane = 0; lane < lanes.length; lane++) {
      lanes[lane] = round(lanes[lane], (long) LONG.get(bytes, at + 8 * lane));
    }
  }

  private static long round(long lane, long value) {
    return Long.rotateLeft(lane + value * P2, 31) * P1;
  }

  long value() {
    long hash;
    if (total >= STRIPE) {
      hash =
          Long.rotateLeft(lanes[0], 1)
              + Long.rotateLeft(lanes[1], 7)
              + Long.rotateLeft(lanes[2], 12)
              + Long.rotateLeft(lanes[3], 18);
      for (long lane : lanes) {
        hash = (hash ^ round(0, lane)) * P1 + P4;
      }
    } else {
      hash = P5;
    }
    hash += total;
    int at = 0;
    for (; at + 8 <= kept; at += 8) {
      hash = Long.rotateLeft(hash ^ round(0, (long) LONG.get(rest, at)), 27) * P1 + P4;
    }
    if (at + 4 <= kept) {
      hash = Long.rotateLeft(hash ^ ((int) INT.get(rest, at) & 0xFFFFFFFFL) * P1, 23) * P2 + P3;
      at += 4;
    }
    for (; at < kept; at++) {
      hash = Long.rotateLeft(hash ^ (rest[at] & 0xFF) * P5, 11) * P1;
    }
    hash = (hash ^ hash >>> 33) * P2;
    hash = (hash ^ hash >>> 29) * P3;
    return hash ^ hash >>> 32;
  }
}
