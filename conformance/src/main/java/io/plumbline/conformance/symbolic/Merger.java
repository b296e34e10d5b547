package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Value.Num;
import io.plumbline.conformance.symbolic.Value.Pointer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Goes every way through a program at once: where ways meet again they become one, in which a
 * register is one number or another. So there are few ends, however many paths there are. Ways that
 * no frame goes are not told apart from others before the end.
 */
public final class Merger {
  private static final int MOST_STATES = 20_000;
  private static final int MOST_PATHS = 1_000_000;

  private final Terms terms;
  private final Solver solver;
  private final Executor executor;
  private final Map<Code, Layout> layouts = new HashMap<>();
  private final Map<Code, Liveness> liveness = new HashMap<>();
  private final List<State> waiting = new ArrayList<>();
  private final List<State> forking = new ArrayList<>();
  private final List<Term> hints = new ArrayList<>();

  /** What has shown hints to be wrong. */
  private final List<Assignment> samples = new ArrayList<>();

  private Goal goal = state -> {};
  private int states;
  private int mostStates = MOST_STATES;
  private boolean byRows;
  private List<Term> facts = List.of();

  Merger(Terms terms, Solver solver, Executor.TailCalls tailCalls) {
    this.terms = terms;
    this.solver = solver;
    executor = new Executor(terms, tailCalls);
  }

  /** Makes one for programs whose tail calls may find a program or none. */
  public static Merger open(Terms terms, Solver solver) {
    return new Merger(terms, solver, Executor.OPEN);
  }

  /** Makes one for programs whose tail calls go to known programs, by slot. */
  public static Merger chain(Terms terms, Solver solver, List<Code> programs) {
    return new Merger(terms, solver, Executor.chain(programs));
  }

  /**
   * Goes every way.
   *
   * @param assumed what is known of the input
   * @param found is given each end with the conditions under which it is reached
   * @throws SymbolicException if an instruction is not handled
   */
  public void run(Code code, List<Term> assumed, Explorer.Visitor found) throws SymbolicException {
    State first = executor.start(code);
    assumed.forEach(first::assume);
    waiting.add(first);
    List<State> ended = new ArrayList<>();
    while (!waiting.isEmpty()) {
      State state = next();
      if (state == null) {
        continue;
      }
      if (++states > mostStates) {
        throw new SymbolicException(
            "program %s: more than %d ways".formatted(code.name(), mostStates));
      }
      advance(state, ended);
    }
    for (State state : ended) {
      found.visit(Explorer.path(state));
    }
  }

  /** Says whether conditions can hold together. */
  public interface Question {
    boolean possible(List<Term> conditions) throws SymbolicException;
  }

  /**
   * Finds out which ways out of conditional jumps can be taken.
   *
   * @param question is asked for each way that is not known to be taken yet
   * @return those that can: twice the slot, one more where the jump is taken
   */
  public BitSet reach(Code code, List<Term> assumed, Question question) throws SymbolicException {
    BitSet reached = new BitSet();
    goal =
        state -> {
          BitSet fresh = new BitSet();
          fresh.or(state.taken.getOrDefault(code.name(), new BitSet()));
          fresh.andNot(reached);
          if (!fresh.isEmpty() && question.possible(state.conditions)) {
            reached.or(fresh);
          }
        };
    run(code, assumed, path -> {});
    for (State state : forking) {
      if (solver.check(state.conditions).isPresent()) {
        new Explorer(solver, executor, MOST_PATHS).reaching(goal).continueFrom(state, path -> {});
      }
    }
    return reached;
  }

  /** Is shown states; what a state has taken since it was shown last is all on one way. */
  interface Goal {
    void show(State state) throws SymbolicException;
  }

  /** Is given ways behind the first lookup that may find one of many entries. */
  public interface ForkVisitor {
    /**
     * Looks at one.
     *
     * @param local knows the conditions behind that lookup, and of those before only what the cut
     *     says; what it refutes is refuted, but what it finds is to be looked for again
     * @param behind the conditions that it knows
     */
    void visit(Path path, Solver local, List<Term> behind) throws SymbolicException;
  }

  /**
   * What is kept where ways begin to fork.
   *
   * @param opaque terms of which nothing is kept
   * @param shown what is shown to hold there, and not kept
   * @param kept what is shown to hold there, and kept
   * @param apart conditions that distinguish paths: each is kept for the paths that have it
   */
  public record Cut(Set<Term> opaque, List<Term> shown, List<Term> kept, Set<Term> apart) {
    private List<Term> kept(State state) {
      List<Term> all = new ArrayList<>(kept);
      state.conditions.stream().filter(apart::contains).forEach(all::add);
      return all;
    }
  }

