package io.plumbline.conformance.symbolic;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A program that has been executed up to some instruction, under conditions. */
final class State {
  static final int STACK_BYTES = 512;

  /** The stack of one function: what was stored, and which byte of it is where. */
  static final class Stack {
    final @Nullable Value[] values = new Value[STACK_BYTES];
    final byte[] positions = new byte[STACK_BYTES];
    final byte[] widths = new byte[STACK_BYTES];

    Stack copy() {
      Stack copy = new Stack();
      System.arraycopy(values, 0, copy.values, 0, STACK_BYTES);
      System.arraycopy(positions, 0, copy.positions, 0, STACK_BYTES);
      System.arraycopy(widths, 0, copy.widths, 0, STACK_BYTES);
      return copy;
    }
  }

  /** Turns of a bpf_loop; the function is called again until it has had its turns. */
  record Loop(int slot, long index, long turns, Value context) {}

  /** Where a called function goes back to. */
  record Caller(int returnSlot, @Nullable Value[] saved, Optional<Loop> loop) {}

  /** A source line that was executed. */
  record Step(@Nullable Step before, Code code, int slot) {}

  Code code;
  int slot;
  @Nullable Value[] registers = new Value[11];
  final List<Stack> stacks = new ArrayList<>();
  final Deque<Caller> callers = new ArrayDeque<>();
  final List<Term> conditions = new ArrayList<>();
  final Facts facts;
  Term linear;
  @Nullable Step last;
  List<Path.Write> writes = List.of();
  Optional<Path.Tail> tail = Optional.empty();
  final Map<String, BitSet> taken = new HashMap<>();
  long steps;

  /** How often the loop that it is in has begun anew. */
  int turn;

  /** Whether it has left a loop and is not to meet others any more. */
  boolean left;

  int tailCalls;
  boolean clockRead;
  SymbolicMap.@Nullable Reserved reserved;
  boolean submitted;
  Path.@Nullable End end;
  @Nullable Assignment witness;

  State(Code code, Term linear, Value context) {
    this.code = code;
    this.linear = linear;
    facts = new Facts();
    enter(code, context);
  }

  /** Begins a program, as a tail call does: nothing but the context is kept. */
  final void enter(Code program, Value context) {
    code = program;
    slot = 0;
    registers = new Value[11];
    registers[1] = context;
    stacks.clear();
    callers.clear();
    stacks.add(new Stack());
  }

  State(State other) {
    code = other.code;
    slot = other.slot;
    registers = other.registers.clone();
    other.stacks.forEach(stack -> stacks.add(stack.copy()));
    callers.addAll(other.callers);
    conditions.addAll(other.conditions);
    facts = new Facts(other.facts);
    linear = other.linear;
    last = other.last;
    writes = other.writes;
    tail = other.tail;
    other.taken.forEach((name, ways) -> taken.put(name, (BitSet) ways.clone()));
    steps = other.steps;
    turn = other.turn;
    left = other.left;
    tailCalls = other.tailCalls;
    clockRead = other.clockRead;
    reserved = other.reserved;
    submitted = other.submitted;
    witness = other.witness;
  }

  /** Adds a condition. */
  void assume(Term condition) {
    if (!condition.isTrue()) {
      conditions.add(condition);
      facts.learn(condition);
    }
  }

  void take(int from, boolean jumped) {
    taken.computeIfAbsent(code.name(), name -> new BitSet()).set(2 * from + (jumped ? 1 : 0));
  }
}
