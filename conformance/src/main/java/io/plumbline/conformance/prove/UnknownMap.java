package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Value;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.MapSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A map of which nothing is known: a key may be there or not, and a value may be anything. The same
 * key gives the same answer again.
 */
final class UnknownMap implements SymbolicMap {
  private final Terms terms;
  private final MapSpec spec;
  private final String name;
  private final List<Known> known = new ArrayList<>();

  /** A lookup that was answered before. */
  private record Known(List<Term> key, Term there, Value value, String name) {}

  UnknownMap(Terms terms, MapSpec spec) {
    this(terms, spec, spec.name());
  }

  private UnknownMap(Terms terms, MapSpec spec, String name) {
    this.terms = terms;
    this.spec = spec;
    this.name = name;
  }

  @Override
  public int keySize() {
    return spec.keySize();
  }

  @Override
  public List<Found> lookup(List<Term> key) throws SymbolicException {
    Known answer = null;
    for (Known before : known) {
      if (before.key.equals(key)) {
        answer = before;
      }
    }
    if (answer == null) {
      String entry = "%s(%d)".formatted(name, known.size());
      Term there = terms.eq(terms.variable(entry, 1), terms.constant(1));
      boolean array =
          spec.type() == MapType.ARRAY.number() || spec.type() == MapType.PERCPU_ARRAY.number();
      if (array && inRange(key)) {
        there = terms.truth(true);
      }
      answer = new Known(List.copyOf(key), there, value(entry), entry);
      known.add(answer);
    }
    List<Found> found = new ArrayList<>();
    found.add(new Found(answer.there, Optional.of(answer.value)));
    if (!answer.there.isTrue()) {
      found.add(new Found(terms.not(answer.there), Optional.empty()));
    }
    return found;
  }

  /** Returns a map that holds the values that lookups found; a map of maps stays empty. */
  BpfMap filled(Machine machine, Assignment at) {
    BpfMap map = MapType.create(machine, spec);
    for (Known entry : known) {
      if (spec.inner().isEmpty() && at.holds(entry.there)) {
        byte[] key = new byte[spec.keySize()];
        for (int i = 0; i < key.length; i++) {
          key[i] = (byte) at.of(entry.key.get(i));
        }
        byte[] value = new byte[spec.valueSize()];
        for (int i = 0; i < value.length; i++) {
          value[i] = (byte) at.variable("%s[%d]".formatted(entry.name, i));
        }
        map.update(key, 0, value, 0, BpfMap.BPF_ANY);
      }
    }
    return map;
  }

  private boolean inRange(List<Term> key) {
    long index = 0;
    for (int i = 0; i < key.size(); i++) {
      if (!key.get(i).isConst()) {
        return false;
      }
      index |= key.get(i).value() << 8 * i;
    }
    return index < spec.maxEntries();
  }

  private Value value(String entryName) {
    Optional<MapSpec> inner = spec.inner();
    if (inner.isPresent()) {
      return Value.pointer(
          new Value.Region.Map(new UnknownMap(terms, inner.get(), entryName)), terms.constant(0));
    }
    Entry entry =
        (offset, size) -> {
          if (offset < 0 || offset + size > spec.valueSize()) {
            throw new SymbolicException(
                "map %s: %d bytes at %d of a value: it has %d"
                    .formatted(spec.name(), size, offset, spec.valueSize()));
          }
          Term all = terms.constant(0);
          for (int i = 0; i < size; i++) {
            Term one = terms.variable("%s[%d]".formatted(entryName, offset + i), 8);
            all = terms.or(all, terms.shl(one, terms.constant(8L * i)));
          }
          return Value.of(all);
        };
    return Value.pointer(new Value.Region.Entry(entry), terms.constant(0));
  }
}
