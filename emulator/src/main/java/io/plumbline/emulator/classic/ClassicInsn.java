package io.plumbline.emulator.classic;

/**
 * An instruction of classic BPF (kernel {@code struct sock_filter}).
 *
 * @param code operation, 0..0xFFFF
 * @param jt how far to jump if a condition holds, 0..255
 * @param jf how far to jump if not, 0..255
 * @param k the constant, all 32 bits
 */
public record ClassicInsn(int code, int jt, int jf, int k) {
  static final int LD = 0;
  static final int LDX = 1;
  static final int ST = 2;
  static final int STX = 3;
  static final int ALU = 4;
  static final int JMP = 5;
  static final int RET = 6;
  static final int MISC = 7;

  static final int IMM = 0x00;
  static final int ABS = 0x20;
  static final int IND = 0x40;
  static final int MEM = 0x60;
  static final int LEN = 0x80;
  static final int MSH = 0xA0;

  /** Cells of scratch memory (kernel {@code BPF_MEMWORDS}). */
  public static final int CELLS = 16;

  /** Instructions that a program may have (kernel {@code BPF_MAXINSNS}). */
  public static final int MAX = 4096;

  /** Offsets from here on ask for something beside the packet's bytes. */
  public static final int AD_OFF = -0x1000;

  int operationClass() {
    return code & 7;
  }

  int mode() {
    return code & 0xE0;
  }

  int operation() {
    return code & 0xF0;
  }

  /** Returns whether the operand is X and not the constant. */
  boolean byX() {
    return (code & 8) != 0;
  }

  /** Returns how many packet bytes are loaded. */
  int bytes() {
    return switch (code & 0x18) {
      case 0x00 -> 4;
      case 0x08 -> 2;
      default -> 1;
    };
  }

  @Override
  public String toString() {
    return code + " " + jt + " " + jf + " " + (k & 0xFFFF_FFFFL);
  }
}