  /**
   * Goes the ways that {@link #run} has left: those that look up one of many entries.
   *
   * @throws SymbolicException if an instruction is not handled, or the cut's invariants do not hold
   */
  public void runForks(Cut cut, ForkVisitor found) throws SymbolicException {
    for (State state : forking) {
      if (solver.check(state.conditions).isEmpty()) {
        continue;
      }
      List<Term> question = new ArrayList<>(state.conditions);
      question.add(terms.not(terms.both(terms.all(cut.shown()), terms.all(cut.kept()))));
      if (solver.check(question).isPresent()) {
        throw new SymbolicException(
            "program %s: insn %d: what lookups rest on does not hold"
                .formatted(state.code.name(), state.slot));
      }
      int before = state.conditions.size();
      List<Term> kept = cut.kept(state);
      try (Solver local = solver.abstracting(cut.opaque())) {
        kept.forEach(local::add);
        new Explorer(local, executor, MOST_PATHS)
            .continueFrom(state, path -> found.visit(path, local, behind(kept, before, path)));
      }
    }
  }

  private static List<Term> behind(List<Term> kept, int before, Path path) {
    List<Term> conditions = new ArrayList<>(kept);
    conditions.addAll(path.conditions().subList(before, path.conditions().size()));
    return conditions;
  }

  private void advance(State state, List<State> ended) throws SymbolicException {
    List<Executor.Branch> ways;
    try {
      ways = executor.advance(state, this::stops);
    } catch (SymbolicException e) {
      if (solver.check(state.conditions).isPresent()) {
        throw e;
      }
      return;
    }
    if (state.end != null && ways.isEmpty()) {
      goal.show(state);
      ended.add(state);
      return;
    }
    for (Executor.Branch way : ways) {
      if (way.condition().isFalse()) {
        continue;
      }
      State next = way.state();
      Layout layout = layout(next);
      int head = layout.head(next.slot);
      boolean begins = byRows ? layout.entry(next.slot) : next.slot == head;
      next.left |= byRows && next.turn > 0 && head < 0;
      next.turn = head < 0 ? 0 : begins ? next.turn + 1 : next.turn;
      next.assume(way.condition());
      goal.show(next);
      next.taken.clear();
      if (way.failure() && solver.check(next.conditions).isEmpty()) {
        continue;
      }
      (next.end != null ? ended : Executor.forks(next) ? forking : waiting).add(next);
    }
  }

  /** Gives up when more ways than this have not met. */
  public Merger withMost(int ways) {
    mostStates = ways;
    return this;
  }

  /**
   * Gives terms that registers may be equal to where ways meet, or a constant apart from. Where the
   * solver shows that one is, it stands for the merged number from there on, and so does it in what
   * is compared at the end.
   */
  public Merger withHints(List<Term> candidates) {
    hints.addAll(candidates);
    return this;
  }

  /**
   * Goes through a table by induction over its rows: which row is looked at stays a number, ways
   * that have left the loop stay apart, and in a turn nothing is needed of what the hints say of
   * turns before.
   *
   * @param candidates what may be known before the first turn; what is shown to be is kept
   */
  public Merger byRows(List<Term> candidates) {
    byRows = true;
    facts = List.copyOf(candidates);
    return this;
  }

  private boolean stops(State state) {
    return meeting(state) || Executor.forks(state);
  }

  private boolean meeting(State state) {
    return layout(state).meeting(state.slot);
  }

  private Liveness liveness(State state) {
    return liveness.computeIfAbsent(state.code, code -> new Liveness(code.insns()));
  }

  private Layout layout(State state) {
    return layouts.computeIfAbsent(state.code, code -> new Layout(code.insns()));
  }

  /**
   * Takes out the state that is furthest behind, as the code is laid out, together with those that
   * it can be merged with: what lies before a meeting has then been executed.
   *
   * @return null if a table is not walked at all
   */
  private @Nullable State next() throws SymbolicException {
    State first = waiting.get(0);
    for (State state : waiting) {
      if (behind(state, first)) {
        first = state;
      }
    }
    waiting.remove(first);
    if (!meeting(first)) {
      return first;
    }
    boolean several = false;
    for (Iterator<State> rest = waiting.iterator(); rest.hasNext(); ) {
      Optional<State> merged = merge(first, rest.next());
      if (merged.isPresent()) {
        first = merged.get();
        rest.remove();
        several = true;
      }
    }
    if (byRows && layout(first).entry(first.slot)) {
      if (first.turn == 1) {
        if (solver.check(first.conditions).isEmpty()) {
          return null;
        }
        addFacts(first);
      } else {
        recognizeRow(first);
      }
    }
    if (several) {
      recognize(first);
    }
    return first;
  }

