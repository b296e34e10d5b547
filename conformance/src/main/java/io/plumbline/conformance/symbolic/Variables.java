package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** What a program's read-only global variables hold: constants, or unknowns in place of some. */
public final class Variables {
  private record Cell(int offset, int size, Term term) {}

  private final Terms terms;
  private final BpfObject object;
  private final Map<Integer, TreeMap<Integer, Cell>> cells = new HashMap<>();

  public Variables(Terms terms, BpfObject object) {
    this.terms = terms;
    this.object = object;
  }

  /** Returns whether the object has a variable. */
  public boolean has(String name) {
    return object.variables().containsKey(name);
  }

  /** Returns a variable's size in bytes, 0 if there is none. */
  public int size(String name) {
    BpfObject.Variable variable = object.variables().get(name);
    return variable == null ? 0 : variable.size();
  }

  /**
   * Sets elements of a variable, one after the other.
   *
   * @param bytes the size of an element
   * @throws SymbolicException if the object has no such variable or it is smaller
   */
  public void set(String name, int bytes, List<Term> elements) throws SymbolicException {
    for (int i = 0; i < elements.size(); i++) {
      set(name, bytes * i, bytes, elements.get(i));
    }
  }

  /**
   * Sets a part of a variable.
   *
   * @param at where it begins, in bytes
   * @throws SymbolicException if the object has no such variable or it is smaller
   */
  public void set(String name, int at, int bytes, Term value) throws SymbolicException {
    BpfObject.Variable variable = object.variables().get(name);
    if (variable == null || variable.size() < at + bytes) {
      throw new SymbolicException("variable %s: expected %d bytes".formatted(name, at + bytes));
    }
    int offset = variable.offset() + at;
    cells
        .computeIfAbsent(variable.map(), map -> new TreeMap<>())
        .put(offset, new Cell(offset, bytes, value));
  }

  /** Sets a variable to bytes. */
  public void set(String name, byte[] bytes) throws SymbolicException {
    set(
        name,
        1,
        java.util.stream.IntStream.range(0, bytes.length)
            .mapToObj(i -> terms.constant(bytes[i] & 0xFF))
            .toList());
  }

  /** Returns what a load from a map of variables gives, little-endian. */
  Term load(int map, long offset, int size) throws SymbolicException {
    MapSpec spec = object.maps().get(map);
    if ((spec.flags() & MapSpec.F_RDONLY_PROG) == 0) {
      throw new SymbolicException(
          "map %s: a variable that programs may write".formatted(spec.name()));
    }
    if (offset < 0 || offset + size > spec.valueSize()) {
      throw new SymbolicException(
          "map %s: %d bytes at %d: it has %d"
              .formatted(spec.name(), size, offset, spec.valueSize()));
    }
    NavigableMap<Integer, Cell> known = cells.getOrDefault(map, new TreeMap<>());
    Cell whole = known.get((int) offset);
    if (whole != null && whole.size == size) {
      return whole.term;
    }
    Term all = terms.constant(0);
    for (int i = 0; i < size; i++) {
      Term one = oneByte(spec, known, (int) offset + i);
      all = terms.or(all, terms.shl(one, terms.constant(8L * i)));
    }
    return all;
  }

  private Term oneByte(MapSpec spec, NavigableMap<Integer, Cell> known, int at) {
    Map.Entry<Integer, Cell> below = known.floorEntry(at);
    if (below != null && at < below.getKey() + below.getValue().size) {
      Term shifted = terms.lshr(below.getValue().term, terms.constant(8L * (at - below.getKey())));
      return terms.and(shifted, terms.constant(0xFF));
    }
    return terms.constant(at < spec.initial().length ? spec.initial()[at] & 0xFF : 0);
  }
}
