package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Machine;

/** Time, chance, and where a program runs. */
final class SystemHelpers {
  private static final long NANOS_PER_JIFFY = 4_000_000;
  private static final long OVERFLOW_UID = 65534;

  private SystemHelpers() {}

  static long zero(Machine m, long a, long b, long c, long d, long e) {
    return 0;
  }

  static long time(Machine m, long a, long b, long c, long d, long e) {
    return m.nanoseconds();
  }

  static long jiffies(Machine m, long a, long b, long c, long d, long e) {
    return m.nanoseconds() / NANOS_PER_JIFFY;
  }

  static long random(Machine m, long a, long b, long c, long d, long e) {
    return m.randomInt() & 0xFFFF_FFFFL;
  }

  static long processor(Machine m, long a, long b, long c, long d, long e) {
    return m.cpu();
  }

  static long overflowUid(Machine m, long a, long b, long c, long d, long e) {
    return OVERFLOW_UID;
  }
}