  /** Puts hints in place of merged numbers that are equal to them. */
  private void recognize(State state) throws SymbolicException {
    if (hints.isEmpty()) {
      return;
    }
    if (!byRows && state.slot == layout(state).head(state.slot)) {
      recognizeCondition(state);
    }
    int live = liveness(state).before(state.slot);
    for (int register = 0; register < 10; register++) {
      if ((live >> register & 1) != 0
          && state.registers[register] instanceof Num number
          && number.term().op() == Term.Op.CHOICE
          && !fixed(number.term())) {
        Term term = number.term();
        Term hint = recognized(state, term);
        if (hint != term) {
          replace(state, Value.of(term), Value.of(hint));
        }
      }
    }
  }

  /** Puts one value in place of another, wherever it is. */
  private static void replace(State state, Value from, Value to) {
    for (int register = 0; register < 10; register++) {
      state.registers[register] =
          from.equals(state.registers[register]) ? to : state.registers[register];
    }
    for (State.Stack stack : state.stacks) {
      for (int at = 0; at < State.STACK_BYTES; at++) {
        stack.values[at] = from.equals(stack.values[at]) ? to : stack.values[at];
      }
    }
  }

  private void addFacts(State state) throws SymbolicException {
    for (Term fact : facts) {
      List<Term> question = new ArrayList<>(state.conditions);
      question.add(terms.not(fact));
      if (solver.check(question).isEmpty()) {
        state.assume(fact);
      }
    }
  }

  /** Puts a hint in place of the condition under which ways have met. */
  private void recognizeCondition(State state) throws SymbolicException {
    int last = state.conditions.size() - 1;
    List<Term> before = state.conditions.subList(0, last);
    Term met = state.conditions.get(last);
    for (Term hint : hints) {
      if (hint.op().truth() && met.op() == Term.Op.EITHER) {
        Term differ = differ(met, hint);
        List<Term> question = new ArrayList<>(before);
        question.add(differ);
        if (isNew(question, differ) && solver.check(question).isEmpty()) {
          state.conditions.set(last, hint);
          return;
        }
      }
    }
  }

  private Term differ(Term a, Term b) {
    return terms.either(terms.both(a, terms.not(b)), terms.both(terms.not(a), b));
  }

  /** Does the same with what a turn through a table has shown of its row. */
  private void recognizeRow(State state) throws SymbolicException {
    int last = state.conditions.size() - 1;
    Term met = state.conditions.get(last);
    if (met.op() != Term.Op.EITHER) {
      return;
    }
    List<Term> before = new ArrayList<>(state.conditions.subList(0, last));
    before.removeAll(hints);
    Known known = new Known(terms, Set.of(), before);
    for (Term hint : hints) {
      if (isSame(before, met, hint, known)) {
        state.conditions.set(last, hint);
        // The next turn is likely to need the next one.
        hints.remove(hint);
        hints.add(hint);
        return;
      }
    }
  }

  /** Returns whether two truths are the same where conditions hold. */
  private boolean isSame(List<Term> conditions, Term a, Term b, Known known)
      throws SymbolicException {
    Term differ = differ(a, b);
    List<Term> question = new ArrayList<>(conditions);
    question.add(differ);
    if (!isNew(question, differ)) {
      return false;
    }
    // With what is known put in, it may be so whatever the conditions are.
    if (solver.check(List.of(known.in(differ))).isEmpty()) {
      return true;
    }
    Optional<Assignment> different = solver.check(question);
    different.ifPresent(sample -> samples.add(sample.settled()));
    return different.isEmpty();
  }

  /** Returns whether no sample shows already that conditions can hold together. */
  private boolean isNew(List<Term> conditions, Term last) {
    return samples.stream()
        .noneMatch(sample -> sample.holds(last) && conditions.stream().allMatch(sample::holds));
  }

