package io.plumbline.emulator.classic;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.ContextType;
import java.util.ArrayList;
import java.util.List;

/**
 * Classic programs as eBPF: A is r0, X is r7, the context r6, cells on the stack. The result is
 * given a context of {@code __sk_buff} and is taken by the kernel's verifier.
 */
public final class ClassicTranslation {
  private static final int A = 0;
  private static final int CTX = 6;
  private static final int X = 7;
  private static final int SAVED = 8;
  private static final int RANDOM = 7;
  private static final int PROCESSOR = 8;

  private final List<Insn> out = new ArrayList<>();
  private final int[] starts;
  private final List<int[]> jumps = new ArrayList<>();

  private ClassicTranslation(int size) {
    starts = new int[size];
  }

  /**
   * Returns the eBPF program.
   *
   * @throws ClassicException if it uses an extension that eBPF programs have nothing for
   */
  public static List<Insn> translate(ClassicProgram program) throws ClassicException {
    for (int i = 0; i < program.insns().size(); i++) {
      ClassicInsn insn = program.insns().get(i);
      if (insn.operationClass() == ClassicInsn.LD && insn.mode() == ClassicInsn.ABS) {
        Ancillary ancillary = Ancillary.at(insn.k()).orElse(null);
        if (ancillary != null && ancillary.onlyClassic()) {
          throw new ClassicException(
              "insn %d (%s): extension %s: eBPF has nothing for it"
                  .formatted(i, insn, ancillary.word()));
        }
      }
    }
    ClassicTranslation translation = new ClassicTranslation(program.insns().size());
    return translation.all(program.insns());
  }

  private List<Insn> all(List<ClassicInsn> insns) {
    add(Opcode.MOV64_X, CTX, 1, 0, 0);
    add(Opcode.MOV32_K, A, 0, 0, 0);
    add(Opcode.MOV32_K, X, 0, 0, 0);
    for (int cell = 0; cell < ClassicInsn.CELLS; cell++) {
      int number = cell;
      boolean used =
          insns.stream()
              .anyMatch(
                  insn ->
                      insn.operationClass() <= ClassicInsn.LDX
                          && insn.mode() == ClassicInsn.MEM
                          && insn.k() == number);
      if (used) {
        add(Opcode.STW, Insn.FRAME_POINTER, 0, cell(cell), 0);
      }
    }
    for (int i = 0; i < insns.size(); i++) {
      starts[i] = out.size();
      one(i, insns.get(i));
    }
    for (int[] jump : jumps) {
      Insn insn = out.get(jump[0]);
      int distance = starts[jump[1]] - jump[0] - 1;
      out.set(jump[0], new Insn(insn.opcode(), insn.dst(), insn.src(), distance, insn.imm()));
    }
    return out;
  }

  private void add(Opcode opcode, int dst, int src, int off, long imm) {
    out.add(Insn.of(opcode, dst, src, off, imm));
  }

  private static int cell(int number) {
    return -4 * (ClassicInsn.CELLS - number);
  }

  private void jump(Opcode opcode, int dst, int src, long imm, int target) {
    jumps.add(new int[] {out.size(), target});
    add(opcode, dst, src, 0, imm);
  }

  private void one(int i, ClassicInsn insn) {
    int k = insn.k();
    switch (insn.operationClass()) {
      case ClassicInsn.LD -> load(insn);
      case ClassicInsn.LDX -> {
        switch (insn.mode()) {
          case ClassicInsn.IMM -> add(Opcode.MOV32_K, X, 0, 0, k);
          case ClassicInsn.LEN -> add(Opcode.LDXW, X, CTX, 0, 0);
          case ClassicInsn.MEM -> add(Opcode.LDXW, X, Insn.FRAME_POINTER, cell(k), 0);
          default -> {
            add(Opcode.MOV32_X, SAVED, A, 0, 0);
            add(Opcode.LD_ABS_B, 0, 0, 0, k);
            add(Opcode.AND32_K, A, 0, 0, 15);
            add(Opcode.LSH32_K, A, 0, 0, 2);
            add(Opcode.MOV32_X, X, A, 0, 0);
            add(Opcode.MOV32_X, A, SAVED, 0, 0);
          }
        }
      }
      case ClassicInsn.ST -> add(Opcode.STXW, Insn.FRAME_POINTER, A, cell(k), 0);
      case ClassicInsn.STX -> add(Opcode.STXW, Insn.FRAME_POINTER, X, cell(k), 0);
      case ClassicInsn.ALU -> alu(insn);
      case ClassicInsn.JMP -> {
        if (insn.operation() == 0) {
          jump(Opcode.JA, 0, 0, 0, i + 1 + k);
        } else {
          if (insn.byX()) {
            jump(condition(insn.operation(), true), A, X, 0, i + 1 + insn.jt());
          } else {
            jump(condition(insn.operation(), false), A, 0, k, i + 1 + insn.jt());
          }
          jump(Opcode.JA, 0, 0, 0, i + 1 + insn.jf());
        }
      }
      case ClassicInsn.RET -> {
        if ((insn.code() & 0x10) == 0) {
          add(Opcode.MOV32_K, A, 0, 0, k);
        }
        add(Opcode.EXIT, 0, 0, 0, 0);
      }
      default -> {
        boolean toA = (insn.code() & 0x80) != 0;
        add(Opcode.MOV32_X, toA ? A : X, toA ? X : A, 0, 0);
      }
    }
  }

