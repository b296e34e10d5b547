package io.plumbline.emulator.isa;

import java.util.List;

/**
 * Checks that a program is one: legal fields in every instruction, every jump to the start of an
 * instruction, no way to run past the end. Needs no knowledge of what registers hold; whether
 * memory accesses are legal is checked when they happen.
 */
public final class StructuralVerifier {
  private static final int REGISTERS = 11;

  private StructuralVerifier() {}

  /**
   * Checks a program.
   *
   * @throws IsaException naming the first instruction that cannot be, and why
   */
  public static void check(List<Insn> program) throws IsaException {
    if (program.isEmpty()) {
      throw new IsaException("program: empty: expected at least one instruction");
    }
    for (int slot = 0; slot < program.size(); slot++) {
      Insn insn = program.get(slot);
      String wrong = insn.opcode() == Opcode.LDDW_HIGH ? "" : fields(insn);
      if (wrong.isEmpty()) {
        wrong = flow(program, slot, insn);
      }
      if (!wrong.isEmpty()) {
        throw new IsaException(
            "insn %d (opcode 0x%02x): %s".formatted(slot, insn.opcode().code(), wrong));
      }
    }
  }

  private static String fields(Insn insn) {
    Opcode opcode = insn.opcode();
    Opcode.Form form = opcode.form();
    if (insn.dst() >= REGISTERS || (!form.usesDst() && insn.dst() != 0)) {
      return field("destination register", insn.dst(), form.usesDst() ? "0..10" : "0");
    }
    boolean srcUsed = form.usesSrc() || opcode.selectsBySrc();
    if (insn.src() >= REGISTERS || (!srcUsed && insn.src() != 0)) {
      return field("source register", insn.src(), form.usesSrc() ? "0..10" : "0");
    }
    if (!form.usesOffset() && !opcode.selectsByOffset() && insn.off() != 0) {
      return field("offset", insn.off(), "0");
    }
    // A call of a kernel function names the file of its type information in the offset.
    if (!form.usesImm() && !opcode.selectsByImm() && insn.imm() != 0) {
      return field("immediate", insn.imm(), "0");
    }
    if (form == Opcode.Form.CALLX
        && (insn.callRegister() < 0
            || insn.callRegister() >= REGISTERS
            || insn.dst() != 0 && insn.imm() != 0)) {
      return field("register to call", insn.callRegister(), "0..10");
    }
    if (insn.dst() == Insn.FRAME_POINTER && form.writesDst()) {
      return "r10 is written: it is read-only";
    }
    if ((form == Opcode.Form.ATOMIC_FETCH) && insn.src() == Insn.FRAME_POINTER) {
      return "r10 is written: it is read-only";
    }
    return "";
  }

  private static String field(String name, long value, String allowed) {
    return "%s %d: expected %s".formatted(name, value, allowed);
  }

  private static String flow(List<Insn> program, int slot, Insn insn) {
    Opcode.Form form = insn.opcode().form();
    boolean function = insn.opcode() == Opcode.CALL_LOCAL || insn.opcode() == Opcode.LDDW_FUNC;
    if (form.jumpsByOffset() || form == Opcode.Form.GOTOL || function) {
      long target = slot + 1L + (form.jumpsByOffset() ? insn.off() : insn.immLow());
      if (target < 0 || target >= program.size()) {
        return "target %d: expected 0..%d".formatted(target, program.size() - 1);
      }
      if (program.get((int) target).opcode() == Opcode.LDDW_HIGH) {
        return "target %d: it is the second half of an instruction".formatted(target);
      }
    }
    boolean ends = form == Opcode.Form.EXIT || form == Opcode.Form.JA || form == Opcode.Form.GOTOL;
    if (slot == program.size() - 1 && !ends) {
      return "the program runs past its end";
    }
    return "";
  }
}
