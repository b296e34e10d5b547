package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Value.Num;
import io.plumbline.conformance.symbolic.Value.Pointer;
import io.plumbline.conformance.symbolic.Value.Region;
import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.model.hook.Hook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Executes instructions over terms. What a hook gives to a program, and what is assumed of helpers,
 * is in {@link ContextTerms}.
 */
final class Executor {
  /** CPUs are numbered below 2^13: kernel {@code NR_CPUS} on the largest machines. */
  public static final int CPU_BITS = 13;

  /**
   * Begins the names of what nobody wrote: bytes of the stack, which the verifier lets the
   * privileged read, and registers on ways that the verifier knows are not gone.
   */
  static final String UNWRITTEN = "unwritten";

  /** Begins the names of what depends on where things are in memory. */
  static final String ADDRESS = "address";

  /** The longest frame at any hook. */
  private static final int MAX_LENGTH = 524_280;

  private static final int MAX_STEPS = 2_000_000;
  private static final int MAX_ERRNO = 4095;
  private static final int MAX_FRAMES = 8;
  private static final int MAX_TAIL_CALLS = 33;
  private static final int ENOENT = -2;
  private static final int ENOMEM = -12;
  private static final int EFAULT = -14;
  private static final long LOW = 0xFFFF_FFFFL;

  /**
   * A way on, and when it is gone.
   *
   * @param failure whether it is gone only if something fails, which most often nothing does
   */
  record Branch(Term condition, State state, boolean failure) {
    Branch(Term condition, State state) {
      this(condition, state, false);
    }
  }

  /** Where tail calls go. */
  interface TailCalls {
    /** Returns whether programs are known; if not, a tail call both ends the path and fails. */
    boolean known();

    /** Returns the program in a slot, or null if it is empty. */
    @Nullable Code at(long index);
  }

  /** Programs are not known: each tail call may find one or not. */
  static final TailCalls OPEN =
      new TailCalls() {
        @Override
        public boolean known() {
          return false;
        }

        @Override
        public @Nullable Code at(long index) {
          return null;
        }
      };

  /** Returns tail calls to known programs, by slot. */
  static TailCalls chain(List<Code> programs) {
    return new TailCalls() {
      @Override
      public boolean known() {
        return true;
      }

      @Override
      public @Nullable Code at(long index) {
        return index >= 0 && index < programs.size() ? programs.get((int) index) : null;
      }
    };
  }

  private final Terms terms;
  private final Semantics semantics;
  private final TailCalls tailCalls;
  private final Map<Integer, Term> functions = new HashMap<>();
  private final Term length;
  private final Map<Hook, ContextTerms> contexts = new HashMap<>();
  private final Term zero;

  Executor(Terms terms, TailCalls tailCalls) {
    this.terms = terms;
    this.tailCalls = tailCalls;
    semantics = new Semantics(terms);
    length = ContextTerms.length(terms);
    zero = terms.constant(0);
  }

  /**
   * Lets a function of the program be any function that changes nothing the program can see.
   *
   * @param slot where it starts
   * @param r0 what it returns
   */
  Executor withFunction(int slot, Term r0) {
    functions.put(slot, r0);
    return this;
  }

  /** Returns a program that is about to begin. */
  State start(Code code) {
    ContextTerms context = context(code);
    State state = new State(code, context.readable(), Value.pointer(new Region.Context(), zero));
    context.conditions().forEach(state::assume);
    return state;
  }

  private ContextTerms context(Code code) {
    return contexts.computeIfAbsent(code.hook(), hook -> ContextTerms.of(hook, terms));
  }

  /**
   * Executes up to where the program may go several ways, or ends.
   *
   * @return the ways on; none if {@code state.end} says how it ended
   * @throws SymbolicException if an instruction is not one that terms are made for
   */
  List<Branch> advance(State state) throws SymbolicException {
    return advance(state, any -> false);
  }

