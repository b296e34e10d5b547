package io.plumbline.emulator.semantics;

/**
 * What arithmetic instructions compute (RFC 9669 sections 4.1 and 4.2). The interpreter calls these
 * methods; the JIT copies their bytecode. Operations on 32 bits use the low halves of their
 * operands and leave the high half of the result zero.
 */
@SuppressWarnings("checkstyle:MethodName")
public final class Alu {
  private static final long LOW = 0xFFFF_FFFFL;

  private Alu() {}

  public static long add64(long a, long b) {
    return a + b;
  }

  public static long add32(long a, long b) {
    return (a + b) & LOW;
  }

  public static long sub64(long a, long b) {
    return a - b;
  }

  public static long sub32(long a, long b) {
    return (a - b) & LOW;
  }

  public static long mul64(long a, long b) {
    return a * b;
  }

  public static long mul32(long a, long b) {
    return (a * b) & LOW;
  }

  public static long or64(long a, long b) {
    return a | b;
  }

  public static long or32(long a, long b) {
    return (a | b) & LOW;
  }

  public static long and64(long a, long b) {
    return a & b;
  }

  public static long and32(long a, long b) {
    return (a & b) & LOW;
  }

  public static long xor64(long a, long b) {
    return a ^ b;
  }

  public static long xor32(long a, long b) {
    return (a ^ b) & LOW;
  }

  public static long mov64(long a, long b) {
    return b;
  }

  public static long mov32(long a, long b) {
    return b & LOW;
  }

  public static long neg64(long a) {
    return -a;
  }

  public static long neg32(long a) {
    return -a & LOW;
  }

  /** Shifts by the low six bits of b. */
  public static long lsh64(long a, long b) {
    return a << (b & 63);
  }

  /** Shifts by the low five bits of b. */
  public static long lsh32(long a, long b) {
    return (a << (b & 31)) & LOW;
  }

  public static long rsh64(long a, long b) {
    return a >>> (b & 63);
  }

  public static long rsh32(long a, long b) {
    return (a & LOW) >>> (b & 31);
  }

  public static long arsh64(long a, long b) {
    return a >> (b & 63);
  }

  public static long arsh32(long a, long b) {
    return ((int) a >> (b & 31)) & LOW;
  }

  /** Unsigned; by zero it is zero. */
  public static long div64(long a, long b) {
    return b == 0 ? 0 : Long.divideUnsigned(a, b);
  }

  public static long div32(long a, long b) {
    return (int) b == 0 ? 0 : (a & LOW) / (b & LOW);
  }

  /** Unsigned; by zero it is a. */
  public static long mod64(long a, long b) {
    return b == 0 ? a : Long.remainderUnsigned(a, b);
  }

  public static long mod32(long a, long b) {
    return (int) b == 0 ? a & LOW : (a & LOW) % (b & LOW);
  }

  /** Signed, truncating; by zero it is zero, and the smallest number by -1 is itself. */
  public static long sdiv64(long a, long b) {
    return b == 0 ? 0 : a / b;
  }

  public static long sdiv32(long a, long b) {
    return (int) b == 0 ? 0 : ((int) a / (int) b) & LOW;
  }

  /** The remainder of the truncating division; by zero it is a. */
  public static long smod64(long a, long b) {
    return b == 0 ? a : a % b;
  }

  public static long smod32(long a, long b) {
    return (int) b == 0 ? a & LOW : ((int) a % (int) b) & LOW;
  }

  public static long movsx8_64(long a, long b) {
    return (byte) b;
  }

  public static long movsx8_32(long a, long b) {
    return (byte) b & LOW;
  }

  public static long movsx16_64(long a, long b) {
    return (short) b;
  }

  public static long movsx16_32(long a, long b) {
    return (short) b & LOW;
  }

  public static long movsx32_64(long a, long b) {
    return (int) b;
  }

  public static long le16(long a) {
    return a & 0xFFFF;
  }

  public static long le32(long a) {
    return a & LOW;
  }

  public static long le64(long a) {
    return a;
  }

  public static long be16(long a) {
    return Short.reverseBytes((short) a) & 0xFFFF;
  }

  public static long be32(long a) {
    return Integer.reverseBytes((int) a) & LOW;
  }

  public static long be64(long a) {
    return Long.reverseBytes(a);
  }

  public static long bswap16(long a) {
    return Short.reverseBytes((short) a) & 0xFFFF;
  }

  public static long bswap32(long a) {
    return Integer.reverseBytes((int) a) & LOW;
  }

  public static long bswap64(long a) {
    return Long.reverseBytes(a);
  }

  public static long xchg64(long a, long b) {
    return b;
  }

  public static long xchg32(long a, long b) {
    return b & LOW;
  }
}
