package io.plumbline.conformance.prove;

import java.util.List;
import java.util.Optional;

/**
 * Result of a proof.
 *
 * @param name what was to be proved
 * @param claim what that says
 * @param paths how many ways through the program there are
 * @param questions how many questions the solver answered
 * @param counterexample a frame that refutes it
 * @param unknown why it is neither proved nor refuted; empty if it is
 * @param assumptions what the result rests on
 */
public record Proof(
    String name,
    String claim,
    int paths,
    long questions,
    double seconds,
    Optional<Counterexample> counterexample,
    String unknown,
    List<String> assumptions) {

  /**
   * Returns this result without its counterexample, which no engine confirms: an error of the
   * prover refutes nothing.
   */
  public Proof unconfirmed() {
    String reason =
        counterexample
            .map(
                found ->
                    "internal error: no engine confirms the solver's counterexample: %s: frame %s"
                        .formatted(found.what(), found.packet()))
            .orElse(unknown);
    return new Proof(name, claim, paths, questions, seconds, Optional.empty(), reason, assumptions);
  }

  /** Returns whether it is proved. */
  public boolean proved() {
    return counterexample.isEmpty() && unknown.isEmpty();
  }
}
