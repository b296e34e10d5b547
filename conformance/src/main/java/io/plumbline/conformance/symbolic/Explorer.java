package io.plumbline.conformance.symbolic;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Goes every way through a program that some frame and input goes. */
public final class Explorer {
  private final Solver solver;
  private final Executor executor;
  private final int mostPaths;
  private Merger.Goal goal = state -> {};
  private boolean lazy;
  private int paths;

  /**
   * Makes an explorer.
   *
   * @param tailCalls where tail calls go
   * @param mostPaths where it gives up
   */
  Explorer(Terms terms, Solver solver, Executor.TailCalls tailCalls, int mostPaths) {
    this.solver = solver;
    this.mostPaths = mostPaths;
    executor = new Executor(terms, tailCalls);
  }

  Explorer(Solver solver, Executor executor, int mostPaths) {
    this.solver = solver;
    this.executor = executor;
    this.mostPaths = mostPaths;
  }

  /** Makes an explorer for programs whose tail calls may find a program or none. */
  public static Explorer open(Terms terms, Solver solver, int mostPaths) {
    return new Explorer(terms, solver, Executor.OPEN, mostPaths);
  }

  /**
   * Makes an explorer for programs in which one function is any function.
   *
   * @param slot where it starts
   * @param r0 what it returns
   */
  public static Explorer around(Terms terms, Solver solver, int mostPaths, int slot, Term r0) {
    Executor executor = new Executor(terms, Executor.OPEN).withFunction(slot, r0);
    return new Explorer(solver, executor, mostPaths);
  }

  /** Returns the number of the CPU that runs a program. */
  public static Term cpu(Terms terms) {
    return terms.variable("cpu", Executor.CPU_BITS);
  }

  /**
   * Returns the unknowns in terms that stand for what nobody wrote.
   *
   * @throws SymbolicException if the terms depend on where things are in memory
   */
  public static List<Term> unwritten(List<Term> terms) throws SymbolicException {
    Set<Term> seen = new HashSet<>();
    Deque<Term> open = new ArrayDeque<>(terms);
    List<Term> unwritten = new ArrayList<>();
    while (!open.isEmpty()) {
      Term term = open.pop();
      if (seen.add(term)) {
        if (term.op() == Term.Op.VAR && term.name().startsWith(Executor.UNWRITTEN)) {
          unwritten.add(term);
        }
        if (term.op() == Term.Op.VAR && term.name().startsWith(Executor.ADDRESS)) {
          throw new SymbolicException("it depends on where things are in memory");
        }
        for (int i = 0; i < term.arity(); i++) {
          open.push(term.part(i));
        }
      }
    }
    return unwritten;
  }

  /**
   * Goes every way.
   *
   * @param assumed what is known of the input
   * @param found is given each path while its conditions are on the solver's stack
   * @throws SymbolicException if there are too many, or an instruction is not handled
   */
  public void explore(Code code, List<Term> assumed, Visitor found) throws SymbolicException {
    State state = executor.start(code);
    assumed.forEach(state::assume);
    solver.push();
    try {
      state.conditions.forEach(solver::add);
      Optional<Assignment> some = solver.check();
      if (some.isPresent()) {
        state.witness = some.get();
        follow(state, found);
      }
    } finally {
      solver.pop();
    }
  }

  /**
   * Goes every way on from a state whose conditions are on the solver's stack, without asking
   * whether any frame goes it: for ways of which nearly each one is gone.
   */
  void continueFrom(State state, Visitor found) throws SymbolicException {
    lazy = true;
    follow(state, found);
  }

  /** Is given paths. */
  public interface Visitor {
    void visit(Path path) throws SymbolicException;
  }

  private void follow(State state, Visitor found) throws SymbolicException {
    List<Executor.Branch> ways = executor.advance(state);
    if (state.end != null && ways.isEmpty()) {
      finish(state, found);
      return;
    }
    for (Executor.Branch way : ways) {
      if (way.condition().isFalse()) {
        continue;
      }
      State next = way.state();
      solver.push();
      try {
        if (!way.condition().isTrue()) {
          solver.add(way.condition());
          next.assume(way.condition());
          Assignment before = next.witness;
          // What is known to go one way need not be looked for.
          if (!lazy && (before == null || !before.holds(way.condition()))) {
            Optional<Assignment> some = solver.check();
            if (some.isEmpty()) {
              continue;
            }
            next.witness = some.get();
          }
        }
        if (next.end != null) {
          finish(next, found);
        } else {
          follow(next, found);
        }
      } finally {
        solver.pop();
      }
    }
  }

  /** Also shows the end of each way to a goal. */
  Explorer reaching(Merger.Goal wanted) {
    goal = wanted;
    return this;
  }

  private void finish(State state, Visitor found) throws SymbolicException {
    goal.show(state);
    if (++paths > mostPaths) {
      throw new SymbolicException(
          "program %s: more than %d paths".formatted(state.code.name(), mostPaths));
    }
    found.visit(path(state));
  }

  static Path path(State state) {
    List<String> lines = new ArrayList<>();
    for (State.Step step = state.last; step != null; step = step.before()) {
      String line = String.valueOf(step.code().lines().get(step.slot()));
      if (lines.isEmpty() || !lines.get(lines.size() - 1).equals(line)) {
        lines.add(line);
      }
    }
    Collections.reverse(lines);
    return new Path(
        List.copyOf(state.conditions),
        java.util.Objects.requireNonNull(state.end),
        state.taken,
        lines,
        state.tail,
        state.writes,
        Optional.ofNullable(state.witness));
  }
}
