package io.plumbline.conformance.prove;

/** Ends a search: what was to be shown is wrong. */
final class Refuted extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final transient Counterexample counterexample;

  Refuted(Counterexample counterexample) {
    super(null, null, false, false);
    this.counterexample = counterexample;
  }

  Counterexample counterexample() {
    return counterexample;
  }
}
