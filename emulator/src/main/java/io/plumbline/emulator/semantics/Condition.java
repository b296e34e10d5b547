package io.plumbline.emulator.semantics;

/**
 * When conditional jumps are taken (RFC 9669 section 4.3); shared like {@link Alu}. Names with an s
 * compare signed numbers; the 32-bit forms look at the low halves.
 */
public final class Condition {
  private Condition() {}

  public static boolean eq64(long a, long b) {
    return a == b;
  }

  public static boolean eq32(long a, long b) {
    return (int) a == (int) b;
  }

  public static boolean ne64(long a, long b) {
    return a != b;
  }

  public static boolean ne32(long a, long b) {
    return (int) a != (int) b;
  }

  public static boolean set64(long a, long b) {
    return (a & b) != 0;
  }

  public static boolean set32(long a, long b) {
    return (int) (a & b) != 0;
  }

  public static boolean gt64(long a, long b) {
    return a + Long.MIN_VALUE > b + Long.MIN_VALUE;
  }

  public static boolean gt32(long a, long b) {
    return (a & 0xFFFF_FFFFL) > (b & 0xFFFF_FFFFL);
  }

  public static boolean sgt64(long a, long b) {
    return a > b;
  }

  public static boolean sgt32(long a, long b) {
    return (int) a > (int) b;
  }

  public static boolean ge64(long a, long b) {
    return a + Long.MIN_VALUE >= b + Long.MIN_VALUE;
  }

  public static boolean ge32(long a, long b) {
    return (a & 0xFFFF_FFFFL) >= (b & 0xFFFF_FFFFL);
  }

  public static boolean sge64(long a, long b) {
    return a >= b;
  }

  public static boolean sge32(long a, long b) {
    return (int) a >= (int) b;
  }

  public static boolean lt64(long a, long b) {
    return a + Long.MIN_VALUE < b + Long.MIN_VALUE;
  }

  public static boolean lt32(long a, long b) {
    return (a & 0xFFFF_FFFFL) < (b & 0xFFFF_FFFFL);
  }

  public static boolean slt64(long a, long b) {
    return a < b;
  }

  public static boolean slt32(long a, long b) {
    return (int) a < (int) b;
  }

  public static boolean le64(long a, long b) {
    return a + Long.MIN_VALUE <= b + Long.MIN_VALUE;
  }

  public static boolean le32(long a, long b) {
    return (a & 0xFFFF_FFFFL) <= (b & 0xFFFF_FFFFL);
  }

  public static boolean sle64(long a, long b) {
    return a <= b;
  }

  public static boolean sle32(long a, long b) {
    return (int) a <= (int) b;
  }
}
