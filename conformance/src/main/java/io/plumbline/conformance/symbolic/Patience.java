package io.plumbline.conformance.symbolic;

import java.util.OptionalLong;

/**
 * How long a solver may take.
 *
 * @param milliseconds for one question; 0 for no limit
 * @param until when it gives up whatever it is asked, as {@link System#nanoTime} counts; empty for
 *     never
 */
public record Patience(int milliseconds, OptionalLong until) {
  /** Limits each question, but not how many there are. */
  public static Patience perQuestion(int milliseconds) {
    return new Patience(milliseconds, OptionalLong.empty());
  }

  /** Returns the same limit of a question, up to a point of time for all of them. */
  public Patience until(long nanoTime) {
    return new Patience(milliseconds, OptionalLong.of(nanoTime));
  }

  /**
   * Returns how many milliseconds the next question may take.
   *
   * @throws SymbolicException if the time for all is up
   */
  int next() throws SymbolicException {
    if (until.isEmpty()) {
      return milliseconds;
    }
    long left = (until.getAsLong() - System.nanoTime()) / 1_000_000;
    if (left <= 0) {
      throw new SymbolicException("the solver cannot tell: the time is up");
    }
    return (int) (milliseconds == 0 ? left : Math.min(left, milliseconds));
  }
}
