package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Value;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The maps of a program with the tables of one image in slot 0, which is active. */
final class TableMaps {
  private static final int LENGTH_BYTES = 4;

  private final Terms terms;
  private final Image.Tables tables;

  TableMaps(Terms terms, Image.Tables tables) {
    this.terms = terms;
    this.tables = tables;
  }

  /** Returns the maps by name. */
  Map<String, SymbolicMap> all() {
    Map<String, SymbolicMap> maps = new HashMap<>();
    maps.put(tables.active(), new Array(tables.active(), new byte[8], 8));
    for (Image.Table table : tables.inner()) {
      maps.put(
          table.outer(),
          outer(
              switch (table.kind()) {
                case ARRAY -> new Array(table.outer(), table.rows(), table.bytes());
                case HASH -> new Exact(table);
                case LPM_TRIE -> new Prefixes(table);
                case COUNTERS -> new CounterMap(terms, table.lines());
              }));
    }
    return maps;
  }

  private Optional<Value> value(Entry entry) {
    return Optional.of(Value.pointer(new Value.Region.Entry(entry), terms.constant(0)));
  }

  private interface Entry extends SymbolicMap.Entry {}

  /** Returns a map that has another one in slot 0 and nothing in slot 1. */
  private SymbolicMap outer(SymbolicMap inner) {
    Value map = Value.pointer(new Value.Region.Map(inner), terms.constant(0));
    return new SymbolicMap() {
      @Override
      public int keySize() {
        return 4;
      }

      @Override
      public List<Found> lookup(List<Term> key) throws SymbolicException {
        Optional<Value> value = index(key) == 0 ? Optional.of(map) : Optional.empty();
        return List.of(new Found(terms.truth(true), value));
      }
    };
  }

  private static long index(List<Term> key) throws SymbolicException {
    long index = 0;
    for (int i = 0; i < key.size(); i++) {
      if (!key.get(i).isConst()) {
        throw new SymbolicException("lookup in an array: the index is not a fixed one");
      }
      index |= key.get(i).value() << 8 * i;
    }
    return index;
  }

  private Value constant(byte[] bytes, int at, int size) {
    long number = 0;
    for (int i = size - 1; i >= 0; i--) {
      number = number << 8 | bytes[at + i] & 0xFF;
    }
    return Value.of(terms.constant(number));
  }

  private Entry fixed(String name, byte[] bytes, int from, int length) {
    return (offset, size) -> {
      if (offset < 0 || offset + size > length) {
        throw new SymbolicException(
            "map %s: %d bytes at %d of a value: it has %d".formatted(name, size, offset, length));
      }
      return constant(bytes, from + offset, size);
    };
  }

  /** An array of which the contents are known. */
  private final class Array implements SymbolicMap {
    private final String name;
    private final byte[] bytes;
    private final int valueSize;

    Array(String name, byte[] bytes, int valueSize) {
      this.name = name;
      this.bytes = bytes;
      this.valueSize = valueSize;
    }

    @Override
    public int keySize() {
      return 4;
    }

    @Override
    public List<Found> lookup(List<Term> key) throws SymbolicException {
      long index = index(key);
      Optional<Value> found =
          index < bytes.length / valueSize
              ? value(fixed(name, bytes, (int) index * valueSize, valueSize))
              : Optional.empty();
      return List.of(new Found(terms.truth(true), found));
    }
  }

  private byte[] number(int value) {
    return new byte[] {
      (byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)
    };
  }

  private Optional<Value> number(String name, int value) {
    return value(fixed(name, number(value), 0, 4));
  }

  /** Returns when some bits of a key are those of an entry, word by word. */
  private Term matches(List<Term> key, byte[] entry, int bits) {
    Term all = terms.truth(true);
    for (int word = 0; word < bits; word += 32) {
      int count = Math.min(32, bits - word);
      Term keyWord = terms.constant(0);
      long entryWord = 0;
      for (int i = 0; i < 4; i++) {
        int at = word / 8 + i;
        boolean there = at < key.size();
        Term one = there ? key.get(at) : terms.constant(0);
        keyWord = terms.or(terms.shl(keyWord, terms.constant(8)), one);
        entryWord = entryWord << 8 | (there ? entry[at] & 0xFF : 0);
      }
      long mask = 0xFFFF_FFFFL << 32 - count & 0xFFFF_FFFFL;
      all =
          terms.both(
              all,
              terms.eq(terms.and(keyWord, terms.constant(mask)), terms.constant(entryWord & mask)));
    }
    return all;
  }

