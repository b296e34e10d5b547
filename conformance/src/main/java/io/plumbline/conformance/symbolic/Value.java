package io.plumbline.conformance.symbolic;

/** What a register or a piece of memory holds. */
public sealed interface Value {

  /** A number. */
  record Num(Term term) implements Value {}

  /**
   * An address.
   *
   * @param offset from the region's start, in bytes
   * @param low only its low 32 bits, which serve for distances
   */
  record Pointer(Region region, Term offset, boolean low) implements Value {}

  /** What an address points into. */
  sealed interface Region {
    /** The frame. */
    record Packet() implements Region {}

    /** The structure that the program was given. */
    record Context() implements Region {}

    /** The stack of a function; the entry's is 0. */
    record Stack(int frame) implements Region {}

    /** Global variables: a map of the object. */
    record Variables(int map) implements Region {}

    /** A map itself. */
    record Map(SymbolicMap map) implements Region {}

    /** A value in a map. */
    record Entry(SymbolicMap.Entry entry) implements Region {}

    /** A function. */
    record Function(int slot) implements Region {}
  }

  static Value of(Term term) {
    return new Num(term);
  }

  static Value pointer(Region region, Term offset) {
    return new Pointer(region, offset, false);
  }
}