  /** Does the same, and stops also where a condition holds. */
  List<Branch> advance(State state, Predicate<State> stop) throws SymbolicException {
    while (true) {
      if (++state.steps > MAX_STEPS) {
        throw error(state, "more than %d instructions on one path".formatted(MAX_STEPS));
      }
      if (state.slot < 0 || state.slot >= state.code.insns().size()) {
        throw new SymbolicException(
            "program %s: slot %d: there is none".formatted(state.code.name(), state.slot));
      }
      Insn insn = state.code.insns().get(state.slot);
      if (state.code.lines().containsKey(state.slot)) {
        state.last = new State.Step(state.last, state.code, state.slot);
      }
      List<Branch> ways;
      try {
        ways = possible(step(state, insn));
      } catch (NoAddressException e) {
        state.end = new End.Fault("insn %d (%s): %s".formatted(state.slot, insn, e.getMessage()));
        return List.of();
      }
      if (ways.size() == 1 && ways.get(0).condition().isTrue() && ways.get(0).state() == state) {
        ways = List.of();
      }
      if (!ways.isEmpty() || state.end != null) {
        return ways;
      }
      if (stop.test(state)) {
        return List.of(new Branch(terms.truth(true), state));
      }
    }
  }

  /** Leaves out the ways that what is known already rules out. */
  private List<Branch> possible(List<Branch> ways) {
    if (ways.isEmpty()) {
      return ways;
    }
    List<Branch> left = new ArrayList<>();
    for (Branch way : ways) {
      Boolean known = way.state().facts.holds(way.condition());
      if (known != null && known) {
        return List.of(new Branch(terms.truth(true), way.state()));
      }
      if (known == null) {
        left.add(way);
      }
    }
    return left.isEmpty() ? List.of(new Branch(terms.truth(false), ways.get(0).state())) : left;
  }

  private SymbolicException error(State state, String what) {
    Insn insn = state.code.insns().get(state.slot);
    return new SymbolicException(
        "program %s: insn %d (%s): %s".formatted(state.code.name(), state.slot, insn, what));
  }

  private List<Branch> step(State state, Insn insn) throws SymbolicException {
    Opcode opcode = insn.opcode();
    switch (opcode.form()) {
      case ALU_K, ALU_X -> {
        boolean move = opcode.operation().startsWith("mov");
        Value a = move ? Value.of(zero) : read(state, insn.dst(), opcode);
        Value b =
            opcode.form() == Opcode.Form.ALU_X
                ? read(state, insn.src(), opcode)
                : Value.of(terms.constant(insn.imm()));
        return next(state, insn, compute(state, opcode, a, b));
      }
      case ALU_UNARY, ENDIAN -> {
        Term a = number(state, insn.dst());
        return next(
            state, insn, Value.of(semantics.compute(opcode.operation(), opcode.width(), a, zero)));
      }
      case LDDW -> {
        Value value = constant(state, insn);
        state.registers[insn.dst()] = value;
        state.slot += 2;
        return List.of();
      }
      case JUMP_K -> {
        return jump(state, insn, Value.of(terms.constant(insn.imm())));
      }
      case JUMP_X -> {
        return jump(state, insn, register(state, insn.src()));
      }
      case JA, GOTOL -> {
        state.slot = insn.target(state.slot);
        return List.of();
      }
      case LOAD -> {
        return load(state, insn);
      }
      case STORE_K -> {
        store(state, insn, Value.of(terms.constant(insn.imm())));
        return List.of();
      }
      case STORE_X -> {
        store(state, insn, register(state, insn.src()));
        return List.of();
      }
      case CALL -> {
        return call(state, insn);
      }
      case EXIT -> {
        return leave(state);
      }
      default -> throw error(state, "not handled");
    }
  }

  private List<Branch> next(State state, Insn insn, Value value) {
    state.registers[insn.dst()] = value;
    state.slot++;
    return List.of();
  }

  private Value register(State state, int register) {
    if (register == Insn.FRAME_POINTER) {
      return Value.pointer(
          new Region.Stack(state.stacks.size() - 1), terms.constant(State.STACK_BYTES));
    }
    Value value = state.registers[register];
    if (value == null) {
      value = Value.of(terms.fresh(UNWRITTEN, 64));
      state.registers[register] = value;
    }
    return value;
  }

