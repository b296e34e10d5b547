package io.plumbline.emulator.isa;

import java.util.BitSet;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Checks that a program is one: every jump within its function and to the start of an instruction,
 * no way to run past the end of a function, legal fields in every instruction that can run. Needs
 * no knowledge of memory; whether accesses are legal is checked when they happen.
 */
public final class StructuralVerifier {
  private static final int REGISTERS = 11;

  /** Functions of a program (kernel {@code BPF_MAX_SUBPROGS}). */
  private static final int MAX_FUNCTIONS = 256;

  private static final int TO_ARENA = 1;
  private static final int FROM_ARENA = 1 << 16;

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
      refuse(program, slot, callee(program, slot));
    }
    SortedSet<Integer> starts = functions(program);
    if (starts.size() > MAX_FUNCTIONS) {
      throw new IsaException(
          "program: %d functions: expected at most %d".formatted(starts.size(), MAX_FUNCTIONS));
    }
    int start = 0;
    for (int next : starts.tailSet(1)) {
      function(program, start, next);
      start = next;
    }
    function(program, start, program.size());
    BitSet reached = Reachability.of(program);
    for (int slot = reached.nextSetBit(0); slot >= 0; slot = reached.nextSetBit(slot + 1)) {
      refuse(program, slot, fields(program.get(slot)));
    }
  }

  /** Returns the slots where functions begin: the entry, and all that are called or pointed to. */
  public static SortedSet<Integer> functions(List<Insn> insns) {
    SortedSet<Integer> starts = new TreeSet<>();
    starts.add(0);
    for (int slot = 0; slot < insns.size(); slot++) {
      if (namesFunction(insns.get(slot))) {
        starts.add(slot + 1 + insns.get(slot).immLow());
      }
    }
    return starts;
  }

  /** Returns whether an engine can run an instruction: its fields are legal, and it is one. */
  public static boolean runs(Insn insn) {
    return insn.opcode().form() != Opcode.Form.CAST && fields(insn).isEmpty();
  }

  private static boolean namesFunction(Insn insn) {
    return insn.opcode() == Opcode.CALL_LOCAL || insn.opcode() == Opcode.LDDW_FUNC;
  }

  private static void refuse(List<Insn> program, int slot, String wrong) throws IsaException {
    if (!wrong.isEmpty()) {
      throw new IsaException(
          "insn %d (opcode 0x%02x): %s".formatted(slot, program.get(slot).opcode().code(), wrong));
    }
  }

  private static String fields(Insn insn) {
    Opcode opcode = insn.opcode();
    Opcode.Form form = opcode.form();
    if (form == Opcode.Form.HIGH) {
      return "";
    }
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
    if (form == Opcode.Form.CAST && insn.imm() != TO_ARENA && insn.imm() != FROM_ARENA) {
      return field("address spaces", insn.imm(), TO_ARENA + " or " + FROM_ARENA);
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

  /** Returns why the function that an instruction names cannot be. */
  private static String callee(List<Insn> program, int slot) {
    Insn insn = program.get(slot);
    return namesFunction(insn) ? target(program, slot + 1L + insn.immLow()) : "";
  }

  private static String target(List<Insn> program, long target) {
    if (target < 0 || target >= program.size()) {
      return "target %d: expected 0..%d".formatted(target, program.size() - 1);
    }
    if (program.get((int) target).opcode() == Opcode.LDDW_HIGH) {
      return "target %d: it is the second half of an instruction".formatted(target);
    }
    return "";
  }

  /** Checks what the kernel checks of every instruction of a function, reached or not. */
  private static void function(List<Insn> program, int start, int end) throws IsaException {
    for (int slot = start; slot < end; slot++) {
      Insn insn = program.get(slot);
      Opcode.Form form = insn.opcode().form();
      if (form.jumpsByOffset() || form == Opcode.Form.GOTOL) {
        long target = slot + 1L + (form.jumpsByOffset() ? insn.off() : insn.immLow());
        refuse(program, slot, target(program, target));
        if (target < start || target >= end) {
          refuse(
              program,
              slot,
              "target %d: it is in another function: expected %d..%d"
                  .formatted(target, start, end - 1));
        }
      }
      if (form == Opcode.Form.LOAD && insn.imm() != 0) {
        refuse(program, slot, field("immediate", insn.imm(), "0"));
      }
      boolean ends =
          form == Opcode.Form.EXIT || form == Opcode.Form.JA || form == Opcode.Form.GOTOL;
      if (slot == end - 1 && !ends) {
        refuse(
            program,
            slot,
            end == program.size()
                ? "the program runs past its end"
                : "it runs into the function at %d: expected exit or goto".formatted(end));
      }
    }
  }
}
