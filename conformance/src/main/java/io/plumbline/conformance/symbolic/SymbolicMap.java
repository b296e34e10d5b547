package io.plumbline.conformance.symbolic;

import java.util.List;
import java.util.Optional;

/** What a program may find in a map. */
public interface SymbolicMap {
  /** Returns whether a lookup goes a way of its own for each entry. */
  default boolean forks() {
    return false;
  }

  /** Returns the size of a key in bytes. */
  int keySize();

  /**
   * Looks a key up.
   *
   * @param key its bytes
   * @return what may be found; of the conditions exactly one holds
   * @throws SymbolicException if this map cannot tell
   */
  List<Found> lookup(List<Term> key) throws SymbolicException;

  /**
   * One thing that may be found.
   *
   * @param value empty if the key is not there
   */
  record Found(Term condition, Optional<Value> value) {}

  /** A value in a map. */
  interface Entry {
    /**
     * Returns what a program reads that has not written there.
     *
     * @throws SymbolicException if it is outside the value
     */
    Value load(int offset, int size) throws SymbolicException;
  }

  /** What a program has reserved in a ring buffer. */
  record Reserved(String name, int size) implements Entry {
    @Override
    public Value load(int offset, int size) throws SymbolicException {
      throw new SymbolicException(
          "%s: %d bytes at %d of a record that nobody wrote".formatted(name, size, offset));
    }
  }
}