  private Term recognized(State state, Term term) throws SymbolicException {
    List<Assignment> here = new ArrayList<>();
    for (Assignment sample : samples) {
      if (state.conditions.stream().allMatch(sample::holds)) {
        here.add(sample);
      }
    }
    for (Term hint : hints) {
      if (!hint.op().truth() && !hint.isConst() && isApart(here, term, hint)) {
        long apart = here.isEmpty() ? 0 : distance(here.get(0), term, hint);
        List<Term> question = new ArrayList<>(state.conditions);
        question.add(terms.ne(sum(term, terms.constant(-apart), new HashMap<>()), hint));
        Optional<Assignment> different = solver.check(question);
        if (different.isEmpty()) {
          return terms.add(hint, terms.constant(apart));
        }
        here.add(different.get().settled());
        samples.add(different.get());
      }
    }
    return term;
  }

  /** Returns a sum that adds the constant to each of the numbers that are chosen from. */
  private Term sum(Term number, Term constant, Map<Term, Term> sums) {
    if (number.op() != Term.Op.CHOICE || constant.value() == 0) {
      return terms.add(number, constant);
    }
    Term known = sums.get(number);
    if (known == null) {
      known =
          terms.choice(
              number.part(0),
              sum(number.part(1), constant, sums),
              sum(number.part(2), constant, sums));
      sums.put(number, known);
    }
    return known;
  }

  /** Returns whether two numbers are the same distance apart in all samples. */
  private static boolean isApart(List<Assignment> samples, Term term, Term hint) {
    return samples.stream()
        .allMatch(sample -> distance(sample, term, hint) == distance(samples.get(0), term, hint));
  }

  private static long distance(Assignment sample, Term term, Term hint) {
    return sample.of(term) - sample.of(hint);
  }

  /** Returns whether a term is one of some constants, which no hint is. */
  private static boolean fixed(Term term) {
    return term.isConst()
        || term.op() == Term.Op.CHOICE && fixed(term.part(1)) && fixed(term.part(2));
  }

  private boolean behind(State a, State b) {
    if (a.tailCalls != b.tailCalls) {
      return a.tailCalls < b.tailCalls;
    }
    List<Integer> placeA = place(a);
    List<Integer> placeB = place(b);
    for (int i = 0; i < Math.min(placeA.size(), placeB.size()); i++) {
      if (!placeA.get(i).equals(placeB.get(i))) {
        return placeA.get(i) < placeB.get(i);
      }
    }
    return placeA.size() > placeB.size();
  }

  /**
   * Returns where each function is, the outermost first. A loop is one place, in which earlier
   * turns come first: all of it lies before what comes behind it.
   */
  private List<Integer> place(State state) {
    List<Integer> place = new ArrayList<>();
    state.callers.forEach(caller -> place.add(0, caller.returnSlot()));
    int head = layout(state).head(state.slot);
    place.add(head < 0 ? state.slot : head);
    place.add(state.turn);
    place.add(state.slot);
    return place;
  }

  /** Returns one state for two; empty if they are too different. */
  private Optional<State> merge(State a, State b) {
    if (a.slot != b.slot
        || a.turn != b.turn
        || a.left
        || b.left
        || !a.code.equals(b.code)
        || a.tailCalls != b.tailCalls
        || a.stacks.size() != b.stacks.size()
        || !a.writes.equals(b.writes)
        || a.tail.isPresent() != b.tail.isPresent()
        || a.clockRead != b.clockRead
        || a.submitted != b.submitted
        || !java.util.Objects.equals(a.reserved, b.reserved)
        || !sameCallers(a, b)) {
      return Optional.empty();
    }
    int common = 0;
    while (common < Math.min(a.conditions.size(), b.conditions.size())
        && a.conditions.get(common) == b.conditions.get(common)) {
      common++;
    }
    Term onlyA = terms.all(a.conditions.subList(common, a.conditions.size()));
    Term onlyB = terms.all(b.conditions.subList(common, b.conditions.size()));
    // Where they parted one condition tells them apart already.
    boolean parted =
        common < a.conditions.size()
            && common < b.conditions.size()
            && a.conditions.get(common) == terms.not(b.conditions.get(common));
    Term first = parted ? a.conditions.get(common) : onlyA;
    State merged = new State(a);
    int live = liveness.computeIfAbsent(a.code, code -> new Liveness(code.insns())).before(a.slot);
    for (int register = 0; register < 10; register++) {
      boolean needed = (live >> register & 1) != 0;
      Value one = written(a.registers[register], needed);
      Value other = written(b.registers[register], needed);
      merged.registers[register] = merge(first, one, other);
      boolean apart = byRows && differ(one, other);
      if (needed && (merged.registers[register] == null || apart)) {
        return Optional.empty();
      }
    }
    mergeStacks(merged, b, first);
    merged.linear = terms.choice(first, a.linear, b.linear);
    if (a.tail.isPresent() && b.tail.isPresent()) {
      merged.tail =
          Optional.of(
              new Path.Tail(terms.choice(first, a.tail.get().index(), b.tail.get().index())));
    }
    merged.conditions.subList(common, merged.conditions.size()).clear();
    merged.facts.retain(b.facts);
    Term either = terms.either(onlyA, onlyB);
    if (!either.isTrue()) {
      merged.conditions.add(either);
    }
    merged.steps = Math.max(a.steps, b.steps);
    return Optional.of(merged);
  }

