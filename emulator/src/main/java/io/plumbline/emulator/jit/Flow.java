package io.plumbline.emulator.jit;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.HasRegion;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Follows values through a function, so that compiled code need not look for the region of an
 * address that can only be in one, or most likely is.
 */
final class Flow {
  private final Machine machine;
  private final List<Insn> insns;
  private final Map<Integer, Knowledge> states = new HashMap<>();
  private final Map<Integer, Value[]> before = new HashMap<>();
  private final BitSet targets = new BitSet();
  private final BitSet proved = new BitSet();

  /**
   * Follows a function.
   *
   * @param first what r1 is at the start
   */
  Flow(Machine machine, List<Insn> insns, int start, Value first) {
    this.machine = machine;
    this.insns = insns;
    for (int slot = 0; slot < insns.size(); slot++) {
      Opcode.Form form = insns.get(slot).opcode().form();
      if (form.jumpsByOffset() || form == Opcode.Form.GOTOL) {
        targets.set(insns.get(slot).target(slot));
      }
    }
    Deque<Integer> waiting = new ArrayDeque<>();
    states.put(start, Knowledge.atStart(first, Value.stack(Machine.STACK_BYTES)));
    waiting.add(start);
    while (!waiting.isEmpty()) {
      block(waiting.remove(), waiting);
    }
  }

  /** Returns the slots that can be reached, in order, with what is known before each. */
  Map<Integer, Value[]> reached() {
    return before;
  }

  /** Returns whether what a load reads is in the packet, as the program itself has made sure. */
  boolean proved(int slot) {
    return proved.get(slot);
  }

  /** Returns whether a straight run of instructions begins at a slot. */
  boolean begins(int slot) {
    return states.containsKey(slot);
  }

  /** Follows a straight run of instructions to its end, or to the start of another one. */
  private void block(int start, Deque<Integer> waiting) {
    Knowledge begin = states.get(start);
    if (begin == null) {
      return;
    }
    Knowledge state = begin.copy();
    int slot = start;
    while (true) {
      Insn insn = insns.get(slot);
      Opcode.Form form = insn.opcode().form();
      before.put(slot, state.registers());
      if (form == Opcode.Form.LOAD) {
        Value address = state.get(insn.src()).plus(insn.off());
        proved.set(slot, state.reaches(address, insn.opcode().bytes()));
      }
      step(slot, insn, state);
      int next = slot + insn.opcode().slots();
      if (form == Opcode.Form.EXIT || form == Opcode.Form.HIGH) {
        return;
      }
      if (form == Opcode.Form.JA || form == Opcode.Form.GOTOL) {
        reach(insn.target(slot), state, waiting);
        return;
      }
      if (form.jumpsByOffset()) {
        reach(insn.target(slot), compared(insn, state, true), waiting);
        reach(next, compared(insn, state, false), waiting);
        return;
      }
      if (targets.get(next)) {
        reach(next, state, waiting);
        return;
      }
      slot = next;
    }
  }

  private static Knowledge compared(Insn insn, Knowledge state, boolean taken) {
    Knowledge more = state.copy();
    if (insn.opcode().form() == Opcode.Form.JUMP_X) {
      more.compared(insn.opcode(), state.get(insn.dst()), state.get(insn.src()), taken);
    }
    return more;
  }

  private void reach(int slot, Knowledge state, Deque<Integer> waiting) {
    Knowledge known = states.get(slot);
    if (known == null) {
      states.put(slot, state.copy());
      waiting.add(slot);
    } else if (known.meet(state, slot)) {
      waiting.add(slot);
    }
  }

  private void step(int slot, Insn insn, Knowledge state) {
    Opcode opcode = insn.opcode();
    int dst = insn.dst();
    switch (opcode.form()) {
      case ALU_K -> state.set(dst, computed(opcode, state.get(dst), Value.constant(insn.imm())));
      case ALU_X -> {
        Value a = state.get(dst);
        Value b = state.get(insn.src());
        boolean adds = opcode == Opcode.ADD64_X;
        // Nothing has this instruction's place yet: it runs again only through the start of its
        // block, and what is known there was met with a way on which it had not run.
        if (adds && a.kind() == Value.Kind.DATA && b.kind() == Value.Kind.BOUNDED) {
          state.set(dst, a.away(b, slot + 1));
        } else if (adds && a.kind() == Value.Kind.BOUNDED && b.kind() == Value.Kind.DATA) {
          state.set(dst, b.away(a, slot + 1));
        } else {
          state.set(dst, computed(opcode, a, b));
        }
      }
      case ALU_UNARY, LOAD_ACQ -> state.set(dst, Value.UNKNOWN);
      case ENDIAN -> state.set(dst, opcode.width() == 16 ? Value.bounded(0xFFFF) : Value.UNKNOWN);
      case LDDW ->
          state.set(dst, opcode == Opcode.LDDW_FUNC ? Value.UNKNOWN : Value.constant(insn.imm()));
      case LOAD -> state.set(dst, loaded(opcode, state.get(insn.src()).plus(insn.off()), state));
      case STORE_K -> stored(state.get(dst).plus(insn.off()), opcode.bytes(), Value.UNKNOWN, state);
      case STORE_X ->
          stored(state.get(dst).plus(insn.off()), opcode.bytes(), state.get(insn.src()), state);
      case STORE_REL, ATOMIC -> state.forgetCells();
      case ATOMIC_FETCH -> {
        state.forgetCells();
        state.set(insn.src(), Value.UNKNOWN);
      }
      case CMPXCHG -> {
        state.forgetCells();
        state.set(0, Value.UNKNOWN);
      }
      case CALL, CALLX, LD_ABS, LD_IND -> {
        boolean lookup =
            opcode == Opcode.CALL_HELPER && insn.immLow() == Helper.MAP_LOOKUP_ELEM.id();
        Value result = lookup ? result(state.get(1)) : Value.UNKNOWN;
        state.forgetCells();
        if (!lookup) {
          state.forgetPacket();
        }
        state.set(0, result);
      }
      default -> {}
    }
  }