  private void load(ClassicInsn insn) {
    int k = insn.k();
    switch (insn.mode()) {
      case ClassicInsn.IMM -> add(Opcode.MOV32_K, A, 0, 0, k);
      case ClassicInsn.LEN -> add(Opcode.LDXW, A, CTX, 0, 0);
      case ClassicInsn.MEM -> add(Opcode.LDXW, A, Insn.FRAME_POINTER, cell(k), 0);
      case ClassicInsn.IND ->
          add(
              insn.bytes() == 1
                  ? Opcode.LD_IND_B
                  : insn.bytes() == 2 ? Opcode.LD_IND_H : Opcode.LD_IND_W,
              0,
              X,
              0,
              k);
      default -> {
        Ancillary ancillary = Ancillary.at(k).orElse(null);
        if (ancillary != null) {
          beside(ancillary);
        } else {
          add(
              insn.bytes() == 1
                  ? Opcode.LD_ABS_B
                  : insn.bytes() == 2 ? Opcode.LD_ABS_H : Opcode.LD_ABS_W,
              0,
              0,
              0,
              k);
        }
      }
    }
  }

  private void beside(Ancillary ancillary) {
    if (ancillary == Ancillary.ALU_XOR_X) {
      add(Opcode.XOR32_X, A, X, 0, 0);
      return;
    }
    if (ancillary.field().isEmpty()) {
      add(Opcode.CALL_HELPER, 0, 0, 0, ancillary == Ancillary.RANDOM ? RANDOM : PROCESSOR);
      return;
    }
    ContextType type = ContextType.SOCKET_FILTER;
    int offset = type.fields().get(type.slot(ancillary.field())).offset();
    add(Opcode.LDXW, A, CTX, offset, 0);
    if (ancillary.network()) {
      add(Opcode.BE16, A, 0, 0, 0);
    }
  }

  private void alu(ClassicInsn insn) {
    if (insn.operation() == 0x80) {
      add(Opcode.NEG32, A, 0, 0, 0);
      return;
    }
    boolean divides = insn.operation() == 0x30 || insn.operation() == 0x90;
    if (insn.byX() && divides) {
      add(Opcode.JNE32_K, X, 0, 2, 0);
      add(Opcode.MOV32_K, A, 0, 0, 0);
      add(Opcode.EXIT, 0, 0, 0, 0);
    }
    Opcode[] pair =
        switch (insn.operation()) {
          case 0x00 -> new Opcode[] {Opcode.ADD32_K, Opcode.ADD32_X};
          case 0x10 -> new Opcode[] {Opcode.SUB32_K, Opcode.SUB32_X};
          case 0x20 -> new Opcode[] {Opcode.MUL32_K, Opcode.MUL32_X};
          case 0x30 -> new Opcode[] {Opcode.DIV32_K, Opcode.DIV32_X};
          case 0x40 -> new Opcode[] {Opcode.OR32_K, Opcode.OR32_X};
          case 0x50 -> new Opcode[] {Opcode.AND32_K, Opcode.AND32_X};
          case 0x60 -> new Opcode[] {Opcode.LSH32_K, Opcode.LSH32_X};
          case 0x70 -> new Opcode[] {Opcode.RSH32_K, Opcode.RSH32_X};
          case 0x90 -> new Opcode[] {Opcode.MOD32_K, Opcode.MOD32_X};
          default -> new Opcode[] {Opcode.XOR32_K, Opcode.XOR32_X};
        };
    if (insn.byX()) {
      add(pair[1], A, X, 0, 0);
    } else {
      add(pair[0], A, 0, 0, insn.k());
    }
  }

  private static Opcode condition(int operation, boolean byX) {
    return switch (operation) {
      case 0x10 -> byX ? Opcode.JEQ32_X : Opcode.JEQ32_K;
      case 0x20 -> byX ? Opcode.JGT32_X : Opcode.JGT32_K;
      case 0x30 -> byX ? Opcode.JGE32_X : Opcode.JGE32_K;
      default -> byX ? Opcode.JSET32_X : Opcode.JSET32_K;
    };
  }
}
