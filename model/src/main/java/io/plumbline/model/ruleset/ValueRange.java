package io.plumbline.model.ruleset;

/**
 * Numbers from one to another, both included, unsigned.
 *
 * @param high at least {@code low}
 */
public record ValueRange(long low, long high) implements Values {
  public ValueRange {
    if (Long.compareUnsigned(low, high) > 0) {
      throw new IllegalArgumentException(
          "range: %s-%s".formatted(Long.toUnsignedString(low), Long.toUnsignedString(high)));
    }
  }

  /** Returns the range of one number. */
  public static ValueRange of(long value) {
    return new ValueRange(value, value);
  }

  /** Returns whether it is one number. */
  public boolean single() {
    return low == high;
  }

  @Override
  public long low(int part) {
    return part == 0 ? low : 0;
  }

  @Override
  public long high(int part) {
    return part == 0 ? high : 0;
  }

  @Override
  public String toString() {
    String first = Long.toUnsignedString(low);
    return single() ? first : first + "-" + Long.toUnsignedString(high);
  }
}