  /** Reads an operand; 32-bit operations take the low half. */
  private Value read(State state, int register, Opcode opcode) throws SymbolicException {
    Value value = register(state, register);
    return opcode.width() == 32 && value instanceof Pointer pointer
        ? new Pointer(pointer.region(), pointer.offset(), true)
        : value;
  }

  private Term number(State state, int register) throws SymbolicException {
    if (register(state, register) instanceof Num number) {
      return number.term();
    }
    throw error(state, "r%d holds an address".formatted(register));
  }

  private Value compute(State state, Opcode opcode, Value a, Value b) throws SymbolicException {
    String name = opcode.operation();
    if (a instanceof Num left && b instanceof Num right) {
      return Value.of(semantics.compute(name, opcode.width(), left.term(), right.term()));
    }
    if (name.equals("mov")) {
      return b;
    }
    boolean wide = opcode.width() == 64;
    if (wide && a instanceof Pointer pointer && !pointer.low() && b instanceof Num by) {
      if (name.equals("add")) {
        return Value.pointer(pointer.region(), terms.add(pointer.offset(), by.term()));
      } else if (name.equals("sub")) {
        return Value.pointer(pointer.region(), terms.sub(pointer.offset(), by.term()));
      }
    }
    if (wide
        && name.equals("add")
        && a instanceof Num by
        && b instanceof Pointer pointer
        && !pointer.low()) {
      return Value.pointer(pointer.region(), terms.add(pointer.offset(), by.term()));
    }
    if (name.equals("sub")
        && a instanceof Pointer to
        && b instanceof Pointer from
        && to.region().equals(from.region())) {
      Term distance = terms.sub(to.offset(), from.offset());
      return Value.of(wide ? distance : terms.and(distance, terms.constant(LOW)));
    }
    throw error(state, "arithmetic with an address");
  }

  private Value constant(State state, Insn insn) throws SymbolicException {
    return switch (insn.opcode()) {
      case LDDW -> Value.of(terms.constant(insn.imm()));
      case LDDW_MAP_INDEX -> {
        SymbolicMap map = state.code.maps().get(insn.immLow());
        if (map == null) {
          throw error(state, "map %d: its contents are not known".formatted(insn.immLow()));
        }
        yield Value.pointer(new Region.Map(map), zero);
      }
      case LDDW_MAP_INDEX_VALUE ->
          Value.pointer(new Region.Variables(insn.immLow()), terms.constant(insn.immHigh() & LOW));
      case LDDW_FUNC -> Value.pointer(new Region.Function(state.slot + 1 + insn.immLow()), zero);
      default -> throw error(state, "not handled");
    };
  }

  private List<Branch> jump(State state, Insn insn, Value b) throws SymbolicException {
    Opcode opcode = insn.opcode();
    Value a = register(state, insn.dst());
    Term holds;
    if (a instanceof Num left && b instanceof Num right) {
      holds = semantics.holds(opcode.operation(), opcode.width(), left.term(), right.term());
    } else if (a instanceof Pointer left
        && b instanceof Pointer right
        && !left.low()
        && !right.low()
        && left.region().equals(right.region())) {
      holds = semantics.holds(opcode.operation(), 64, left.offset(), right.offset());
    } else if (a instanceof Pointer pointer
        && opcode.width() == 64
        && b instanceof Num number
        && number.term().isConst()
        && (number.term() == zero || !pointer.low() && nowhere(number.term().value()))) {
      // Lookups that find nothing give the number 0; nothing is near either end of memory.
      holds =
          switch (opcode.operation()) {
            case "eq" -> terms.truth(false);
            case "ne" -> terms.truth(true);
            case "le" -> whether(number.term() == zero, false);
            case "gt" -> whether(number.term() == zero, true);
            default -> whether(false, false);
          };
    } else {
      holds = whether(false, false);
    }
    int target = insn.target(state.slot);
    int from = state.slot;
    holds = state.facts.simplify(terms, holds);
    if (holds.op() == Term.Op.TRUTH) {
      state.take(from, holds.isTrue());
      state.slot = holds.isTrue() ? target : from + 1;
      return List.of();
    }
    State other = new State(state);
    learnLength(state, terms.not(holds));
    learnLength(other, holds);
    other.take(from, true);
    other.slot = target;
    state.take(from, false);
    state.slot = from + 1;
    return List.of(new Branch(terms.not(holds), state), new Branch(holds, other));
  }

