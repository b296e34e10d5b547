package io.plumbline.model.ruleset;

/**
 * What a rule demands of one field: a set of its values.
 *
 * <p>A value of up to 64 bits has one part; one of 128 bits has two, the higher half first. The set
 * holds every value whose parts each lie between the lowest and the highest, compared unsigned.
 */
public sealed interface Values permits Prefix, ValueRange {
  /** Returns the lowest value of part 0 or 1. */
  long low(int part);

  /** Returns the highest value of part 0 or 1. */
  long high(int part);
}
