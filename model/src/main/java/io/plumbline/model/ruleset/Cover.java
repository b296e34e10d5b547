package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.List;

/** Splits the interval of one field of a diagram's piece into values that a rule can name. */
final class Cover {
  private final Field field;
  private final int bits;
  private final long lowHi;
  private final long highHi;
  private final long lowLo;
  private final long highLo;

  /**
   * Makes the cover of one field of a piece.
   *
   * @param index the field's position in the table
   * @param low the piece's lowest value of each level
   * @param high the piece's highest value of each level
   */
  Cover(FieldTable table, int index, int flowClass, long[] low, long[] high) {
    int level = table.firstLevel(index);
    field = table.fields().get(index);
    bits = field.form(flowClass).bits();
    lowHi = low[level];
    highHi = high[level];
    lowLo = bits > 64 ? low[level + 1] : 0;
    highLo = bits > 64 ? high[level + 1] : 0;
  }

  private boolean isPrefix() {
    return field.kind() == Field.Kind.PREFIX && bits > 0;
  }

  /** Returns whether the lower half of an address may be anything. */
  private boolean isUpperOnly() {
    return bits <= 64 || lowLo == 0 && highLo == -1L;
  }

  /** Returns the first values, at most the number given. */
  List<Values> values(int most) {
    if (!isPrefix()) {
      return List.of(new ValueRange(lowHi, highHi));
    }
    List<Values> values = new ArrayList<>();
    Family family = bits == 32 ? Family.IPV4 : Family.IPV6;
    int width = Math.min(bits, 64);
    if (isUpperOnly()) {
      for (Blocks b = new Blocks(lowHi, highHi, width); values.size() < most && b.next(); ) {
        values.add(new Prefix(family, b.start, 0, width - b.free));
      }
      return values;
    }
    for (long half = lowHi; values.size() < most; half++) {
      for (Blocks b = new Blocks(lowLo, highLo, 64); values.size() < most && b.next(); ) {
        values.add(new Prefix(family, half, b.start, 128 - b.free));
      }
      if (half == highHi) {
        break;
      }
    }
    return values;
  }

  /** Returns how many values there are. */
  long count() {
    if (!isPrefix()) {
      return 1;
    }
    long count = 0;
    boolean upper = isUpperOnly();
    for (Blocks b = new Blocks(upper ? lowHi : lowLo, upper ? highHi : highLo, Math.min(bits, 64));
        b.next(); ) {
      count++;
    }
    return upper ? count : count * (highHi - lowHi + 1);
  }

  /** Cuts a range into the fewest blocks whose size is a power of two that their start divides. */
  private static final class Blocks {
    private final long high;
    private final int width;
    private boolean done;
    private long following;

    /** First value of the block. */
    long start;

    /** How many bits are free in it. */
    int free;

    Blocks(long low, long high, int width) {
      this.following = low;
      this.high = high;
      this.width = width;
    }

    boolean next() {
      if (done) {
        return false;
      }
      start = following;
      free = start == 0 ? width : Math.min(width, Long.numberOfTrailingZeros(start));
      while (Long.compareUnsigned(last(), high) > 0) {
        free--;
      }
      done = last() == high;
      following = last() + 1;
      return true;
    }

    private long last() {
      return free == 64 ? -1L : start | ((1L << free) - 1);
    }
  }
}
