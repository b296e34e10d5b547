package io.plumbline.emulator.interp;

import static io.plumbline.emulator.isa.Opcode.Ordinal.*;

import io.plumbline.emulator.helper.Calls;
import io.plumbline.emulator.helper.HelperFunction;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.semantics.Alu;
import io.plumbline.emulator.semantics.Condition;
import io.plumbline.model.packet.PacketBatch;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs programs instruction by instruction. */
public final class Interpreter implements Program.Executor {
  /** Sees each instruction before it runs. */
  public interface Tracer {
    /**
     * Called with the state before an instruction.
     *
     * @param registers of the frame, r0..r10; not to be changed
     */
    void before(Program program, int slot, int frame, long[] registers);
  }

  // Instructions that compilers put behind each other and that are run as one, unless somebody
  // wants to see each. Only the first of them may fault. The numbers go on behind those of Opcode.
  private static final int MOV_ADD = 182;
  private static final int MOV_ADD_JGT = 183;
  private static final int LDXH_BE16 = 184;
  private static final int LDXW_BE32 = 185;
  private static final int MOV_RSH = 186;

  private final Program program;
  private final Opcode[] opcodes;
  // off:16 src:4 dst:4 number:8
  private final int[] code;
  private final long[] imm;
  private final int[] target;
  private final @Nullable HelperFunction[] helpers;
  private final @Nullable Tracer tracer;
  private final boolean loops;

  @SuppressWarnings("EnumOrdinal") // InterpreterTest holds ordinals and constants together
  private Interpreter(Program program, @Nullable Tracer tracer) {
    this.program = program;
    this.tracer = tracer;
    List<Insn> insns = program.insns();
    loops = insns.stream().anyMatch(insn -> insn.opcode() == Opcode.MAY_GOTO);
    int size = insns.size();
    opcodes = new Opcode[size];
    code = new int[size];
    imm = new long[size];
    target = new int[size];
    helpers = new HelperFunction[size];
    for (int slot = 0; slot < size; slot++) {
      Insn insn = insns.get(slot);
      opcodes[slot] = insn.opcode();
      int dst = insn.opcode() == Opcode.CALLX ? insn.callRegister() : insn.dst();
      code[slot] = insn.off() << 16 | insn.src() << 12 | dst << 8 | insn.opcode().ordinal();
      imm[slot] = insn.imm();
      switch (insn.opcode()) {
        case LDDW_FUNC -> imm[slot] = Machine.functionAddress(slot + 1 + insn.immLow());
        case CALL_HELPER -> helpers[slot] = Calls.helper(insn.immLow());
        case CALL_KFUNC -> helpers[slot] = Calls.kfunc(insn.immLow());
        default -> {}
      }
      target[slot] = insn.target(slot);
    }
    for (int slot = 0; slot < size - 1 && tracer == null; slot++) {
      int number = together(insns, slot);
      if (number >= 0) {
        code[slot] = code[slot] & ~0xFF | number;
      }
    }
  }

  /** Returns the number of what the instruction at a slot is with those behind it, or -1. */
  private static int together(List<Insn> insns, int slot) {
    Insn insn = insns.get(slot);
    Insn next = insns.get(slot + 1);
    if (next.dst() != insn.dst()) {
      return -1;
    }
    Opcode behind = next.opcode();
    return switch (insn.opcode()) {
      case LDXH -> behind == Opcode.BE16 ? LDXH_BE16 : -1;
      case LDXW -> behind == Opcode.BE32 ? LDXW_BE32 : -1;
      case MOV64_X -> {
        if (behind == Opcode.RSH64_K) {
          yield MOV_RSH;
        }
        Insn third = slot + 2 < insns.size() ? insns.get(slot + 2) : Insn.HIGH;
        boolean jump = third.opcode() == Opcode.JGT64_X && third.dst() == insn.dst();
        yield behind != Opcode.ADD64_K ? -1 : jump ? MOV_ADD_JGT : MOV_ADD;
      }
      default -> -1;
    };
  }

  /** Makes interpreters. */
  public static Program.Executor of(Program program) {
    return new Interpreter(program, null);
  }

