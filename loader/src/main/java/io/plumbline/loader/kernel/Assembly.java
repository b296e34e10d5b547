package io.plumbline.loader.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Just enough of an assembler for the programs put in front of a subject (RFC 9669 section 3: 8
 * bytes an instruction).
 */
final class Assembly {
  private static final int LD_IMM64 = 0x18;
  private static final int CALL = 0x85;
  private static final int PSEUDO_MAP_FD = 1;
  private static final int PSEUDO_MAP_VALUE = 2;
  private static final int PSEUDO_CALL = 1;

  private record Insn(int opcode, int dst, int src, int offset, int imm) {}

  private final List<Insn> code = new ArrayList<>();
  private final Map<Integer, String> jumps = new HashMap<>();
  private final Map<String, Integer> labels = new HashMap<>();

  /** {@code dst = src}. */
  Assembly mov(int dst, int src) {
    return add(0xBF, dst, src, 0, 0);
  }

  /** {@code dst = value}. */
  Assembly movImm(int dst, int value) {
    return add(0xB7, dst, 0, 0, value);
  }

  /** {@code dst += value}. */
  Assembly addImm(int dst, int value) {
    return add(0x07, dst, 0, 0, value);
  }

  /** {@code dst = *(u32 *)(src + offset)}. */
  Assembly load32(int dst, int src, int offset) {
    return add(0x61, dst, src, offset, 0);
  }

  /** {@code dst = *(u16 *)(src + offset)}. */
  Assembly load16(int dst, int src, int offset) {
    return add(0x69, dst, src, offset, 0);
  }

  /** {@code *(u32 *)(dst + offset) = src}. */
  Assembly store32(int dst, int offset, int src) {
    return add(0x63, dst, src, offset, 0);
  }

  /** {@code if dst == src goto label}. */
  Assembly jumpEq(int dst, int src, String label) {
    return jump(0x1D, dst, src, 0, label);
  }

  /** {@code if dst == value goto label}. */
  Assembly jumpEqImm(int dst, int value, String label) {
    return jump(0x15, dst, 0, value, label);
  }

  /** {@code if dst != value goto label}. */
  Assembly jumpNeImm(int dst, int value, String label) {
    return jump(0x55, dst, 0, value, label);
  }

  /** {@code if dst < value goto label}, unsigned. */
  Assembly jumpLtImm(int dst, int value, String label) {
    return jump(0xA5, dst, 0, value, label);
  }

  /** {@code if dst > value goto label}, unsigned. */
  Assembly jumpGtImm(int dst, int value, String label) {
    return jump(0x25, dst, 0, value, label);
  }

  /** Calls a helper. */
  Assembly call(int helper) {
    return add(CALL, 0, 0, 0, helper);
  }

  /** Calls the instructions that will be put behind this assembly. */
  Assembly callSubject() {
    jumps.put(code.size(), "");
    return add(CALL, 0, PSEUDO_CALL, 0, 0);
  }

  /** {@code dst = map}. */
  Assembly loadMap(int dst, int fd) {
    return add(LD_IMM64, dst, PSEUDO_MAP_FD, 0, fd).add(0, 0, 0, 0, 0);
  }

  /** {@code dst = &map[0]}. */
  Assembly loadMapValue(int dst, int fd) {
    return add(LD_IMM64, dst, PSEUDO_MAP_VALUE, 0, fd).add(0, 0, 0, 0, 0);
  }

  Assembly exit() {
    return add(0x95, 0, 0, 0, 0);
  }

  Assembly label(String name) {
    labels.put(name, code.size());
    return this;
  }

  /** Returns this code with a subject's instructions, unmodified, behind it as a subprogram. */
  byte[] before(byte[] subject) {
    ByteBuffer bytes =
        ByteBuffer.allocate(code.size() * 8 + subject.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < code.size(); i++) {
      Insn insn = code.get(i);
      String target = jumps.get(i);
      int offset = insn.offset;
      int imm = insn.imm;
      if (target != null && target.isEmpty()) {
        imm = code.size() - i - 1;
      } else if (target != null) {
        offset = labels.getOrDefault(target, i) - i - 1;
      }
      bytes.put((byte) insn.opcode);
      bytes.put((byte) (insn.src << 4 | insn.dst));
      bytes.putShort((short) offset);
      bytes.putInt(imm);
    }
    return bytes.put(subject).array();
  }

  private Assembly jump(int opcode, int dst, int src, int imm, String label) {
    jumps.put(code.size(), label);
    return add(opcode, dst, src, 0, imm);
  }

  private Assembly add(int opcode, int dst, int src, int offset, int imm) {
    code.add(new Insn(opcode, dst, src, offset, imm));
    return this;
  }
}