  /** Notes how long the frame is at least: what can be read directly is a part of it. */
  private void learnLength(State state, Term condition) {
    Term less = terms.not(condition);
    // Where all of it can be read the condition says so itself, once it is assumed.
    if (state.linear != length
        && less.op() == Term.Op.ULT
        && less.part(0) == state.linear
        && less.part(1).isConst()) {
      state.facts.learn(terms.ule(less.part(1), length));
    }
  }

  /** Returns whether no address is a number (kernel {@code include/linux/err.h}, MAX_ERRNO). */
  private static boolean nowhere(long number) {
    return -MAX_ERRNO <= number && number <= MAX_ERRNO;
  }

  /** Returns a truth if it is known; if not, it depends on where things are. */
  private Term whether(boolean known, boolean truth) {
    return known ? terms.truth(truth) : terms.eq(terms.fresh(ADDRESS, 1), terms.constant(1));
  }

  // Memory.

  private Pointer address(State state, int register, int offset) throws SymbolicException {
    if (register(state, register) instanceof Pointer pointer && !pointer.low()) {
      return new Pointer(
          pointer.region(), terms.add(pointer.offset(), terms.constant(offset)), false);
    }
    throw new NoAddressException("r%d holds no address".formatted(register));
  }

  /** The program uses a number as an address; what reads nothing outside the frame never does. */
  private static final class NoAddressException extends SymbolicException {
    private static final long serialVersionUID = 1;

    NoAddressException(String message) {
      super(message);
    }
  }

  private int fixed(State state, Term offset) throws SymbolicException {
    if (!offset.isConst()) {
      throw error(state, "address %s: not a fixed one".formatted(offset));
    }
    return (int) offset.value();
  }

  private List<Branch> load(State state, Insn insn) throws SymbolicException {
    Pointer at = address(state, insn.src(), insn.off());
    int size = insn.opcode().bytes();
    Term inside = terms.truth(true);
    Value value;
    if (at.region() instanceof Region.Packet) {
      Term end = terms.add(at.offset(), terms.constant(size));
      // An offset below zero is a huge one.
      inside =
          terms.both(
              terms.ule(at.offset(), terms.constant(MAX_LENGTH)), terms.ule(end, state.linear));
      value = Value.of(littleEndian(at.offset(), size));
    } else {
      value = load(state, at, size);
    }
    if (insn.opcode().signExtends()) {
      if (!(value instanceof Num number)) {
        throw error(state, "an address is loaded with its sign");
      }
      value = Value.of(terms.signExtend(number.term(), 8 * size));
    }
    if (inside.isTrue()) {
      return next(state, insn, value);
    }
    State wrong = new State(state);
    wrong.end =
        new End.Fault(
            "insn %d (%s): %d bytes at %s of the frame"
                .formatted(state.slot, insn, size, at.offset()));
    next(state, insn, value);
    return List.of(new Branch(inside, state), new Branch(terms.not(inside), wrong, true));
  }

  private Term littleEndian(Term offset, int size) {
    Term all = zero;
    for (int i = 0; i < size; i++) {
      Term one = terms.frameByte(terms.add(offset, terms.constant(i)));
      all = terms.or(all, terms.shl(one, terms.constant(8L * i)));
    }
    return all;
  }

