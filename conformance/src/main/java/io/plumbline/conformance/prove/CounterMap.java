package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Value;
import java.util.List;
import java.util.Optional;

/** The counters of a policy: a pair of numbers for each line and CPU, whatever they are so far. */
final class CounterMap implements SymbolicMap {
  private final Terms terms;
  private final int lines;

  CounterMap(Terms terms, int lines) {
    this.terms = terms;
    this.lines = lines;
  }

  /**
   * The counters of one line.
   *
   * @param index which, as the program computed it
   */
  record Counter(Terms terms, Term index) implements SymbolicMap.Entry {
    @Override
    public Value load(int offset, int size) {
      return Value.of(terms.variable("counter." + offset, 8 * size));
    }
  }

  @Override
  public int keySize() {
    return 4;
  }

  /** Returns the counters of a line; the map is made with room for all lines and CPUs. */
  @Override
  public List<Found> lookup(List<Term> key) {
    Term index = terms.constant(0);
    for (int i = 0; i < key.size(); i++) {
      index = terms.or(index, terms.shl(key.get(i), terms.constant(8L * i)));
    }
    Value value =
        Value.pointer(new Value.Region.Entry(new Counter(terms, index)), terms.constant(0));
    return List.of(new Found(terms.truth(true), Optional.of(value)));
  }

  /** Returns which line's counters an index is of, on the CPU that runs the program. */
  Term line(Term index) {
    return terms.sub(index, terms.mul(Explorer.cpu(terms), terms.constant(lines)));
  }
}