  /** Makes interpreters that show what they do. */
  public static Program.Maker traced(Tracer tracer) {
    return program -> new Interpreter(program, tracer);
  }

  @Override
  public long call(Machine m, int start, long r1, long r2, long r3, long r4, long r5) {
    return run(m, start, r1, r2, r3, r4, r5, 1, null, null, null);
  }

  @Override
  public void callAll(Machine m, Program all, Frames frames, PacketBatch batch, int[] verdicts) {
    run(m, 0, Machine.CONTEXT, 0, 0, 0, 0, batch.size(), frames, batch, verdicts);
  }

  /**
   * Runs a function once, or for each frame of a batch; returns r0 of the last run.
   *
   * <p>HotSpot's compiler puts called methods into a loop only up to a size of both together, so
   * the loop has what programs mostly consist of, and {@link #seldom} the rest.
   */
  private long run(
      Machine m,
      int start,
      long r1,
      long r2,
      long r3,
      long r4,
      long r5,
      int times,
      @Nullable Frames frames,
      @Nullable PacketBatch batch,
      int @Nullable [] verdicts) {
    // HotSpot leaves out the checks of indices below 16 if it sees the array being made.
    long[] r = new long[16];
    int[] code = this.code;
    long[] imm = this.imm;
    for (int i = 0; i < times; i++) {
      if (frames != null && batch != null) {
        frames.show(batch, i);
        m.begin(program);
      }
      int frame = m.depth();
      Arrays.fill(r, 0);
      r[1] = r1;
      r[2] = r2;
      r[3] = r3;
      r[4] = r4;
      r[5] = r5;
      r[Insn.FRAME_POINTER] = Machine.framePointer(frame);
      int top = (frame + 1) * Machine.STACK_BYTES;
      Arrays.fill(m.stack(), top - program.stackUse(), top, (byte) 0);
      if (loops) {
        m.startLoops();
      }
      int pc = start;
      try {
        run:
        while (true) {
          if (tracer != null) {
            tracer.before(program, pc, frame, r);
          }
          int insn = code[pc];
          int d = insn >>> 8 & 15;
          int s = insn >>> 12 & 15;
          int off = insn >> 16;
          int next = pc + 1;
          switch (insn & 0xFF) {
            case MOV_ADD -> {
              r[d] = Alu.add64(r[s], imm[pc + 1]);
              next = pc + 2;
            }
            case MOV_ADD_JGT -> {
              r[d] = Alu.add64(r[s], imm[pc + 1]);
              next = pc + 3;
              if (Condition.gt64(r[d], r[code[pc + 2] >>> 12 & 15])) {
                next = jump(m, pc + 2);
              }
            }
            case LDXH_BE16 -> {
              r[d] = Alu.be16(m.load(r[s] + off, 2));
              next = pc + 2;
            }
            case LDXW_BE32 -> {
              r[d] = Alu.be32(m.load(r[s] + off, 4));
              next = pc + 2;
            }
            case MOV_RSH -> {
              r[d] = Alu.rsh64(r[s], imm[pc + 1]);
              next = pc + 2;
            }
            case ADD64_K -> r[d] = Alu.add64(r[d], imm[pc]);
            case ADD64_X -> r[d] = Alu.add64(r[d], r[s]);
            case SUB64_K -> r[d] = Alu.sub64(r[d], imm[pc]);
            case SUB64_X -> r[d] = Alu.sub64(r[d], r[s]);
            case MUL64_K -> r[d] = Alu.mul64(r[d], imm[pc]);
            case MUL64_X -> r[d] = Alu.mul64(r[d], r[s]);
            case OR64_K -> r[d] = Alu.or64(r[d], imm[pc]);
            case OR64_X -> r[d] = Alu.or64(r[d], r[s]);
            case AND64_K -> r[d] = Alu.and64(r[d], imm[pc]);
            case AND64_X -> r[d] = Alu.and64(r[d], r[s]);
            case LSH64_K -> r[d] = Alu.lsh64(r[d], imm[pc]);
            case LSH64_X -> r[d] = Alu.lsh64(r[d], r[s]);
            case RSH64_K -> r[d] = Alu.rsh64(r[d], imm[pc]);
            case RSH64_X -> r[d] = Alu.rsh64(r[d], r[s]);
            case XOR64_K -> r[d] = Alu.xor64(r[d], imm[pc]);
            case XOR64_X -> r[d] = Alu.xor64(r[d], r[s]);
            case MOV64_K -> r[d] = Alu.mov64(r[d], imm[pc]);
            case MOV64_X -> r[d] = Alu.mov64(r[d], r[s]);
            case ARSH64_K -> r[d] = Alu.arsh64(r[d], imm[pc]);
            case ARSH64_X -> r[d] = Alu.arsh64(r[d], r[s]);
            case ADD32_K -> r[d] = Alu.add32(r[d], imm[pc]);
            case ADD32_X -> r[d] = Alu.add32(r[d], r[s]);
            case SUB32_K -> r[d] = Alu.sub32(r[d], imm[pc]);
            case SUB32_X -> r[d] = Alu.sub32(r[d], r[s]);
            case MUL32_K -> r[d] = Alu.mul32(r[d], imm[pc]);
            case MUL32_X -> r[d] = Alu.mul32(r[d], r[s]);
            case OR32_K -> r[d] = Alu.or32(r[d], imm[pc]);
            case OR32_X -> r[d] = Alu.or32(r[d], r[s]);
            case AND32_K -> r[d] = Alu.and32(r[d], imm[pc]);
            case AND32_X -> r[d] = Alu.and32(r[d], r[s]);
            case LSH32_K -> r[d] = Alu.lsh32(r[d], imm[pc]);
            case LSH32_X -> r[d] = Alu.lsh32(r[d], r[s]);
            case RSH32_K -> r[d] = Alu.rsh32(r[d], imm[pc]);
            case RSH32_X -> r[d] = Alu.rsh32(r[d], r[s]);
            case XOR32_K -> r[d] = Alu.xor32(r[d], imm[pc]);
            case XOR32_X -> r[d] = Alu.xor32(r[d], r[s]);
            case MOV32_K -> r[d] = Alu.mov32(r[d], imm[pc]);
            case MOV32_X -> r[d] = Alu.mov32(r[d], r[s]);
            case ARSH32_K -> r[d] = Alu.arsh32(r[d], imm[pc]);
            case ARSH32_X -> r[d] = Alu.arsh32(r[d], r[s]);
            case BE16 -> r[d] = Alu.be16(r[d]);
            case BE32 -> r[d] = Alu.be32(r[d]);
            case BE64 -> r[d] = Alu.be64(r[d]);
            case JEQ64_K -> {
              if (Condition.eq64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JEQ64_X -> {
              if (Condition.eq64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JGT64_K -> {
              if (Condition.gt64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JGT64_X -> {
              if (Condition.gt64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JGE64_K -> {
              if (Condition.ge64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JGE64_X -> {
              if (Condition.ge64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JSET64_K -> {
              if (Condition.set64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JSET64_X -> {
              if (Condition.set64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JNE64_K -> {
              if (Condition.ne64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JNE64_X -> {
              if (Condition.ne64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JSGT64_K -> {
              if (Condition.sgt64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JSGT64_X -> {
              if (Condition.sgt64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JSGE64_K -> {
              if (Condition.sge64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JSGE64_X -> {
              if (Condition.sge64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JLT64_K -> {
              if (Condition.lt64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JLT64_X -> {
              if (Condition.lt64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JLE64_K -> {
              if (Condition.le64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JLE64_X -> {
              if (Condition.le64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JSLT64_K -> {
              if (Condition.slt64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JSLT64_X -> {
              if (Condition.slt64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JSLE64_K -> {
              if (Condition.sle64(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JSLE64_X -> {
              if (Condition.sle64(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JEQ32_K -> {
              if (Condition.eq32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JEQ32_X -> {
              if (Condition.eq32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JGT32_K -> {
              if (Condition.gt32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JGT32_X -> {
              if (Condition.gt32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JGE32_K -> {
              if (Condition.ge32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JGE32_X -> {
              if (Condition.ge32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JNE32_K -> {
              if (Condition.ne32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JNE32_X -> {
              if (Condition.ne32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JLT32_K -> {
              if (Condition.lt32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JLT32_X -> {
              if (Condition.lt32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JLE32_K -> {
              if (Condition.le32(r[d], imm[pc])) {
                next = jump(m, pc);
              }
            }
            case JLE32_X -> {
              if (Condition.le32(r[d], r[s])) {
                next = jump(m, pc);
              }
            }
            case JA -> next = jump(m, pc);
            case LDXB -> r[d] = m.load(r[s] + off, 1);
            case LDXH -> r[d] = m.load(r[s] + off, 2);
            case LDXW -> r[d] = m.load(r[s] + off, 4);
            case LDXDW -> r[d] = m.load(r[s] + off, 8);
            case STB -> m.store(r[d] + off, 1, imm[pc]);
            case STH -> m.store(r[d] + off, 2, imm[pc]);
            case STW -> m.store(r[d] + off, 4, imm[pc]);
            case STDW -> m.store(r[d] + off, 8, imm[pc]);
            case STXB -> m.store(r[d] + off, 1, r[s]);
            case STXH -> m.store(r[d] + off, 2, r[s]);
            case STXW -> m.store(r[d] + off, 4, r[s]);
            case STXDW -> m.store(r[d] + off, 8, r[s]);
            case LDDW,
                LDDW_MAP_FD,
                LDDW_MAP_VALUE,
                LDDW_BTF_ID,
                LDDW_FUNC,
                LDDW_MAP_INDEX,
                LDDW_MAP_INDEX_VALUE -> {
              r[d] = imm[pc];
              next = pc + 2;
            }
            case CALL_HELPER -> {
              m.slot(pc);
              HelperFunction helper = helpers[pc];
              r[0] = helper == null ? 0 : helper.call(m, r[1], r[2], r[3], r[4], r[5]);
              if (m.tailCalling()) {
                r[0] = m.continueElsewhere(r[1]);
                break run;
              }
            }
            case CALL_LOCAL -> {
              m.enter();
              r[0] = call(m, target[pc], r[1], r[2], r[3], r[4], r[5]);
              m.leave();
            }
            case EXIT -> {
              break run;
            }
            default -> {
              next = seldom(m, r, pc);
              if (next < 0) {
                break run;
              }
            }
          }
          pc = next;
        }
      } catch (Fault fault) {
        throw fault.at(pc);
      }
      if (verdicts != null) {
        verdicts[i] = (int) r[0];
      }
    }
    return r[0];
  }

  /**
   * Runs an instruction that is not frequent enough to have a place in the loop; returns where to
   * go on, or -1 at the end of the function.
   */
  private int seldom(Machine m, long[] r, int pc) {
    int d = code[pc] >>> 8 & 15;
    int s = code[pc] >>> 12 & 15;
    int off = code[pc] >> 16;
    int next = pc + 1;
    switch (opcodes[pc]) {
      case DIV64_K -> r[d] = Alu.div64(r[d], imm[pc]);
      case DIV64_X -> r[d] = Alu.div64(r[d], r[s]);
      case SDIV64_K -> r[d] = Alu.sdiv64(r[d], imm[pc]);
      case SDIV64_X -> r[d] = Alu.sdiv64(r[d], r[s]);
      case NEG64 -> r[d] = Alu.neg64(r[d]);
      case MOD64_K -> r[d] = Alu.mod64(r[d], imm[pc]);
      case MOD64_X -> r[d] = Alu.mod64(r[d], r[s]);
      case SMOD64_K -> r[d] = Alu.smod64(r[d], imm[pc]);
      case SMOD64_X -> r[d] = Alu.smod64(r[d], r[s]);
      case MOVSX8_64_X -> r[d] = Alu.movsx8_64(r[d], r[s]);
      case MOVSX16_64_X -> r[d] = Alu.movsx16_64(r[d], r[s]);
      case MOVSX32_64_X -> r[d] = Alu.movsx32_64(r[d], r[s]);
      case DIV32_K -> r[d] = Alu.div32(r[d], imm[pc]);
      case DIV32_X -> r[d] = Alu.div32(r[d], r[s]);
      case SDIV32_K -> r[d] = Alu.sdiv32(r[d], imm[pc]);
      case SDIV32_X -> r[d] = Alu.sdiv32(r[d], r[s]);
      case NEG32 -> r[d] = Alu.neg32(r[d]);
      case MOD32_K -> r[d] = Alu.mod32(r[d], imm[pc]);
      case MOD32_X -> r[d] = Alu.mod32(r[d], r[s]);
      case SMOD32_K -> r[d] = Alu.smod32(r[d], imm[pc]);
      case SMOD32_X -> r[d] = Alu.smod32(r[d], r[s]);
      case MOVSX8_32_X -> r[d] = Alu.movsx8_32(r[d], r[s]);
      case MOVSX16_32_X -> r[d] = Alu.movsx16_32(r[d], r[s]);
      case LE16 -> r[d] = Alu.le16(r[d]);
      case LE32 -> r[d] = Alu.le32(r[d]);
      case LE64 -> r[d] = Alu.le64(r[d]);
      case BSWAP16 -> r[d] = Alu.bswap16(r[d]);
      case BSWAP32 -> r[d] = Alu.bswap32(r[d]);
      case BSWAP64 -> r[d] = Alu.bswap64(r[d]);
      case JSET32_K -> {
        if (Condition.set32(r[d], imm[pc])) {
          next = jump(m, pc);
        }
      }
      case JSET32_X -> {
        if (Condition.set32(r[d], r[s])) {
          next = jump(m, pc);
        }
      }
      case JSGT32_K -> {
        if (Condition.sgt32(r[d], imm[pc])) {
          next = jump(m, pc);
        }
      }
      case JSGT32_X -> {
        if (Condition.sgt32(r[d], r[s])) {
          next = jump(m, pc);
        }
      }
      case JSGE32_K -> {
        if (Condition.sge32(r[d], imm[pc])) {
          next = jump(m, pc);
        }
      }
      case JSGE32_X -> {
        if (Condition.sge32(r[d], r[s])) {
          next = jump(m, pc);
        }
      }
      case JSLT32_K -> {
        if (Condition.slt32(r[d], imm[pc])) {
          next = jump(m, pc);
        }
      }
      case JSLT32_X -> {
        if (Condition.slt32(r[d], r[s])) {
          next = jump(m, pc);
        }
      }
      case JSLE32_K -> {
        if (Condition.sle32(r[d], imm[pc])) {
          next = jump(m, pc);
        }
      }
      case JSLE32_X -> {
        if (Condition.sle32(r[d], r[s])) {
          next = jump(m, pc);
        }
      }
      case GOTOL -> next = jump(m, pc);
      case MAY_GOTO -> {
        if (m.mayGoto()) {
          next = jump(m, pc);
        }
      }
      case LDXSB -> r[d] = (byte) m.loadSigned(r[s] + off, 1);
      case LDXSH -> r[d] = (short) m.loadSigned(r[s] + off, 2);
      case LDXSW -> r[d] = (int) m.loadSigned(r[s] + off, 4);
      case LOAD_ACQ_B -> r[d] = m.load(r[s] + off, 1);
      case LOAD_ACQ_H -> r[d] = m.load(r[s] + off, 2);
      case LOAD_ACQ_W -> r[d] = m.load(r[s] + off, 4);
      case LOAD_ACQ_DW -> r[d] = m.load(r[s] + off, 8);
      case STORE_REL_B -> m.store(r[d] + off, 1, r[s]);
      case STORE_REL_H -> m.store(r[d] + off, 2, r[s]);
      case STORE_REL_W -> m.store(r[d] + off, 4, r[s]);
      case STORE_REL_DW -> m.store(r[d] + off, 8, r[s]);
      case CALLX -> {
        m.slot(pc);
        r[0] = Calls.register(m, r[d], r[1], r[2], r[3], r[4], r[5]);
        if (m.tailCalling()) {
          r[0] = m.continueElsewhere(r[1]);
          return -1;
        }
      }
      case CALL_KFUNC -> {
        m.slot(pc);
        HelperFunction kfunc = helpers[pc];
        r[0] = kfunc == null ? 0 : kfunc.call(m, r[1], r[2], r[3], r[4], r[5]);
      }
      case LD_ABS_B, LD_ABS_H, LD_ABS_W -> {
        r[0] = Calls.packet(m, imm[pc], opcodes[pc].bytes());
        if (r[0] == Calls.NO_BYTES) {
          r[0] = 0;
          return -1;
        }
      }
      case LD_IND_B, LD_IND_H, LD_IND_W -> {
        r[0] = Calls.packet(m, r[s] + imm[pc], opcodes[pc].bytes());
        if (r[0] == Calls.NO_BYTES) {
          r[0] = 0;
          return -1;
        }
      }
      case LDDW_HIGH, ADDR_SPACE_CAST -> throw new Fault("not an instruction");
      default -> atomic(m, r, pc, d, s, off);
    }
    return next;
  }

  /** Returns where the jump at a slot goes. */
  private int jump(Machine m, int pc) {
    int to = target[pc];
    if (to <= pc) {
      back(m, pc, to);
    }
    return to;
  }

  /** Pays for a jump back; the slot that cannot is the jump's, whatever it is run together with. */
  private static void back(Machine m, int pc, int to) {
    try {
      m.charge(pc - to + 1);
    } catch (Fault fault) {
      throw fault.at(pc);
    }
  }

  private void atomic(Machine m, long[] r, int pc, int d, int s, int off) {
    Opcode opcode = opcodes[pc];
    int size = opcode.bytes();
    long address = r[d] + off;
    // What is read must also be writable, or nothing happens at all.
    m.writable(address, size);
    long before = m.load(address, size);
    long operand = r[s];
    switch (opcode) {
      case ATOMIC_ADD64 -> m.store(address, size, Alu.add64(before, operand));
      case ATOMIC_FETCH_ADD64 -> {
        m.store(address, size, Alu.add64(before, operand));
        r[s] = before;
      }
      case ATOMIC_OR64 -> m.store(address, size, Alu.or64(before, operand));
      case ATOMIC_FETCH_OR64 -> {
        m.store(address, size, Alu.or64(before, operand));
        r[s] = before;
      }
      case ATOMIC_AND64 -> m.store(address, size, Alu.and64(before, operand));
      case ATOMIC_FETCH_AND64 -> {
        m.store(address, size, Alu.and64(before, operand));
        r[s] = before;
      }
      case ATOMIC_XOR64 -> m.store(address, size, Alu.xor64(before, operand));
      case ATOMIC_FETCH_XOR64 -> {
        m.store(address, size, Alu.xor64(before, operand));
        r[s] = before;
      }
      case ATOMIC_XCHG64 -> {
        m.store(address, size, Alu.xchg64(before, operand));
        r[s] = before;
      }
      case ATOMIC_CMPXCHG64 -> {
        if (Condition.eq64(before, r[0])) {
          m.store(address, size, operand);
        }
        r[0] = before;
      }
      case ATOMIC_ADD32 -> m.store(address, size, Alu.add32(before, operand));
      case ATOMIC_FETCH_ADD32 -> {
        m.store(address, size, Alu.add32(before, operand));
        r[s] = before;
      }
      case ATOMIC_OR32 -> m.store(address, size, Alu.or32(before, operand));
      case ATOMIC_FETCH_OR32 -> {
        m.store(address, size, Alu.or32(before, operand));
        r[s] = before;
      }
      case ATOMIC_AND32 -> m.store(address, size, Alu.and32(before, operand));
      case ATOMIC_FETCH_AND32 -> {
        m.store(address, size, Alu.and32(before, operand));
        r[s] = before;
      }
      case ATOMIC_XOR32 -> m.store(address, size, Alu.xor32(before, operand));
      case ATOMIC_FETCH_XOR32 -> {
        m.store(address, size, Alu.xor32(before, operand));
        r[s] = before;
      }
      case ATOMIC_XCHG32 -> {
        m.store(address, size, Alu.xchg32(before, operand));
        r[s] = before;
      }
      case ATOMIC_CMPXCHG32 -> {
        if (Condition.eq32(before, r[0])) {
          m.store(address, size, operand);
        }
        r[0] = before;
      }
      default -> throw new IllegalStateException("interpreter: no case for " + opcode);
    }
  }
}