  private Value load(State state, Pointer at, int size) throws SymbolicException {
    int offset = fixed(state, at.offset());
    if (at.region() instanceof Region.Context) {
      return contextField(state, offset, size);
    } else if (at.region() instanceof Region.Stack stack) {
      return loadStack(state, stack.frame(), offset, size);
    } else if (at.region() instanceof Region.Variables variables) {
      return Value.of(state.code.variables().load(variables.map(), offset, size));
    } else if (at.region() instanceof Region.Entry entry) {
      for (int i = state.writes.size() - 1; i >= 0; i--) {
        Path.Write write = state.writes.get(i);
        if (write.entry().equals(entry.entry())
            && write.offset() < offset + size
            && offset < write.offset() + write.size()) {
          if (write.offset() == offset && write.size() == size) {
            return write.value();
          }
          throw error(state, "part of what was written to a map");
        }
      }
      return entry.entry().load(offset, size);
    }
    throw error(state, "load from " + at.region());
  }

  private Value contextField(State state, int offset, int size) throws SymbolicException {
    ContextTerms context = context(state.code);
    ContextType type = context.type();
    Optional<String> illegal = type.illegal(offset, size, false);
    if (illegal.isPresent()) {
      throw error(state, illegal.get());
    }
    ContextType.Field field = type.fields().get(type.slotAt(offset));
    Value whole =
        switch (field.name()) {
          case "data", "data_meta" -> Value.pointer(new Region.Packet(), context.hidden());
          case "data_end" -> Value.pointer(new Region.Packet(), state.linear);
          default -> Value.of(context.field(field));
        };
    if (size == field.size() || !(whole instanceof Num number)) {
      return whole;
    }
    Term shifted = terms.lshr(number.term(), terms.constant(type.shiftAt(offset)));
    return Value.of(terms.and(shifted, terms.constant(-1L >>> (64 - 8 * size))));
  }

  private Value loadStack(State state, int frame, int offset, int size) throws SymbolicException {
    State.Stack stack = state.stacks.get(frame);
    if (offset < 0 || offset + size > State.STACK_BYTES) {
      throw error(state, "%d bytes at %d of the stack".formatted(size, offset));
    }
    Value first = stack.values[offset];
    boolean whole = stack.positions[offset] == 0 && stack.widths[offset] == size;
    for (int i = 0; i < size; i++) {
      Value value = stack.values[offset + i];
      if (value == null) {
        value = Value.of(terms.fresh(UNWRITTEN, 8));
        stack.values[offset + i] = value;
        stack.positions[offset + i] = 0;
        stack.widths[offset + i] = 1;
      }
      whole = whole && value.equals(first) && stack.positions[offset + i] == i;
    }
    if (whole && first != null) {
      return first;
    }
    Term all = zero;
    for (int i = 0; i < size; i++) {
      all = terms.or(all, terms.shl(stackByte(state, frame, offset + i), terms.constant(8L * i)));
    }
    return Value.of(all);
  }

  private Term stackByte(State state, int frame, int offset) throws SymbolicException {
    State.Stack stack = state.stacks.get(frame);
    if (!(stack.values[offset] instanceof Num number)) {
      throw error(state, "byte %d of the stack is part of an address".formatted(offset));
    }
    Term shifted = terms.lshr(number.term(), terms.constant(8L * stack.positions[offset]));
    return terms.and(shifted, terms.constant(0xFF));
  }

  private void store(State state, Insn insn, Value value) throws SymbolicException {
    Pointer at = address(state, insn.dst(), insn.off());
    int size = insn.opcode().bytes();
    int offset = fixed(state, at.offset());
    Value stored = value;
    if (value instanceof Num number && size < 8) {
      stored = Value.of(terms.and(number.term(), terms.constant(-1L >>> (64 - 8 * size))));
    } else if (value instanceof Pointer && size != 8) {
      throw error(state, "part of an address");
    }
    if (at.region() instanceof Region.Stack stack) {
      put(state, stack.frame(), offset, size, stored);
    } else if (at.region() instanceof Region.Entry entry) {
      write(state, new Path.Write(entry.entry(), offset, size, stored));
    } else {
      throw error(state, "store to " + at.region());
    }
    state.slot++;
  }

  private static void write(State state, Path.Write write) {
    List<Path.Write> writes = new ArrayList<>(state.writes);
    writes.add(write);
    state.writes = List.copyOf(writes);
  }

