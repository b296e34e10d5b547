package io.plumbline.emulator.isa;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs to and from bytes (RFC 9669 section 3). A program is a list with an entry for every
 * 8-byte slot, so that an index is what jumps count in; the second slot of a 64-bit immediate holds
 * {@link Insn#HIGH}.
 */
public final class InsnCodec {
  /** Bytes of a slot. */
  public static final int SLOT = 8;

  private InsnCodec() {}

  /** Decodes a little-endian program. */
  public static List<Insn> decode(byte[] bytes) throws IsaException {
    return decode(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Decodes what remains of a buffer, in the buffer's byte order. */
  public static List<Insn> decode(ByteBuffer in) throws IsaException {
    if (in.remaining() % SLOT != 0) {
      throw new IsaException(
          "program: %d bytes: expected a multiple of %d".formatted(in.remaining(), SLOT));
    }
    boolean little = in.order() == ByteOrder.LITTLE_ENDIAN;
    List<Insn> program = new ArrayList<>(in.remaining() / SLOT);
    while (in.hasRemaining()) {
      int slot = program.size();
      int code = in.get() & 0xFF;
      int registers = in.get() & 0xFF;
      int dst = little ? registers & 15 : registers >> 4;
      int src = little ? registers >> 4 : registers & 15;
      int off = in.getShort();
      int imm = in.getInt();
      Opcode opcode = opcode(slot, code, src, off, imm);
      if (opcode.slots() == 1) {
        program.add(new Insn(opcode, dst, src, off, imm));
        continue;
      }
      if (!in.hasRemaining()) {
        throw new IsaException("insn %d: lddw: its second slot is missing".formatted(slot));
      }
      if (in.getInt() != 0) {
        throw new IsaException(
            "insn %d: lddw: opcode, registers and offset of its second slot: expected 0"
                .formatted(slot));
      }
      long high = in.getInt();
      program.add(new Insn(opcode, dst, src, off, high << 32 | imm & 0xFFFF_FFFFL));
      program.add(Insn.HIGH);
    }
    return program;
  }

  private static Opcode opcode(int slot, int code, int src, int off, int imm) throws IsaException {
    return Opcode.of(code, src, off, imm)
        .orElseThrow(
            () ->
                new IsaException(
                    Opcode.known(code)
                        ? "insn %d: opcode 0x%02x with source %d, offset %d, immediate %d: no such instruction"
                            .formatted(slot, code, src, off, imm)
                        : "insn %d: opcode 0x%02x: no such instruction".formatted(slot, code)));
  }

  /** Encodes a program, little-endian. */
  public static byte[] encode(List<Insn> program) {
    return encode(program, ByteOrder.LITTLE_ENDIAN);
  }

  /** Encodes a program. */
  public static byte[] encode(List<Insn> program, ByteOrder order) {
    boolean little = order == ByteOrder.LITTLE_ENDIAN;
    ByteBuffer out = ByteBuffer.allocate(program.size() * SLOT).order(order);
    for (Insn insn : program) {
      if (insn.opcode() == Opcode.LDDW_HIGH) {
        continue;
      }
      out.put((byte) insn.opcode().code());
      out.put((byte) (little ? insn.src() << 4 | insn.dst() : insn.dst() << 4 | insn.src()));
      out.putShort((short) insn.off());
      out.putInt(insn.immLow());
      if (insn.opcode().slots() == 2) {
        out.putInt(0);
        out.putInt(insn.immHigh());
      }
    }
    return out.array();
  }
}
