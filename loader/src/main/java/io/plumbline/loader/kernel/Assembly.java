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
public final class Assembly {
  private static final int LD_IMM64 = 0x18;
  private static final int CALL = 0x85;
  private static final int PSEUDO_MAP_FD = 1;
  private static final int PSEUDO_MAP_VALUE = 2;
  private static final int PSEUDO_CALL = 1;
  private static final int INSN_BYTES = 8;

  private record Insn(int opcode, int dst, int src, int offset, int imm) {}

  private final List<Insn> code = new ArrayList<>();
  private final Map<Integer, String> jumps = new HashMap<>();
  private final Map<Integer, Integer> calls = new HashMap<>();
  private final Map<String, Integer> labels = new HashMap<>();

  /** {@code dst = src}. */
  public Assembly mov(int dst, int src) {
    return add(0xBF, dst, src, 0, 0);
  }

  /** {@code dst = value}. */
  public Assembly movImm(int dst, int value) {
    return add(0xB7, dst, 0, 0, value);
  }

  /** {@code dst += value}. */
  Assembly addImm(int dst, int value) {
    return add(0x07, dst, 0, 0, value);
  }

  /** {@code dst -= src}. */
  Assembly sub(int dst, int src) {
    return add(0x1F, dst, src, 0, 0);
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
  public Assembly jumpNeImm(int dst, int value, String label) {
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
  public Assembly callSubject() {
    return callSubject(0);
  }

  /** Calls the function of that index among those that will be put behind this assembly. */
  public Assembly callSubject(int index) {
    calls.put(code.size(), index);
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

  /** Returns to the caller. */
  public Assembly exit() {
    return add(0x95, 0, 0, 0, 0);
  }

  /** Names the place of the next instruction. */
  public Assembly label(String name) {
    labels.put(name, code.size());
    return this;
  }

  /** Returns this code with a subject's instructions, unmodified, behind it as a subprogram. */
  public byte[] before(byte[] subject) {
    return before(List.of(subject));
  }

  /** Returns this code with functions, unmodified, behind it as subprograms. */
  public byte[] before(List<byte[]> subjects) {
    int[] starts = new int[subjects.size()];
    int total = code.size();
    for (int i = 0; i < starts.length; i++) {
      starts[i] = total;
      total += subjects.get(i).length / INSN_BYTES;
    }
    ByteBuffer bytes = ByteBuffer.allocate(total * INSN_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < code.size(); i++) {
      Insn insn = code.get(i);
      String label = jumps.get(i);
      Integer target = labels.get(label);
      if (label != null && target == null) {
        throw new IllegalStateException(
            "assembly: insn %d: label '%s': expected one of %s"
                .formatted(i, label, labels.keySet()));
      }
      Integer callee = calls.get(i);
      bytes.put((byte) insn.opcode);
      bytes.put((byte) (insn.src << 4 | insn.dst));
      bytes.putShort((short) (target == null ? insn.offset : target - i - 1));
      bytes.putInt(callee == null ? insn.imm : starts[callee] - i - 1);
    }
    subjects.forEach(bytes::put);
    return bytes.array();
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
