package io.plumbline.emulator.isa;

import io.plumbline.emulator.semantics.Alu;
import io.plumbline.emulator.semantics.Condition;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the instructions that can run: those on a path from the start on which no branch goes
 * against constants. The kernel does not look at the fields of others (kernel {@code do_check}); it
 * knows more than constants, so this may count some as reached that it does not.
 */
public final class Reachability {
  private static final int REGISTERS = 16;

  /** Definitions of operations and conditions, by the name of their semantics. */
  private static final Map<String, Method> DEFINITIONS = new HashMap<>();

  static {
    for (Class<?> type : new Class<?>[] {Alu.class, Condition.class}) {
      for (Method method : type.getDeclaredMethods()) {
        DEFINITIONS.put(method.getName(), method);
      }
    }
  }

  /** The registers that hold a constant. */
  private static final class Constants {
    private final long[] values;
    private int known;

    Constants() {
      values = new long[REGISTERS];
    }

    Constants(Constants other) {
      values = other.values.clone();
      known = other.known;
    }

    boolean knows(int register) {
      return (known >> register & 1) != 0;
    }

    void set(int register, long value) {
      values[register] = value;
      known |= 1 << register;
    }

    void forget(int register) {
      known &= ~(1 << register);
    }

    /** Keeps what another path agrees with; returns whether something was lost. */
    boolean meet(Constants other) {
      int before = known;
      for (int register = 0; register < REGISTERS; register++) {
        if (!other.knows(register) || other.values[register] != values[register]) {
          forget(register);
        }
      }
      return known != before;
    }
  }

  private final List<Insn> insns;
  private final BitSet reached = new BitSet();
  private final BitSet targets = new BitSet();
  private final Map<Integer, Constants> states = new HashMap<>();
  private final Deque<Integer> waiting = new ArrayDeque<>();

  private Reachability(List<Insn> insns) {
    this.insns = insns;
  }

  /**
   * Returns the slots of the instructions that can run.
   *
   * @param insns all jumps and calls within it
   */
  public static BitSet of(List<Insn> insns) {
    Reachability analysis = new Reachability(insns);
    for (int slot = 0; slot < insns.size(); slot++) {
      if (isJump(insns.get(slot))) {
        analysis.targets.set(insns.get(slot).target(slot));
      }
    }
    analysis.reach(0, new Constants());
    while (!analysis.waiting.isEmpty()) {
      analysis.block(analysis.waiting.remove());
    }
    return analysis.reached;
  }

  private static boolean isJump(Insn insn) {
    return insn.opcode().form().jumpsByOffset() || insn.opcode() == Opcode.GOTOL;
  }

  private void reach(int slot, Constants state) {
    Constants before = states.get(slot);
    if (before == null) {
      states.put(slot, new Constants(state));
      waiting.add(slot);
    } else if (before.meet(state)) {
      waiting.add(slot);
    }
  }

  /** Follows instructions to the end of the block that begins at a slot. */
  private void block(int start) {
    Constants state = new Constants(states.getOrDefault(start, new Constants()));
    int slot = start;
    while (slot < insns.size()) {
      Insn insn = insns.get(slot);
      reached.set(slot);
      int next = slot + insn.opcode().slots();
      switch (insn.opcode().form()) {
        case EXIT -> {
          return;
        }
        case JA, GOTOL -> {
          reach(insn.target(slot), state);
          return;
        }
        case MAY_GOTO -> {
          reach(insn.target(slot), state);
          reach(next, state);
          return;
        }
        case JUMP_K, JUMP_X -> {
          boolean decided = operandsKnown(insn, state);
          boolean taken = decided && (boolean) evaluate(insn, state);
          if (!decided || taken) {
            reach(insn.target(slot), state);
          }
          if (!taken) {
            reach(next, state);
          }
          return;
        }
        default -> step(slot, insn, state);
      }
      if (targets.get(next)) {
        reach(next, state);
        return;
      }
      slot = next;
    }
  }

  private void step(int slot, Insn insn, Constants state) {
    switch (insn.opcode().form()) {
      case ALU_K, ALU_X -> {
        boolean moves = insn.opcode().operation().startsWith("mov");
        if (moves ? sourceKnown(insn, state) : operandsKnown(insn, state)) {
          state.set(insn.dst(), (long) evaluate(insn, state));
        } else {
          state.forget(insn.dst());
        }
      }
      case LDDW -> {
        if (insn.opcode() == Opcode.LDDW) {
          state.set(insn.dst(), insn.imm());
        } else {
          state.forget(insn.dst());
        }
        if (insn.opcode() == Opcode.LDDW_FUNC) {
          reach(slot + 1 + insn.immLow(), new Constants());
        }
      }
      case ATOMIC_FETCH -> state.forget(insn.src());
      case CMPXCHG -> state.forget(0);
      case CALL, CALLX, LD_ABS, LD_IND -> {
        for (int register = 0; register <= 5; register++) {
          state.forget(register);
        }
        if (insn.opcode() == Opcode.CALL_LOCAL) {
          reach(insn.target(slot), new Constants());
        }
      }
      default -> {
        if (insn.opcode().form().writesDst()) {
          state.forget(insn.dst());
        }
      }
    }
  }

  private static boolean sourceKnown(Insn insn, Constants state) {
    return !insn.opcode().form().usesSrc() || state.knows(insn.src());
  }

  private static boolean operandsKnown(Insn insn, Constants state) {
    return state.knows(insn.dst()) && sourceKnown(insn, state);
  }

  private static Object evaluate(Insn insn, Constants state) {
    Method definition = DEFINITIONS.get(insn.opcode().semantics());
    if (definition == null) {
      throw new IllegalStateException("reachability: no definition of " + insn.opcode());
    }
    long source = insn.opcode().form().usesSrc() ? state.values[insn.src()] : insn.imm();
    Object[] operands = {state.values[insn.dst()], source};
    try {
      return definition.invoke(null, Arrays.copyOf(operands, definition.getParameterCount()));
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException("reachability: " + insn.opcode(), e);
    }
  }
}