  private void put(State state, int frame, int offset, int size, Value value)
      throws SymbolicException {
    if (offset < 0 || offset + size > State.STACK_BYTES) {
      throw error(state, "%d bytes at %d of the stack".formatted(size, offset));
    }
    State.Stack stack = state.stacks.get(frame);
    for (int i = 0; i < size; i++) {
      stack.values[offset + i] = value;
      stack.positions[offset + i] = (byte) i;
      stack.widths[offset + i] = (byte) size;
    }
  }

  // Calls.

  private List<Branch> leave(State state) throws SymbolicException {
    Value r0 = register(state, 0);
    if (state.callers.isEmpty()) {
      if (!(r0 instanceof Num number)) {
        throw error(state, "r0 holds an address");
      }
      if (state.reserved != null && !state.submitted) {
        throw error(state, "a reserved record is not submitted");
      }
      state.end = new End.Returned(number.term());
      return List.of();
    }
    State.Caller caller = state.callers.pop();
    state.stacks.remove(state.stacks.size() - 1);
    @Nullable Value[] registers = new Value[11];
    System.arraycopy(caller.saved(), 6, registers, 6, 4);
    registers[0] = r0;
    state.registers = registers;
    state.slot = caller.returnSlot();
    if (caller.loop().isEmpty()) {
      return List.of();
    }
    State.Loop loop = caller.loop().get();
    if (!(r0 instanceof Num number)) {
      throw error(state, "the function of bpf_loop returned an address");
    }
    Term goesOn = terms.eq(number.term(), zero);
    long done = loop.index() + 1;
    if (goesOn.isFalse() || done == loop.turns()) {
      registers[0] = Value.of(terms.constant(done));
      return List.of();
    }
    if (goesOn.isTrue()) {
      turn(state, loop, done);
      return List.of();
    }
    State stopped = new State(state);
    stopped.registers[0] = Value.of(terms.constant(done));
    turn(state, loop, done);
    return List.of(new Branch(goesOn, state), new Branch(terms.not(goesOn), stopped));
  }

  private void turn(State state, State.Loop loop, long index) throws SymbolicException {
    State.Loop now = new State.Loop(loop.slot(), index, loop.turns(), loop.context());
    enter(state, loop.slot(), state.slot, Optional.of(now));
    state.registers[1] = Value.of(terms.constant(index));
    state.registers[2] = loop.context();
  }

  private void enter(State state, int slot, int returnSlot, Optional<State.Loop> loop)
      throws SymbolicException {
    if (state.stacks.size() == MAX_FRAMES) {
      throw error(state, "more than %d functions deep".formatted(MAX_FRAMES));
    }
    state.callers.push(new State.Caller(returnSlot, state.registers, loop));
    @Nullable Value[] registers = new Value[11];
    System.arraycopy(state.registers, 1, registers, 1, 5);
    state.registers = registers;
    state.stacks.add(new State.Stack());
    state.slot = slot;
  }

  private List<Branch> call(State state, Insn insn) throws SymbolicException {
    switch (insn.opcode()) {
      case CALL_LOCAL -> {
        Term any = functions.get(insn.target(state.slot));
        if (any != null) {
          result(state, any);
        } else {
          enter(state, insn.target(state.slot), state.slot + 1, Optional.empty());
        }
        return List.of();
      }
      case CALL_HELPER -> {
        String name = Helper.name(insn.immLow());
        return switch (name) {
          case "map_lookup_elem" -> lookup(state);
          case "skb_pull_data" -> pull(state);
          case "skb_load_bytes" -> loadBytes(state);
          case "tail_call" -> tailCall(state);
          case "loop" -> loop(state);
          case "get_smp_processor_id" -> {
            result(state, terms.variable("cpu", CPU_BITS));
            yield List.of();
          }
          case "ktime_get_ns" -> {
            if (state.clockRead) {
              throw error(state, "reads the clock a second time");
            }
            state.clockRead = true;
            result(state, terms.variable("now", 64));
            yield List.of();
          }
          case "ringbuf_reserve" -> reserve(state);
          case "ringbuf_submit" -> submit(state);
          default -> throw error(state, "helper %s: not handled".formatted(name));
        };
      }
      default -> throw error(state, "not handled");
    }
  }

