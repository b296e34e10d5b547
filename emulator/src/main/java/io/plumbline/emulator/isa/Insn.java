package io.plumbline.emulator.isa;

/**
 * One instruction with the fields it was written with.
 *
 * @param dst destination register, 0..15 as encoded; the structural verifier holds it to 0..10
 * @param src source register, or the selector that is in its field
 * @param off offset, signed 16 bits
 * @param imm immediate: signed 32 bits, or all 64 of an {@code lddw}
 */
public record Insn(Opcode opcode, int dst, int src, int off, long imm) {
  /** What stands in the second slot of a 64-bit immediate. */
  public static final Insn HIGH = new Insn(Opcode.LDDW_HIGH, 0, 0, 0, 0);

  /** The frame pointer, which no instruction may write. */
  public static final int FRAME_POINTER = 10;

  /** Returns a row's instruction with its selector in place. */
  public static Insn of(Opcode opcode, int dst, int src, int off, long imm) {
    int selector = opcode.selector();
    return new Insn(
        opcode,
        dst,
        opcode.selectsBySrc() ? selector : src,
        opcode.selectsByOffset() ? selector : off,
        opcode.selectsByImm() ? selector : imm);
  }

  /** Returns the low half of the immediate: of an {@code lddw} a map, a function or the like. */
  public int immLow() {
    return (int) imm;
  }

  /** Returns the high half of the immediate: of a map value the offset in it. */
  public int immHigh() {
    return (int) (imm >> 32);
  }

  /** Returns where a jump from a slot goes. */
  public int target(int slot) {
    return slot + 1 + (opcode.form().jumpsByOffset() ? off : (int) imm);
  }

  /** Returns the register that {@code callx} names, in the newer encoding or in the older one. */
  public int callRegister() {
    return dst != 0 ? dst : (int) imm;
  }

  @Override
  public String toString() {
    return Disassembler.text(this);
  }
}