  /** A hash: each entry is a path, and one more finds nothing. */
  private final class Exact implements SymbolicMap {
    private final Image.Table table;

    Exact(Image.Table table) {
      this.table = table;
    }

    @Override
    public boolean forks() {
      return true;
    }

    @Override
    public int keySize() {
      return table.bytes();
    }

    @Override
    public List<Found> lookup(List<Term> key) {
      List<Found> found = new ArrayList<>();
      Term none = terms.truth(true);
      for (Image.Entry entry : table.entries()) {
        Term equal = terms.truth(true);
        // Byte by byte: so each is known by itself where the key is used again.
        for (int i = 0; i < key.size(); i++) {
          equal = terms.both(equal, terms.eq(key.get(i), terms.constant(entry.key()[i] & 0xFF)));
        }
        if (!equal.isFalse()) {
          found.add(new Found(equal, number(table.outer(), entry.value())));
          none = terms.both(none, terms.not(equal));
        }
      }
      found.add(new Found(none, Optional.empty()));
      return found;
    }
  }

  /** A trie: the longest prefix of a key is found. */
  private final class Prefixes implements SymbolicMap {
    private final Image.Table table;
    private final List<Image.Entry> longestFirst;

    Prefixes(Image.Table table) {
      this.table = table;
      longestFirst = new ArrayList<>(table.entries());
      longestFirst.sort(Comparator.comparingInt(Prefixes::bits).reversed());
    }

    private static int bits(Image.Entry entry) {
      byte[] key = entry.key();
      return key[0] & 0xFF | (key[1] & 0xFF) << 8 | (key[2] & 0xFF) << 16 | key[3] << 24;
    }

    @Override
    public boolean forks() {
      return true;
    }

    @Override
    public int keySize() {
      return table.bytes();
    }

    @Override
    public List<Found> lookup(List<Term> key) throws SymbolicException {
      if (index(key.subList(0, LENGTH_BYTES)) != 8L * (keySize() - LENGTH_BYTES)) {
        throw new SymbolicException("lookup of a prefix: expected a whole key");
      }
      List<Term> data = key.subList(LENGTH_BYTES, keySize());
      List<Found> found = new ArrayList<>();
      List<Candidate> longer = new ArrayList<>();
      Term none = terms.truth(true);
      for (Image.Entry entry : longestFirst) {
        byte[] bytes = java.util.Arrays.copyOfRange(entry.key(), LENGTH_BYTES, keySize());
        Candidate candidate = new Candidate(bytes, bits(entry), matches(data, bytes, bits(entry)));
        if (candidate.matches.isFalse()) {
          continue;
        }
        Term best = candidate.matches;
        Candidate inside = null;
        for (Candidate other : longer) {
          if (candidate.holds(other)) {
            best = terms.both(best, terms.not(other.matches));
            inside = other;
          }
        }
        found.add(new Found(best, number(table.outer(), entry.value())));
        none = terms.both(none, terms.not(candidate.matches));
        if (inside != null) {
          longer.removeIf(candidate::holds);
        }
        longer.add(candidate);
        if (candidate.matches.isTrue()) {
          return found;
        }
      }
      found.add(new Found(none, Optional.empty()));
      return found;
    }
  }

  /** A prefix that a key may be in. */
  private record Candidate(byte[] bytes, int bits, Term matches) {
    /** Returns whether another prefix is within this one. */
    boolean holds(Candidate other) {
      if (other.bits < bits) {
        return false;
      }
      for (int bit = 0; bit < bits; bit++) {
        int difference = (bytes[bit / 8] ^ other.bytes[bit / 8]) >> 7 - bit % 8 & 1;
        if (difference != 0) {
          return false;
        }
      }
      return true;
    }
  }
}