  /** Ends a call of a helper: r1 to r5 are lost. */
  private void result(State state, Value r0) {
    for (int register = 1; register <= 5; register++) {
      state.registers[register] = null;
    }
    state.registers[0] = r0;
    state.slot++;
  }

  private void result(State state, Term r0) {
    result(state, Value.of(r0));
  }

  /** Returns whether the next instruction looks something up that may be one of many. */
  static boolean forks(State state) {
    Insn insn = state.code.insns().get(state.slot);
    return insn.opcode() == Opcode.CALL_HELPER
        && Helper.name(insn.immLow()).equals("map_lookup_elem")
        && state.registers[1] instanceof Pointer map
        && map.region() instanceof Region.Map named
        && named.map().forks();
  }

  private List<Branch> lookup(State state) throws SymbolicException {
    if (!(register(state, 1) instanceof Pointer map && map.region() instanceof Region.Map named)) {
      throw error(state, "r1 holds no map");
    }
    Pointer key = address(state, 2, 0);
    if (!(key.region() instanceof Region.Stack stack)) {
      throw error(state, "the key is not on the stack");
    }
    int offset = fixed(state, key.offset());
    List<Term> bytes = new ArrayList<>();
    for (int i = 0; i < named.map().keySize(); i++) {
      if (!(loadStack(state, stack.frame(), offset + i, 1) instanceof Num number)) {
        throw error(state, "byte %d of the key is part of an address".formatted(i));
      }
      Long known = state.facts.number(number.term());
      bytes.add(known == null ? number.term() : terms.constant(known));
    }
    List<SymbolicMap.Found> all = named.map().lookup(bytes);
    List<Branch> ways = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      State way = i == all.size() - 1 ? state : new State(state);
      result(way, all.get(i).value().orElse(Value.of(zero)));
      ways.add(new Branch(all.get(i).condition(), way));
    }
    return ways.size() == 1 && ways.get(0).condition().isTrue() ? List.of() : ways;
  }

  /** Returns where the frame has what the program counts from the first byte that it sees. */
  private Term inFrame(State state, Term offset) {
    return terms.add(offset, context(state.code).hidden());
  }

  private List<Branch> pull(State state) throws SymbolicException {
    Term wanted = inFrame(state, terms.and(number(state, 2), terms.constant(LOW)));
    Term possible = terms.ule(wanted, length);
    State refused = new State(state);
    result(refused, terms.constant(ENOMEM));
    Term before = state.linear;
    state.linear = ContextTerms.linearAfterwards(terms);
    result(state, zero);
    Term enough =
        terms.all(
            List.of(
                possible,
                terms.ule(wanted, state.linear),
                terms.ule(before, state.linear),
                terms.ule(state.linear, length)));
    return List.of(new Branch(enough, state), new Branch(terms.not(possible), refused, true));
  }

  private List<Branch> reserve(State state) throws SymbolicException {
    if (!(register(state, 1) instanceof Pointer map && map.region() instanceof Region.Map named)) {
      throw error(state, "r1 holds no map");
    }
    if (state.reserved != null) {
      throw error(state, "reserves a second record");
    }
    SymbolicMap.Reserved record =
        new SymbolicMap.Reserved(named.map().toString(), fixed(state, number(state, 2)));
    State full = new State(state);
    result(full, zero);
    state.reserved = record;
    result(state, Value.pointer(new Region.Entry(record), zero));
    Term room = terms.eq(terms.variable("room", 1), terms.constant(1));
    return List.of(new Branch(room, state), new Branch(terms.not(room), full));
  }

  private List<Branch> submit(State state) throws SymbolicException {
    Pointer record = address(state, 1, 0);
    if (!(record.region() instanceof Region.Entry entry)
        || !entry.entry().equals(state.reserved)
        || state.submitted) {
      throw error(state, "r1 holds no reserved record");
    }
    state.submitted = true;
    result(state, zero);
    return List.of();
  }

  private List<Branch> loadBytes(State state) throws SymbolicException {
    Term offset = inFrame(state, terms.and(number(state, 2), terms.constant(LOW)));
    Pointer to = address(state, 3, 0);
    if (to.region() instanceof Region.Entry entry
        && entry.entry() instanceof SymbolicMap.Reserved record) {
      return loadBytes(state, offset, record, fixed(state, to.offset()));
    }
    int size = fixed(state, number(state, 4));
    if (!(to.region() instanceof Region.Stack stack)) {
      throw error(state, "skb_load_bytes to " + to.region());
    }
    int at = fixed(state, to.offset());
    Term inside = terms.ule(terms.add(offset, terms.constant(size)), length);
    State outside = new State(state);
    for (int i = 0; i < size; i++) {
      put(outside, stack.frame(), at + i, 1, Value.of(zero));
      Term one = terms.frameByte(terms.add(offset, terms.constant(i)));
      put(state, stack.frame(), at + i, 1, Value.of(one));
    }
    result(outside, terms.constant(EFAULT));
    result(state, zero);
    return List.of(new Branch(inside, state), new Branch(terms.not(inside), outside, true));
  }

  /** Loads as many bytes as a term says. */
  private List<Branch> loadBytes(State state, Term offset, SymbolicMap.Reserved record, int at)
      throws SymbolicException {
    Term size = terms.and(number(state, 4), terms.constant(LOW));
    int most = record.size() - at;
    Term fits =
        terms.both(terms.ule(terms.constant(1), size), terms.ule(size, terms.constant(most)));
    Term inside = terms.ule(terms.add(offset, size), length);
    State outside = new State(state);
    State wrong = new State(state);
    wrong.end = new End.Fault("skb_load_bytes of %s bytes into %d".formatted(size, most));
    for (int i = 0; i < most; i++) {
      // Behind the last one stands what was there before.
      Term written = terms.ult(terms.constant(i), size);
      Term before = terms.fresh(UNWRITTEN, 8);
      Term one = terms.frameByte(terms.add(offset, terms.constant(i)));
      int place = at + i;
      write(state, new Path.Write(record, place, 1, Value.of(terms.choice(written, one, before))));
      write(
          outside, new Path.Write(record, place, 1, Value.of(terms.choice(written, zero, before))));
    }
    result(outside, terms.constant(EFAULT));
    result(state, zero);
    return List.of(
        new Branch(terms.both(fits, inside), state),
        new Branch(terms.both(fits, terms.not(inside)), outside, true),
        new Branch(terms.not(fits), wrong, true));
  }

  private List<Branch> tailCall(State state) throws SymbolicException {
    Term index = terms.and(number(state, 3), terms.constant(LOW));
    if (!(register(state, 2) instanceof Pointer map && map.region() instanceof Region.Map)) {
      throw error(state, "r2 holds no map");
    }
    Value context = register(state, 1);
    state.tail = Optional.of(new Path.Tail(index));
    if (tailCalls.known()) {
      Code program = tailCalls.at(fixed(state, index));
      if (program == null || state.tailCalls == MAX_TAIL_CALLS) {
        result(state, terms.constant(ENOENT));
      } else {
        state.tailCalls++;
        state.enter(program, context);
      }
      return List.of();
    }
    State empty = new State(state);
    result(empty, terms.constant(ENOENT));
    // Whether a slot has a program does not change while a frame is judged.
    Term found = terms.eq(terms.variable("found@" + index.id(), 1), terms.constant(1));
    state.end = new End.TailCalled(index);
    return List.of(new Branch(found, state), new Branch(terms.not(found), empty));
  }

  private List<Branch> loop(State state) throws SymbolicException {
    long turns = fixed(state, terms.and(number(state, 1), terms.constant(LOW)));
    if (!(register(state, 2) instanceof Pointer function
        && function.region() instanceof Region.Function called)) {
      throw error(state, "r2 holds no function");
    }
    Value context = register(state, 3);
    if (turns == 0) {
      result(state, zero);
      return List.of();
    }
    state.slot++;
    turn(state, new State.Loop(called.slot(), 0, turns, context), 0);
    return List.of();
  }
}
