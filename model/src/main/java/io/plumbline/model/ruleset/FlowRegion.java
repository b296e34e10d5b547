package io.plumbline.model.ruleset;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Packets of one class each of whose fields has one of a set of values: the normal form of what a
 * rule matches.
 */
public final class FlowRegion {
  private final FieldTable table;
  private final int flowClass;
  private final Values[] values;

  /**
   * Makes a region.
   *
   * @param values what is demanded of each field, in the order of the table; of a field that
   *     packets of the class do not have, anything
   */
  public FlowRegion(FieldTable table, Values... values) {
    this.table = table;
    this.values = values.clone();
    if (values.length != table.fields().size()) {
      throw new IllegalArgumentException(
          "region: %d fields: expected %d".formatted(values.length, table.fields().size()));
    }
    flowClass = table.classed() ? (int) values[0].low(0) : 0;
    for (int i = 0; i < values.length; i++) {
      Field field = table.fields().get(i);
      if (field.form(flowClass).bits() == 0) {
        this.values[i] = field.any(flowClass);
      } else if (!field.admits(flowClass, values[i])
          || i == 0 && table.classed() && values[0].high(0) != flowClass) {
        throw new IllegalArgumentException(
            "%s: %s: expected values of the field in one class".formatted(field, values[i]));
      }
    }
  }

  /** Returns the table of its fields. */
  public FieldTable table() {
    return table;
  }

  /** Returns the class of its packets. */
  public int flowClass() {
    return flowClass;
  }

  /** Returns what is demanded of a field. */
  public Values get(Field field) {
    return values[table.indexOf(field)];
  }

  /** Returns whether nothing is demanded of a field. */
  public boolean isAny(Field field) {
    int index = table.indexOf(field);
    return isAny(field, index);
  }

  private boolean isAny(Field field, int index) {
    if (index == 0 && table.classed()) {
      return false;
    }
    return values[index].equals(field.any(flowClass));
  }

  /** Returns the region with something else demanded of one field, other than its class. */
  public FlowRegion with(Field field, Values other) {
    Values[] changed = values.clone();
    changed[table.indexOf(field)] = other;
    return new FlowRegion(table, changed);
  }

  /** Returns the same demands of packets of another class; empty if those cannot meet them. */
  public Optional<FlowRegion> inClass(int other) {
    Values[] changed = values.clone();
    changed[0] = ValueRange.of(other);
    for (int i = 1; i < values.length; i++) {
      Field field = table.fields().get(i);
      if (isAny(field, i)) {
        changed[i] = field.any(other);
      } else if (field.form(other).bits() > 0 && !field.admits(other, values[i])) {
        return Optional.empty();
      }
    }
    return Optional.of(new FlowRegion(table, changed));
  }

  /** Returns of how many fields other than the class something is demanded. */
  public int demands() {
    int demands = 0;
    for (int i = table.classed() ? 1 : 0; i < values.length; i++) {
      demands += isAny(table.fields().get(i), i) ? 0 : 1;
    }
    return demands;
  }

  /** Returns the lowest value of a level. */
  long low(int level) {
    return values[table.fieldOfLevel(level)].low(table.partOfLevel(level));
  }

  /** Returns the highest value of a level. */
  long high(int level) {
    long high = values[table.fieldOfLevel(level)].high(table.partOfLevel(level));
    long max = table.max(flowClass, level);
    return Long.compareUnsigned(high, max) > 0 ? max : high;
  }

  /** Returns whether a packet is in it. */
  public boolean contains(Flow flow) {
    for (int level = 0; level < table.levels(); level++) {
      long value = flow.at(level);
      if (Long.compareUnsigned(value, low(level)) < 0
          || Long.compareUnsigned(value, high(level)) > 0) {
        return false;
      }
    }
    return true;
  }

  /** Returns the packet with the lowest value of each field. */
  public Flow lowest() {
    return new Flow(table, lowestKey());
  }

  private long[] lowestKey() {
    long[] key = new long[table.levels()];
    for (int level = 0; level < key.length; level++) {
      key[level] = low(level);
    }
    return key;
  }

  /** Returns the packet with the highest value of each field. */
  public Flow highest() {
    long[] key = new long[table.levels()];
    for (int level = 0; level < key.length; level++) {
      key[level] = high(level);
    }
    return new Flow(table, key);
  }

  /** Returns a readable example: the usual value of each field where the region allows it. */
  public Flow example() {
    long[] key = lowestKey();
    for (int i = 0; i < values.length; i++) {
      Form form = table.fields().get(i).form(flowClass);
      int level = table.firstLevel(i);
      boolean wide = form.bits() > 64;
      if (isBetween(level, form.exampleHi()) && (!wide || isBetween(level + 1, form.exampleLo()))) {
        key[level] = form.exampleHi();
        if (wide) {
          key[level + 1] = form.exampleLo();
        }
      }
    }
    return new Flow(table, key);
  }

  private boolean isBetween(int level, long value) {
    return Long.compareUnsigned(low(level), value) <= 0
        && Long.compareUnsigned(value, high(level)) <= 0;
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof FlowRegion other
        && table == other.table
        && Arrays.equals(values, other.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  /** Returns the region as its language writes it. */
  @Override
  public String toString() {
    return table.text(this);
  }

  /** Returns several regions with commas between them. */
  public static String join(List<FlowRegion> regions) {
    return regions.stream().map(FlowRegion::toString).collect(Collectors.joining(", "));
  }
}
