package io.plumbline.model.ruleset;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A packet as rules see it: a value for each field of a table. */
public final class Flow {
  private final FieldTable table;
  private final long[] key;

  /**
   * Makes a flow.
   *
   * @param key a number for each level of the table; those of fields that packets of the class do
   *     not have count as 0
   */
  public Flow(FieldTable table, long[] key) {
    this.table = table;
    this.key = key.clone();
    if (key.length != table.levels()) {
      throw new IllegalArgumentException(
          "flow: %d numbers: expected %d".formatted(key.length, table.levels()));
    }
    for (int level = 0; level < key.length; level++) {
      long max = table.max(flowClass(), level);
      if (max == 0) {
        this.key[level] = 0;
      } else if (Long.compareUnsigned(key[level], max) > 0) {
        throw new IllegalArgumentException(
            "flow: %s: %s: expected at most %s"
                .formatted(
                    table.fields().get(table.fieldOfLevel(level)),
                    Long.toUnsignedString(key[level]),
                    Long.toUnsignedString(max)));
      }
    }
  }

  /** Returns the class. */
  public int flowClass() {
    return table.classed() ? (int) key[0] : 0;
  }

  /** Returns the value of a field; of 128 bits, the higher half. */
  public long get(Field field) {
    return key[table.level(field)];
  }

  /** Returns the lower half of a field of 128 bits; 0 if it has fewer in the class. */
  public long lower(Field field) {
    return field.form(flowClass()).bits() > 64 ? key[table.level(field) + 1] : 0;
  }

  /** Returns the numbers of all levels. */
  public long[] key() {
    return key.clone();
  }

  long at(int level) {
    return key[level];
  }

  /** Returns the region of just this flow. */
  public FlowRegion region() {
    Values[] values = new Values[table.fields().size()];
    for (int i = 0; i < values.length; i++) {
      Field field = table.fields().get(i);
      int bits = field.form(flowClass()).bits();
      values[i] =
          field.kind() == Field.Kind.PREFIX && bits > 0
              ? new Prefix(bits == 32 ? Family.IPV4 : Family.IPV6, get(field), lower(field), bits)
              : ValueRange.of(get(field));
    }
    return new FlowRegion(table, values);
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Flow other && table == other.table && Arrays.equals(key, other.key);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(key);
  }

  /** Returns the region of just this flow as its language writes it. */
  @Override
  public String toString() {
    return region().toString();
  }
}
