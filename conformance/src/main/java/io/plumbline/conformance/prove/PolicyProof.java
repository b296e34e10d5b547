package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Shows that {@code intent} with the tables of one policy decides as the policy for every frame,
 * and counts each frame once, by the clause or rule that decides it.
 *
 * <p>Frames with a VLAN tag outside their bytes and frames without are proved one after the other,
 * because fields of the former are elsewhere. Ways through the headers are merged where they meet;
 * behind that there is a way of its own for each prefix, interval and endpoint of the tables.
 */
final class PolicyProof {
  private final ProgramObjects objects;
  private final int milliseconds;

  PolicyProof(ProgramObjects objects, int milliseconds) {
    this.objects = objects;
    this.milliseconds = milliseconds;
  }

  /** Proves one policy. */
  Proof prove(Policy policy) throws EngineException {
    long start = System.nanoTime();
    int paths = 0;
    long questions = 0;
    Optional<Counterexample> found = Optional.empty();
    String unknown = "";
    for (boolean tagged : new boolean[] {true, false}) {
      try (Solver solver = new Solver(milliseconds)) {
        try {
          PolicyQuestions half = new PolicyQuestions(objects, policy, tagged, solver);
          half.ask();
          paths += half.paths();
          questions += half.questions();
        } catch (Refuted refuted) {
          found = Optional.of(refuted.counterexample());
        } catch (SymbolicException | PolicyException e) {
          unknown = String.valueOf(e.getMessage());
        }
        questions += solver.checks();
      }
    }
    List<String> assumptions = new ArrayList<>(Explorer.assumptions());
    assumptions.add("maps answer as the kernel documents, and hold what the loader put there");
    assumptions.add("the counters have room for every CPU");
    return new Proof(
        new Subject.Intent(policy).toString(),
        "decides as its %d clauses and %d rules and counts by them, for all frames"
            .formatted(Intent.classification().size(), policy.rules().size()),
        paths,
        questions,
        (System.nanoTime() - start) / 1e9,
        found,
        unknown,
        assumptions);
  }
}