  private static Value computed(Opcode opcode, Value a, Value b) {
    return switch (opcode) {
      case MOV64_K, MOV64_X -> b;
      case MOV32_K -> Value.constant(b.number() & 0xFFFF_FFFFL);
      case MOV32_X -> b.isBounded() ? b : Value.UNKNOWN;
      case ADD64_K -> a.kind() == Value.Kind.BOUNDED ? sum(a, b) : a.plus(b.number());
      case ADD64_X ->
          b.kind() == Value.Kind.CONSTANT
              ? computed(Opcode.ADD64_K, a, b)
              : a.kind() == Value.Kind.CONSTANT
                  ? computed(Opcode.ADD64_K, b, a)
                  : a.isBounded()
                      ? b.isBounded() ? sum(a, b) : b.moved()
                      : a.moved().kind() != Value.Kind.UNKNOWN ? a.moved() : b.moved();
      case ADD32_K, ADD32_X -> sum(a, b);
      case SUB64_K -> a.plus(-b.number());
      case SUB64_X -> a.moved();
      case AND64_K, AND64_X, AND32_K, AND32_X ->
          b.isBounded()
              ? Value.bounded(b.number())
              : a.isBounded() ? Value.bounded(a.number()) : Value.UNKNOWN;
      case LSH64_K, LSH32_K ->
          a.isBounded() && shifts(b) ? Value.bounded(a.number() << b.number()) : Value.UNKNOWN;
      case RSH64_K, RSH32_K ->
          a.isBounded() && shifts(b) ? Value.bounded(a.number() >>> b.number()) : Value.UNKNOWN;
      default -> Value.UNKNOWN;
    };
  }

  /** Returns whether to shift by a number means the same in both widths. */
  private static boolean shifts(Value by) {
    return by.isBounded() && by.number() < Integer.SIZE;
  }

  private static Value sum(Value a, Value b) {
    return a.isBounded() && b.isBounded() ? Value.bounded(a.number() + b.number()) : Value.UNKNOWN;
  }

  private Value loaded(Opcode opcode, Value address, Knowledge state) {
    if (opcode.signExtends()) {
      return Value.UNKNOWN;
    }
    if (address.kind() == Value.Kind.CONTEXT) {
      return field(address.number(), opcode.bytes());
    }
    if (address.kind() == Value.Kind.STACK && opcode == Opcode.LDXDW) {
      return state.cell(address.number());
    }
    return switch (opcode) {
      case LDXB -> Value.bounded(0xFF);
      case LDXH -> Value.bounded(0xFFFF);
      default -> Value.UNKNOWN;
    };
  }

  /** Returns what a load from the context gives: maybe where the packet begins or ends. */
  Value field(long offset, int size) {
    ContextType type = machine.contextType();
    if (type.illegal(offset, size, false).isPresent()
        || type.dataSlot() < 0
        || !type.pointerAt((int) offset)) {
      return Value.UNKNOWN;
    }
    int field = type.slotAt((int) offset);
    return field == type.dataSlot()
        ? Value.data(Knowledge.START, 0, 0)
        : field == type.dataEndSlot() ? Value.DATA_END : Value.PACKET;
  }

  private static void stored(Value address, int size, Value value, Knowledge state) {
    if (address.kind() == Value.Kind.STACK) {
      state.store(address.number(), size, value);
    } else if (address.kind() != Value.Kind.CONTEXT) {
      // A guess may be wrong: it could be this stack all the same.
      state.forgetCells();
    }
  }

  private Value result(Value first) {
    if (first.kind() == Value.Kind.CONSTANT
        && machine.find(first.number()) instanceof BpfMap map
        && map instanceof HasRegion values) {
      Region region = values.region();
      return Value.of(region);
    }
    return Value.UNKNOWN;
  }
}
