package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import java.util.List;

/** Which registers may still be read behind each instruction; the others need not be known. */
final class Liveness {
  private static final int ARGUMENTS = 0b111110;
  private static final int ALL = 0b1111111111;

  private final int[] before;

  Liveness(List<Insn> insns) {
    before = new int[insns.size() + 1];
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int slot = insns.size() - 1; slot >= 0; slot--) {
        int live = liveBefore(insns, slot);
        changed |= live != before[slot];
        before[slot] = live;
      }
    }
  }

  /** Returns a bit for each register that may be read before it is written. */
  int before(int slot) {
    return before[slot];
  }

  private int liveBefore(List<Insn> insns, int slot) {
    Insn insn = insns.get(slot);
    Opcode.Form form = insn.opcode().form();
    int next = slot + insn.opcode().slots();
    int after = form == Opcode.Form.EXIT || next >= before.length ? 0 : before[next];
    int target = insn.target(slot);
    if (form == Opcode.Form.JA || form == Opcode.Form.GOTOL) {
      after = inside(target);
    } else if (form.jumpsByOffset()) {
      after |= inside(target);
    }
    int read = 0;
    int written = 0;
    switch (form) {
      case EXIT -> read = 1;
      // A program that another one goes on from is done with its registers.
      case CALL -> {
        read = ARGUMENTS;
        written = ARGUMENTS | 1;
      }
      case ALU_K -> {
        written = 1 << insn.dst();
        read = insn.opcode().operation().equals("mov") ? 0 : written;
      }
      case ALU_X -> {
        written = 1 << insn.dst();
        read = 1 << insn.src() | (insn.opcode().operation().startsWith("mov") ? 0 : written);
      }
      case ALU_UNARY, ENDIAN -> {
        written = 1 << insn.dst();
        read = written;
      }
      case LDDW -> written = 1 << insn.dst();
      case LOAD -> {
        written = 1 << insn.dst();
        read = 1 << insn.src();
      }
      case JUMP_K, STORE_K -> read = 1 << insn.dst();
      case JUMP_X, STORE_X -> read = 1 << insn.dst() | 1 << insn.src();
      case JA, GOTOL, HIGH -> {}
      default -> read = ALL;
    }
    return (after & ~written | read) & ALL;
  }

  private int inside(int slot) {
    return slot >= 0 && slot < before.length ? before[slot] : ALL;
  }
}
