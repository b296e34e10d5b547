package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.PolicyException;
import java.util.List;
import java.util.Optional;

/** An attempt to prove something: what came of it so far. */
final class Attempt {
  /** Asks a solver. */
  interface Work {
    /**
     * Asks.
     *
     * @throws Refuted if what is to be proved is wrong
     */
    void run(Solver solver) throws SymbolicException, PolicyException, EngineException;
  }

  private final long start = System.nanoTime();
  private final Patience patience;
  private int paths;
  private long questions;
  private Optional<Counterexample> found = Optional.empty();
  private String unknown = "";

  /**
   * Begins an attempt.
   *
   * @param patience how long the solver may take
   */
  Attempt(Patience patience) {
    this.patience = patience;
  }

  /** Counts ways through a program. */
  void count(int ways) {
    paths += ways;
  }

  /** Counts questions that a solver was asked beside those of {@link #with}. */
  void countQuestions(long more) {
    questions += more;
  }

  /** Goes on with a solver of its own. */
  void with(Work work) throws EngineException {
    try (Solver solver = new Solver(patience)) {
      try {
        work.run(solver);
      } catch (Refuted refuted) {
        found = Optional.of(refuted.counterexample());
      } catch (SymbolicException | PolicyException e) {
        unknown = String.valueOf(e.getMessage());
      }
      questions += solver.checks();
    }
  }

  /** Returns whether it is neither proved nor refuted. */
  boolean open() {
    return found.isEmpty() && !unknown.isEmpty();
  }

  /** Says that a counterexample was found in another way. */
  void refute(Counterexample counterexample) {
    found = Optional.of(counterexample);
    unknown = "";
  }

  /** Returns what came of it. */
  Proof proof(String name, String claim, List<String> assumptions) {
    if (paths == 0 && found.isEmpty() && unknown.isEmpty()) {
      unknown = "internal error: no path through the program was checked";
    }
    return new Proof(
        name,
        claim,
        paths,
        questions,
        (System.nanoTime() - start) / 1e9,
        found,
        unknown,
        assumptions);
  }
}
