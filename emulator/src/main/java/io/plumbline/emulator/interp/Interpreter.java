package io.plumbline.emulator.interp;

import io.plumbline.emulator.helper.Calls;
import io.plumbline.emulator.helper.HelperFunction;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.semantics.Alu;
import io.plumbline.emulator.semantics.Condition;
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

  private final Program program;
  private final Opcode[] opcodes;
  private final byte[] dst;
  private final byte[] src;
  private final short[] off;
  private final long[] imm;
  private final int[] target;
  private final @Nullable HelperFunction[] helpers;
  private final @Nullable Tracer tracer;

  private Interpreter(Program program, @Nullable Tracer tracer) {
    this.program = program;
    this.tracer = tracer;
    List<Insn> insns = program.insns();
    int size = insns.size();
    opcodes = new Opcode[size];
    dst = new byte[size];
    src = new byte[size];
    off = new short[size];
    imm = new long[size];
    target = new int[size];
    helpers = new HelperFunction[size];
    for (int slot = 0; slot < size; slot++) {
      Insn insn = insns.get(slot);
      opcodes[slot] = insn.opcode();
      dst[slot] = (byte) insn.dst();
      src[slot] = (byte) insn.src();
      off[slot] = (short) insn.off();
      imm[slot] = insn.imm();
      switch (insn.opcode()) {
        case LDDW_FUNC -> imm[slot] = Machine.functionAddress(slot + 1 + insn.immLow());
        case CALL_HELPER -> helpers[slot] = Calls.helper(insn.immLow());
        case CALLX -> dst[slot] = (byte) insn.callRegister();
        default -> {}
      }
      target[slot] = insn.target(slot);
    }
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
    int frame = m.depth();
    long[] r = m.registers(frame);
    Arrays.fill(r, 0);
    r[1] = r1;
    r[2] = r2;
    r[3] = r3;
    r[4] = r4;
    r[5] = r5;
    r[Insn.FRAME_POINTER] = Machine.framePointer(frame);
    int top = (frame + 1) * Machine.STACK_BYTES;
    Arrays.fill(m.stack(), top - program.stackUse(), top, (byte) 0);
    int pc = start;
    while (pc >= 0) {
      if (tracer != null) {
        tracer.before(program, pc, frame, r);
        pc = steps(m, r, pc, 1);
      } else {
        pc = steps(m, r, pc, Integer.MAX_VALUE);
      }
    }
    return r[0];
  }

  /** Runs at most so many instructions; returns where to go on, or -1 at the end. */
  private int steps(Machine m, long[] r, int start, int most) {
    int pc = start;
    try {
      for (int left = most; left > 0; left--) {
        int d = dst[pc];
        int next = pc + 1;
        switch (opcodes[pc]) {
          case ADD64_K -> r[d] = Alu.add64(r[d], imm[pc]);
          case ADD64_X -> r[d] = Alu.add64(r[d], r[src[pc]]);
          case SUB64_K -> r[d] = Alu.sub64(r[d], imm[pc]);
          case SUB64_X -> r[d] = Alu.sub64(r[d], r[src[pc]]);
          case MUL64_K -> r[d] = Alu.mul64(r[d], imm[pc]);
          case MUL64_X -> r[d] = Alu.mul64(r[d], r[src[pc]]);
          case DIV64_K -> r[d] = Alu.div64(r[d], imm[pc]);
          case DIV64_X -> r[d] = Alu.div64(r[d], r[src[pc]]);
          case SDIV64_K -> r[d] = Alu.sdiv64(r[d], imm[pc]);
          case SDIV64_X -> r[d] = Alu.sdiv64(r[d], r[src[pc]]);
          case OR64_K -> r[d] = Alu.or64(r[d], imm[pc]);
          case OR64_X -> r[d] = Alu.or64(r[d], r[src[pc]]);
          case AND64_K -> r[d] = Alu.and64(r[d], imm[pc]);
          case AND64_X -> r[d] = Alu.and64(r[d], r[src[pc]]);
          case LSH64_K -> r[d] = Alu.lsh64(r[d], imm[pc]);
          case LSH64_X -> r[d] = Alu.lsh64(r[d], r[src[pc]]);
          case RSH64_K -> r[d] = Alu.rsh64(r[d], imm[pc]);
          case RSH64_X -> r[d] = Alu.rsh64(r[d], r[src[pc]]);
          case NEG64 -> r[d] = Alu.neg64(r[d]);
          case MOD64_K -> r[d] = Alu.mod64(r[d], imm[pc]);
          case MOD64_X -> r[d] = Alu.mod64(r[d], r[src[pc]]);
          case SMOD64_K -> r[d] = Alu.smod64(r[d], imm[pc]);
          case SMOD64_X -> r[d] = Alu.smod64(r[d], r[src[pc]]);
          case XOR64_K -> r[d] = Alu.xor64(r[d], imm[pc]);
          case XOR64_X -> r[d] = Alu.xor64(r[d], r[src[pc]]);
          case MOV64_K -> r[d] = Alu.mov64(r[d], imm[pc]);
          case MOV64_X -> r[d] = Alu.mov64(r[d], r[src[pc]]);
          case MOVSX8_64_X -> r[d] = Alu.movsx8_64(r[d], r[src[pc]]);
          case MOVSX16_64_X -> r[d] = Alu.movsx16_64(r[d], r[src[pc]]);
          case MOVSX32_64_X -> r[d] = Alu.movsx32_64(r[d], r[src[pc]]);
          case ARSH64_K -> r[d] = Alu.arsh64(r[d], imm[pc]);
          case ARSH64_X -> r[d] = Alu.arsh64(r[d], r[src[pc]]);
          case ADD32_K -> r[d] = Alu.add32(r[d], imm[pc]);
          case ADD32_X -> r[d] = Alu.add32(r[d], r[src[pc]]);
          case SUB32_K -> r[d] = Alu.sub32(r[d], imm[pc]);
          case SUB32_X -> r[d] = Alu.sub32(r[d], r[src[pc]]);
          case MUL32_K -> r[d] = Alu.mul32(r[d], imm[pc]);
          case MUL32_X -> r[d] = Alu.mul32(r[d], r[src[pc]]);
          case DIV32_K -> r[d] = Alu.div32(r[d], imm[pc]);
          case DIV32_X -> r[d] = Alu.div32(r[d], r[src[pc]]);
          case SDIV32_K -> r[d] = Alu.sdiv32(r[d], imm[pc]);
          case SDIV32_X -> r[d] = Alu.sdiv32(r[d], r[src[pc]]);
          case OR32_K -> r[d] = Alu.or32(r[d], imm[pc]);
          case OR32_X -> r[d] = Alu.or32(r[d], r[src[pc]]);
          case AND32_K -> r[d] = Alu.and32(r[d], imm[pc]);
          case AND32_X -> r[d] = Alu.and32(r[d], r[src[pc]]);
          case LSH32_K -> r[d] = Alu.lsh32(r[d], imm[pc]);
          case LSH32_X -> r[d] = Alu.lsh32(r[d], r[src[pc]]);
          case RSH32_K -> r[d] = Alu.rsh32(r[d], imm[pc]);
          case RSH32_X -> r[d] = Alu.rsh32(r[d], r[src[pc]]);
          case NEG32 -> r[d] = Alu.neg32(r[d]);
          case MOD32_K -> r[d] = Alu.mod32(r[d], imm[pc]);
          case MOD32_X -> r[d] = Alu.mod32(r[d], r[src[pc]]);
          case SMOD32_K -> r[d] = Alu.smod32(r[d], imm[pc]);
          case SMOD32_X -> r[d] = Alu.smod32(r[d], r[src[pc]]);
          case XOR32_K -> r[d] = Alu.xor32(r[d], imm[pc]);
          case XOR32_X -> r[d] = Alu.xor32(r[d], r[src[pc]]);
          case MOV32_K -> r[d] = Alu.mov32(r[d], imm[pc]);
          case MOV32_X -> r[d] = Alu.mov32(r[d], r[src[pc]]);
          case MOVSX8_32_X -> r[d] = Alu.movsx8_32(r[d], r[src[pc]]);
          case MOVSX16_32_X -> r[d] = Alu.movsx16_32(r[d], r[src[pc]]);
          case ARSH32_K -> r[d] = Alu.arsh32(r[d], imm[pc]);
          case ARSH32_X -> r[d] = Alu.arsh32(r[d], r[src[pc]]);
          case LE16 -> r[d] = Alu.le16(r[d]);
          case LE32 -> r[d] = Alu.le32(r[d]);
          case LE64 -> r[d] = Alu.le64(r[d]);
          case BE16 -> r[d] = Alu.be16(r[d]);
          case BE32 -> r[d] = Alu.be32(r[d]);
          case BE64 -> r[d] = Alu.be64(r[d]);
          case BSWAP16 -> r[d] = Alu.bswap16(r[d]);
          case BSWAP32 -> r[d] = Alu.bswap32(r[d]);
          case BSWAP64 -> r[d] = Alu.bswap64(r[d]);
          case JEQ64_K -> next = Condition.eq64(r[d], imm[pc]) ? target[pc] : next;
          case JEQ64_X -> next = Condition.eq64(r[d], r[src[pc]]) ? target[pc] : next;
          case JGT64_K -> next = Condition.gt64(r[d], imm[pc]) ? target[pc] : next;
          case JGT64_X -> next = Condition.gt64(r[d], r[src[pc]]) ? target[pc] : next;
          case JGE64_K -> next = Condition.ge64(r[d], imm[pc]) ? target[pc] : next;
          case JGE64_X -> next = Condition.ge64(r[d], r[src[pc]]) ? target[pc] : next;
          case JSET64_K -> next = Condition.set64(r[d], imm[pc]) ? target[pc] : next;
          case JSET64_X -> next = Condition.set64(r[d], r[src[pc]]) ? target[pc] : next;
          case JNE64_K -> next = Condition.ne64(r[d], imm[pc]) ? target[pc] : next;
          case JNE64_X -> next = Condition.ne64(r[d], r[src[pc]]) ? target[pc] : next;
          case JSGT64_K -> next = Condition.sgt64(r[d], imm[pc]) ? target[pc] : next;
          case JSGT64_X -> next = Condition.sgt64(r[d], r[src[pc]]) ? target[pc] : next;
          case JSGE64_K -> next = Condition.sge64(r[d], imm[pc]) ? target[pc] : next;
          case JSGE64_X -> next = Condition.sge64(r[d], r[src[pc]]) ? target[pc] : next;
          case JLT64_K -> next = Condition.lt64(r[d], imm[pc]) ? target[pc] : next;
          case JLT64_X -> next = Condition.lt64(r[d], r[src[pc]]) ? target[pc] : next;
          case JLE64_K -> next = Condition.le64(r[d], imm[pc]) ? target[pc] : next;
          case JLE64_X -> next = Condition.le64(r[d], r[src[pc]]) ? target[pc] : next;
          case JSLT64_K -> next = Condition.slt64(r[d], imm[pc]) ? target[pc] : next;
          case JSLT64_X -> next = Condition.slt64(r[d], r[src[pc]]) ? target[pc] : next;
          case JSLE64_K -> next = Condition.sle64(r[d], imm[pc]) ? target[pc] : next;
          case JSLE64_X -> next = Condition.sle64(r[d], r[src[pc]]) ? target[pc] : next;
          case JEQ32_K -> next = Condition.eq32(r[d], imm[pc]) ? target[pc] : next;
          case JEQ32_X -> next = Condition.eq32(r[d], r[src[pc]]) ? target[pc] : next;
          case JGT32_K -> next = Condition.gt32(r[d], imm[pc]) ? target[pc] : next;
          case JGT32_X -> next = Condition.gt32(r[d], r[src[pc]]) ? target[pc] : next;
          case JGE32_K -> next = Condition.ge32(r[d], imm[pc]) ? target[pc] : next;
          case JGE32_X -> next = Condition.ge32(r[d], r[src[pc]]) ? target[pc] : next;
          case JSET32_K -> next = Condition.set32(r[d], imm[pc]) ? target[pc] : next;
          case JSET32_X -> next = Condition.set32(r[d], r[src[pc]]) ? target[pc] : next;
          case JNE32_K -> next = Condition.ne32(r[d], imm[pc]) ? target[pc] : next;
          case JNE32_X -> next = Condition.ne32(r[d], r[src[pc]]) ? target[pc] : next;
          case JSGT32_K -> next = Condition.sgt32(r[d], imm[pc]) ? target[pc] : next;
          case JSGT32_X -> next = Condition.sgt32(r[d], r[src[pc]]) ? target[pc] : next;
          case JSGE32_K -> next = Condition.sge32(r[d], imm[pc]) ? target[pc] : next;
          case JSGE32_X -> next = Condition.sge32(r[d], r[src[pc]]) ? target[pc] : next;
          case JLT32_K -> next = Condition.lt32(r[d], imm[pc]) ? target[pc] : next;
          case JLT32_X -> next = Condition.lt32(r[d], r[src[pc]]) ? target[pc] : next;
          case JLE32_K -> next = Condition.le32(r[d], imm[pc]) ? target[pc] : next;
          case JLE32_X -> next = Condition.le32(r[d], r[src[pc]]) ? target[pc] : next;
          case JSLT32_K -> next = Condition.slt32(r[d], imm[pc]) ? target[pc] : next;
          case JSLT32_X -> next = Condition.slt32(r[d], r[src[pc]]) ? target[pc] : next;
          case JSLE32_K -> next = Condition.sle32(r[d], imm[pc]) ? target[pc] : next;
          case JSLE32_X -> next = Condition.sle32(r[d], r[src[pc]]) ? target[pc] : next;
          case JA -> next = target[pc];
          case GOTOL -> next = target[pc];
          case MAY_GOTO -> next = m.mayGoto() ? target[pc] : next;
          case LDXB -> r[d] = m.load(r[src[pc]] + off[pc], 1);
          case LDXH -> r[d] = m.load(r[src[pc]] + off[pc], 2);
          case LDXW -> r[d] = m.load(r[src[pc]] + off[pc], 4);
          case LDXDW -> r[d] = m.load(r[src[pc]] + off[pc], 8);
          case LDXSB -> r[d] = (byte) m.load(r[src[pc]] + off[pc], 1);
          case LDXSH -> r[d] = (short) m.load(r[src[pc]] + off[pc], 2);
          case LDXSW -> r[d] = (int) m.load(r[src[pc]] + off[pc], 4);
          case STB -> m.store(r[d] + off[pc], 1, imm[pc]);
          case STH -> m.store(r[d] + off[pc], 2, imm[pc]);
          case STW -> m.store(r[d] + off[pc], 4, imm[pc]);
          case STDW -> m.store(r[d] + off[pc], 8, imm[pc]);
          case STXB -> m.store(r[d] + off[pc], 1, r[src[pc]]);
          case STXH -> m.store(r[d] + off[pc], 2, r[src[pc]]);
          case STXW -> m.store(r[d] + off[pc], 4, r[src[pc]]);
          case STXDW -> m.store(r[d] + off[pc], 8, r[src[pc]]);
          case LOAD_ACQ_B -> r[d] = m.load(r[src[pc]] + off[pc], 1);
          case LOAD_ACQ_H -> r[d] = m.load(r[src[pc]] + off[pc], 2);
          case LOAD_ACQ_W -> r[d] = m.load(r[src[pc]] + off[pc], 4);
          case LOAD_ACQ_DW -> r[d] = m.load(r[src[pc]] + off[pc], 8);
          case STORE_REL_B -> m.store(r[d] + off[pc], 1, r[src[pc]]);
          case STORE_REL_H -> m.store(r[d] + off[pc], 2, r[src[pc]]);
          case STORE_REL_W -> m.store(r[d] + off[pc], 4, r[src[pc]]);
          case STORE_REL_DW -> m.store(r[d] + off[pc], 8, r[src[pc]]);
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
              return -1;
            }
          }
          case CALL_LOCAL -> {
            m.enter();
            r[0] = call(m, target[pc], r[1], r[2], r[3], r[4], r[5]);
            m.leave();
          }
          case CALLX -> {
            m.slot(pc);
            r[0] = Calls.register(m, r[d], r[1], r[2], r[3], r[4], r[5]);
            if (m.tailCalling()) {
              r[0] = m.continueElsewhere(r[1]);
              return -1;
            }
          }
          case CALL_KFUNC -> throw new Fault("call of a kernel function: there are none");
          case EXIT -> {
            return -1;
          }
          case LD_ABS_B, LD_ABS_H, LD_ABS_W -> {
            r[0] = Calls.packet(m, imm[pc], opcodes[pc].bytes());
            if (r[0] == Calls.NO_BYTES) {
              r[0] = 0;
              return -1;
            }
          }
          case LD_IND_B, LD_IND_H, LD_IND_W -> {
            r[0] = Calls.packet(m, r[src[pc]] + imm[pc], opcodes[pc].bytes());
            if (r[0] == Calls.NO_BYTES) {
              r[0] = 0;
              return -1;
            }
          }
          case LDDW_HIGH -> throw new Fault("the second half of an instruction");
          default -> atomic(m, r, pc);
        }
        if (next <= pc) {
          m.charge(pc - next + 1);
        }
        pc = next;
      }
      return pc;
    } catch (Fault fault) {
      throw fault.at(pc);
    }
  }

  private void atomic(Machine m, long[] r, int pc) {
    Opcode opcode = opcodes[pc];
    int size = opcode.bytes();
    long address = r[dst[pc]] + off[pc];
    // What is read must also be writable, or nothing happens at all.
    m.writable(address, size);
    long before = m.load(address, size);
    long operand = r[src[pc]];
    switch (opcode) {
      case ATOMIC_ADD64 -> m.store(address, size, Alu.add64(before, operand));
      case ATOMIC_FETCH_ADD64 -> {
        m.store(address, size, Alu.add64(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_OR64 -> m.store(address, size, Alu.or64(before, operand));
      case ATOMIC_FETCH_OR64 -> {
        m.store(address, size, Alu.or64(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_AND64 -> m.store(address, size, Alu.and64(before, operand));
      case ATOMIC_FETCH_AND64 -> {
        m.store(address, size, Alu.and64(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_XOR64 -> m.store(address, size, Alu.xor64(before, operand));
      case ATOMIC_FETCH_XOR64 -> {
        m.store(address, size, Alu.xor64(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_XCHG64 -> {
        m.store(address, size, Alu.xchg64(before, operand));
        r[src[pc]] = before;
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
        r[src[pc]] = before;
      }
      case ATOMIC_OR32 -> m.store(address, size, Alu.or32(before, operand));
      case ATOMIC_FETCH_OR32 -> {
        m.store(address, size, Alu.or32(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_AND32 -> m.store(address, size, Alu.and32(before, operand));
      case ATOMIC_FETCH_AND32 -> {
        m.store(address, size, Alu.and32(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_XOR32 -> m.store(address, size, Alu.xor32(before, operand));
      case ATOMIC_FETCH_XOR32 -> {
        m.store(address, size, Alu.xor32(before, operand));
        r[src[pc]] = before;
      }
      case ATOMIC_XCHG32 -> {
        m.store(address, size, Alu.xchg32(before, operand));
        r[src[pc]] = before;
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
