package io.plumbline.conformance.symbolic;

/**
 * A number of 64 bits, or a truth, as an expression over a frame, its context and variables. Equal
 * terms of one {@link Terms} are the same object.
 */
public final class Term {
  /** What a term is made with. */
  public enum Op {
    /** A number. */
    CONST,
    /** An unknown; its width is in {@link #bits()}. */
    VAR,
    /** The frame's byte at an offset. */
    BYTE,
    ADD,
    SUB,
    MUL,
    UDIV,
    UREM,
    SDIV,
    SREM,
    AND,
    OR,
    XOR,
    SHL,
    LSHR,
    ASHR,
    /** One number or another. */
    CHOICE,
    /** True or false. */
    TRUTH,
    EQ,
    ULT,
    SLT,
    NOT,
    BOTH,
    EITHER;

    /** Returns whether such a term is a truth rather than a number. */
    public boolean truth() {
      return switch (this) {
        case TRUTH, EQ, ULT, SLT, NOT, BOTH, EITHER -> true;
        default -> false;
      };
    }
  }

  private static final long MIX = 0x9E37_79B9_7F4A_7C15L; // 2^64 over the golden ratio, odd

  private final Op op;
  private final long value;
  private final String name;
  private final Term[] parts;
  private final long bits;
  private final long least;
  private final long most;
  private final int id;
  private final int hash;

  Term(Op op, long value, String name, Term[] parts, long bits, int id) {
    this.op = op;
    this.value = value;
    this.name = name;
    this.parts = parts;
    this.bits = bits;
    least = lowerBound();
    most = bound();
    this.id = id;
    long code = MIX * (31 * op.name().hashCode() + name.hashCode()) ^ value;
    for (Term part : parts) {
      // Numbers of parts are near each other: they have to be spread.
      code = MIX * (code ^ code >>> 32) ^ part.id;
    }
    hash = Long.hashCode(MIX * code);
  }

  public Op op() {
    return op;
  }

  /** Returns the value of a CONST, 0 or 1 of a TRUTH. */
  public long value() {
    return value;
  }

  /** Returns the name of a VAR. */
  public String name() {
    return name;
  }

  /** Returns how many terms this one is made of. */
  public int arity() {
    return parts.length;
  }

  /** Returns one of the terms it is made of. */
  public Term part(int i) {
    return parts[i];
  }

  /** Returns which bits of the number can be one. */
  public long bits() {
    return bits;
  }

  /** Returns a number for it that is unique among its {@link Terms}, parts before wholes. */
  public int id() {
    return id;
  }

  public boolean isConst() {
    return op == Op.CONST;
  }

  public boolean isTrue() {
    return op == Op.TRUTH && value == 1;
  }

  public boolean isFalse() {
    return op == Op.TRUTH && value == 0;
  }

  /** Returns a number that it is at most, unsigned; only sure to be small when that is. */
  long most() {
    return most;
  }

  /** Returns a number that it is at least, not below zero. */
  long least() {
    return least;
  }

  /** Returns whether it is a constant less than another number, and never below zero. */
  private boolean isRest() {
    return op == Op.ADD
        && parts[1].op == Op.CONST
        && parts[1].value < 0
        && parts[0].least + parts[1].value >= 0;
  }

  private long lowerBound() {
    return switch (op) {
      case CONST -> Math.max(0, value);
      case CHOICE -> Math.min(parts[1].least, parts[2].least);
      case ADD ->
          isRest()
              ? parts[0].least + parts[1].value
              : parts[0].most >= 0 && parts[1].most >= 0 && parts[0].most + parts[1].most >= 0
                  ? parts[0].least + parts[1].least
                  : 0;
      default -> 0;
    };
  }

  /** Returns all bits up to the highest one that can be one. */
  long mask() {
    return bits == 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(bits);
  }

  /** Works out the bound of {@link #most}: a sum of some numbers is far below what its bits say. */
  private long bound() {
    long mask = mask();
    long bound =
        switch (op) {
          case CONST -> value;
          case ADD -> parts[0].most + parts[1].most;
          case CHOICE -> larger(parts[1].most, parts[2].most);
          case AND -> smaller(parts[0].most, parts[1].most);
          case LSHR -> parts[1].isConst() ? parts[0].most >>> parts[1].value : mask;
          case SHL ->
              parts[1].isConst()
                      && parts[0].most >= 0
                      && Long.numberOfLeadingZeros(parts[0].most) > parts[1].value
                  ? parts[0].most << parts[1].value
                  : mask;
          default -> mask;
        };
    boolean overflows = op == Op.ADD && !isRest() && (parts[0].most < 0 || parts[1].most < 0);
    return overflows ? mask : smaller(bound, mask);
  }

  private static long larger(long a, long b) {
    return Long.compareUnsigned(a, b) > 0 ? a : b;
  }

  private static long smaller(long a, long b) {
    return Long.compareUnsigned(a, b) < 0 ? a : b;
  }

  boolean same(Term other) {
    if (op != other.op
        || value != other.value
        || bits != other.bits
        || parts.length != other.parts.length
        || !name.equals(other.name)) {
      return false;
    }
    for (int i = 0; i < parts.length; i++) {
      if (parts[i].id != other.parts[i].id) {
        return false;
      }
    }
    return true;
  }

  int shapeHash() {
    return hash;
  }

  @Override
  public String toString() {
    return TermText.of(this);
  }
}