  private static boolean differ(@Nullable Value a, @Nullable Value b) {
    return a instanceof Num one
        && b instanceof Num other
        && one.term().isConst()
        && other.term().isConst()
        && one.term() != other.term();
  }

  /** Returns what a register holds: if it is needed and nobody wrote it, it may be anything. */
  private @Nullable Value written(@Nullable Value value, boolean needed) {
    return value == null && needed ? Value.of(terms.fresh(Executor.UNWRITTEN, 64)) : value;
  }

  private static boolean sameCallers(State a, State b) {
    if (a.callers.size() != b.callers.size()) {
      return false;
    }
    Iterator<State.Caller> others = b.callers.iterator();
    for (State.Caller caller : a.callers) {
      State.Caller other = others.next();
      if (caller.returnSlot() != other.returnSlot()
          || !caller.loop().equals(other.loop())
          || !java.util.Arrays.equals(caller.saved(), other.saved())) {
        return false;
      }
    }
    return true;
  }

  /** Returns a value that is one or the other; null if there is no such value. */
  private @Nullable Value merge(Term first, @Nullable Value a, @Nullable Value b) {
    if (a == null || b == null || a.equals(b)) {
      return a == null || b == null ? null : a;
    }
    if (a instanceof Num one && b instanceof Num other) {
      return Value.of(terms.choice(first, one.term(), other.term()));
    }
    if (a instanceof Pointer one
        && b instanceof Pointer other
        && one.region().equals(other.region())
        && one.low() == other.low()
        // A place in a table that is known is worth more than one way less.
        && !(one.offset().isConst() && other.offset().isConst())) {
      return new Pointer(
          one.region(), terms.choice(first, one.offset(), other.offset()), one.low());
    }
    return null;
  }

  private void mergeStacks(State merged, State b, Term onlyA) {
    for (int frame = 0; frame < merged.stacks.size(); frame++) {
      State.Stack one = merged.stacks.get(frame);
      State.Stack other = b.stacks.get(frame);
      for (int at = 0; at < State.STACK_BYTES; ) {
        Value value = one.values[at];
        Value theirs = other.values[at];
        int width = one.widths[at];
        boolean same = value == null ? theirs == null : value.equals(theirs);
        if (same && one.positions[at] == other.positions[at] && width == other.widths[at]) {
          at++;
          continue;
        }
        boolean aligned =
            value != null
                && theirs != null
                && one.positions[at] == 0
                && other.positions[at] == 0
                && whole(one, at, width)
                && width == other.widths[at]
                && whole(other, at, width);
        if (aligned) {
          Value both = merge(onlyA, value, theirs);
          for (int i = 0; i < width; i++) {
            one.values[at + i] = both;
          }
          at += width;
          continue;
        }
        Term mine = oneByte(one, at);
        Term their = oneByte(other, at);
        one.values[at] =
            mine == null || their == null ? null : Value.of(terms.choice(onlyA, mine, their));
        one.positions[at] = 0;
        one.widths[at] = 1;
        at++;
      }
    }
  }

  private static boolean whole(State.Stack stack, int at, int width) {
    for (int i = 1; i < width; i++) {
      if (!java.util.Objects.equals(stack.values[at + i], stack.values[at])
          || stack.positions[at + i] != i) {
        return false;
      }
    }
    return true;
  }

  private @Nullable Term oneByte(State.Stack stack, int at) {
    return stack.values[at] instanceof Num number
        ? terms.and(
            terms.lshr(number.term(), terms.constant(8L * stack.positions[at])),
            terms.constant(0xFF))
        : null;
  }
}
