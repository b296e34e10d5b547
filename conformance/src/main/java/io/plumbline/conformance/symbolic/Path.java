package io.plumbline.conformance.symbolic;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One way through a program.
 *
 * @param conditions when it is gone; they hold together
 * @param taken ways out of conditional jumps, by program: twice the slot, one more if it jumped
 * @param lines the source lines on the way
 * @param tail the tail call that was asked for last, if any, whether it was followed or not
 * @param writes what was written to maps, in order
 * @param witness one frame, context and variables that go this way, if they were looked for
 */
public record Path(
    List<Term> conditions,
    End end,
    Map<String, BitSet> taken,
    List<String> lines,
    Optional<Tail> tail,
    List<Write> writes,
    Optional<Assignment> witness) {

  /** A tail call that was asked for. */
  public record Tail(Term index) {}

  /** A write to a map's value. */
  public record Write(SymbolicMap.Entry entry, int offset, int size, Value value) {}

  /** How it ends. */
  public sealed interface End {
    /** The program returned. */
    record Returned(Term r0) implements End {}

    /** Another program goes on: the one in a slot. */
    record TailCalled(Term index) implements End {}

    /** The program did what it must not; the text says what. */
    record Fault(String what) implements End {}
  }
}
