package io.plumbline.emulator.jit;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.HasRegion;
import java.util.ArrayDeque;
import java.util.Arrays;
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
  private static final int REGISTERS = 11;

  /** How often a place is looked at again before everything about it is given up. */
  private static final int PATIENCE = 64;

  /** What is known at a place: registers, and 8-byte cells of the stack. */
  private static final class State {
    final Value[] registers;
    final Map<Long, Value> cells;
    int visits;

    State(Value[] registers, Map<Long, Value> cells) {
      this.registers = registers;
      this.cells = cells;
    }

    State copy() {
      return new State(registers.clone(), new HashMap<>(cells));
    }

    /** Keeps what both know; returns whether anything was lost. */
    boolean meet(State other) {
      boolean lost = false;
      visits++;
      for (int i = 0; i < REGISTERS; i++) {
        boolean same = registers[i].equals(other.registers[i]) && (visits < PATIENCE || i == 10);
        if (!same && registers[i].kind() != Value.Kind.UNKNOWN) {
          registers[i] = Value.UNKNOWN;
          lost = true;
        }
      }
      return cells
              .entrySet()
              .removeIf(
                  cell ->
                      visits >= PATIENCE || !cell.getValue().equals(other.cells.get(cell.getKey())))
          || lost;
    }
  }

  private final Machine machine;
  private final List<Insn> insns;
  private final Map<Integer, State> states = new HashMap<>();
  private final Map<Integer, Value[]> before = new HashMap<>();
  private final BitSet targets = new BitSet();

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
    Value[] registers = new Value[REGISTERS];
    Arrays.fill(registers, Value.UNKNOWN);
    registers[1] = first;
    registers[10] = Value.stack(Machine.STACK_BYTES);
    Deque<Integer> waiting = new ArrayDeque<>();
    states.put(start, new State(registers, new HashMap<>()));
    waiting.add(start);
    while (!waiting.isEmpty()) {
      block(waiting.remove(), waiting);
    }
  }

  /** Returns the slots that can be reached, in order, with what is known before each. */
  Map<Integer, Value[]> reached() {
    return before;
  }

  /** Returns whether a straight run of instructions begins at a slot. */
  boolean begins(int slot) {
    return states.containsKey(slot);
  }

  /** Follows a straight run of instructions to its end, or to the start of another one. */
  private void block(int start, Deque<Integer> waiting) {
    State begin = states.get(start);
    if (begin == null) {
      return;
    }
    State state = begin.copy();
    int slot = start;
    while (true) {
      Insn insn = insns.get(slot);
      before.put(slot, state.registers.clone());
      step(insn, state);
      int next = slot + insn.opcode().slots();
      Opcode.Form form = insn.opcode().form();
      if (form == Opcode.Form.EXIT) {
        return;
      }
      if (form == Opcode.Form.JA || form == Opcode.Form.GOTOL) {
        reach(insn.target(slot), state, waiting);
        return;
      }
      if (form.jumpsByOffset()) {
        reach(insn.target(slot), state, waiting);
        reach(next, state, waiting);
        return;
      }
      if (targets.get(next)) {
        reach(next, state, waiting);
        return;
      }
      slot = next;
    }
  }

  private void reach(int slot, State state, Deque<Integer> waiting) {
    State known = states.get(slot);
    if (known == null) {
      states.put(slot, state.copy());
      waiting.add(slot);
    } else if (known.meet(state)) {
      waiting.add(slot);
    }
  }

  private void step(Insn insn, State state) {
    Value[] r = state.registers;
    Opcode opcode = insn.opcode();
    switch (opcode.form()) {
      case ALU_K -> r[insn.dst()] = computed(opcode, r[insn.dst()], Value.constant(insn.imm()));
      case ALU_X -> r[insn.dst()] = computed(opcode, r[insn.dst()], r[insn.src()]);
      case ALU_UNARY, ENDIAN, LOAD_ACQ -> r[insn.dst()] = Value.UNKNOWN;
      case LDDW ->
          r[insn.dst()] = opcode == Opcode.LDDW_FUNC ? Value.UNKNOWN : Value.constant(insn.imm());
      case LOAD -> r[insn.dst()] = loaded(opcode, r[insn.src()].plus(insn.off()), state);
      case STORE_K -> stored(r[insn.dst()].plus(insn.off()), opcode.bytes(), Value.UNKNOWN, state);
      case STORE_X -> stored(r[insn.dst()].plus(insn.off()), opcode.bytes(), r[insn.src()], state);
      case STORE_REL, ATOMIC -> state.cells.clear();
      case ATOMIC_FETCH -> {
        state.cells.clear();
        r[insn.src()] = Value.UNKNOWN;
      }
      case CMPXCHG, CALL, CALLX, LD_ABS, LD_IND -> {
        Value result = opcode == Opcode.CALL_HELPER ? result(insn.immLow(), r[1]) : Value.UNKNOWN;
        state.cells.clear();
        r[0] = result;
      }
      default -> {}
    }
  }

  private static Value computed(Opcode opcode, Value a, Value b) {
    return switch (opcode) {
      case MOV64_K, MOV64_X -> b;
      case MOV32_K -> Value.constant(b.number() & 0xFFFF_FFFFL);
      case ADD64_K -> a.plus(b.number());
      case ADD64_X ->
          b.kind() == Value.Kind.CONSTANT
              ? a.plus(b.number())
              : a.kind() == Value.Kind.CONSTANT
                  ? b.plus(a.number())
                  : a.moved().kind() != Value.Kind.UNKNOWN ? a.moved() : b.moved();
      case SUB64_K -> a.plus(-b.number());
      case SUB64_X -> a.moved();
      default -> Value.UNKNOWN;
    };
  }

  private Value loaded(Opcode opcode, Value address, State state) {
    if (address.kind() == Value.Kind.CONTEXT) {
      long offset = address.number();
      boolean packet =
          machine.contextType().illegal(offset, opcode.bytes(), false).isEmpty()
              && machine.contextType().dataSlot() >= 0
              && machine.contextType().pointerAt((int) offset);
      return packet ? Value.PACKET : Value.UNKNOWN;
    }
    if (address.kind() == Value.Kind.STACK && opcode == Opcode.LDXDW) {
      return state.cells.getOrDefault(address.number(), Value.UNKNOWN);
    }
    return Value.UNKNOWN;
  }

  private static void stored(Value address, int size, Value value, State state) {
    if (address.kind() != Value.Kind.STACK) {
      // A guess may be wrong: it could be this stack all the same.
      if (address.kind() != Value.Kind.CONTEXT) {
        state.cells.clear();
      }
      return;
    }
    long at = address.number();
    state.cells.keySet().removeIf(cell -> cell + 8 > at && cell < at + size);
    if (size == 8 && value.kind() != Value.Kind.UNKNOWN) {
      state.cells.put(at, value);
    }
  }

  private Value result(int helper, Value first) {
    if (helper == Helper.MAP_LOOKUP_ELEM.id()
        && first.kind() == Value.Kind.CONSTANT
        && machine.find(first.number()) instanceof BpfMap map
        && map instanceof HasRegion values) {
      Region region = values.region();
      return Value.of(region);
    }
    return Value.UNKNOWN;
  }
}
