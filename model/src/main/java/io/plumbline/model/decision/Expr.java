package io.plumbline.model.decision;

/**
 * An unsigned number read from a frame, its length, a constant or the program's input.
 *
 * <p>The set is closed, so that a list can be evaluated, printed, counted and translated for a
 * solver alike. There are no loops; an expression is a finite tree. {@code toString()} gives the
 * text that documentation and reports show.
 */
public sealed interface Expr {

  /** A constant, unsigned. */
  record Constant(long value) implements Expr {
    @Override
    public String toString() {
      return Long.toString(value);
    }
  }

  /** A constant that reads better in hexadecimal. */
  record HexConstant(long value, int digits) implements Expr {
    @Override
    public String toString() {
      return "0x" + String.format("%0" + digits + "x", value);
    }
  }

  /** The length of the frame in bytes, from the Ethernet header on. */
  record Length() implements Expr {
    @Override
    public String toString() {
      return "len";
    }
  }

  /**
   * A big-endian field of the frame. Reading past the frame's end is an error of the list: a clause
   * before must have tested the length.
   *
   * @param offset in bytes from the Ethernet header
   * @param bytes 1, 2, 4 or 8
   */
  record Load(Expr offset, int bytes) implements Expr {
    public Load {
      if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) {
        throw new IllegalArgumentException(
            "load: width %d: expected 1, 2, 4 or 8".formatted(bytes));
      }
    }

    @Override
    public String toString() {
      return "u%d[%s]".formatted(8 * bytes, offset);
    }
  }

  /** The program's scalar input: an address or a port, in host order. */
  record Input() implements Expr {
    @Override
    public String toString() {
      return "input";
    }
  }

  /**
   * What {@link io.plumbline.model.packet.Ipv6Extensions} finds in a frame that has a whole IPv6
   * header: a loop of at most eight steps, as one expression.
   */
  record Ipv6Walk(io.plumbline.model.packet.Ipv6Extensions.Part part) implements Expr {
    @Override
    public String toString() {
      return "ip6." + part.word();
    }
  }

  /** Two numbers joined; 64 bits wide, so that header arithmetic cannot overflow. */
  record Binary(Operator operator, Expr left, Expr right) implements Expr {
    @Override
    public String toString() {
      return "%s %s %s".formatted(operand(left), operator.symbol(), operand(right));
    }

    /** A sum within anything but a sum needs parentheses. */
    private String operand(Expr expr) {
      boolean sum = expr instanceof Binary binary && binary.operator == Operator.ADD;
      return sum && operator != Operator.ADD ? "(" + expr + ")" : expr.toString();
    }
  }

  /** One number or another. */
  record Choice(Guard guard, Expr then, Expr otherwise) implements Expr {
    @Override
    public String toString() {
      return "(%s ? %s : %s)".formatted(guard, then, otherwise);
    }
  }

  /** An expression that is printed by its usual name, such as {@code ip.daddr}. */
  record Named(String name, Expr expr) implements Expr {
    @Override
    public String toString() {
      return name;
    }
  }

  /** How two numbers are joined. */
  enum Operator {
    ADD("+"),
    MULTIPLY("*"),
    AND("&"),
    SHIFT_RIGHT(">>");

    private final String symbol;

    Operator(String symbol) {
      this.symbol = symbol;
    }

    String symbol() {
      return symbol;
    }
  }

  static Expr constant(long value) {
    return new Constant(value);
  }

  /** A constant printed in hexadecimal with at least so many digits. */
  static Expr hex(long value, int digits) {
    return new HexConstant(value, digits);
  }

  static Expr length() {
    return new Length();
  }

  static Expr input() {
    return new Input();
  }

  static Expr u8(Expr offset) {
    return new Load(offset, 1);
  }

  static Expr u16(Expr offset) {
    return new Load(offset, 2);
  }

  static Expr u32(Expr offset) {
    return new Load(offset, 4);
  }

  static Expr u64(Expr offset) {
    return new Load(offset, 8);
  }

  static Expr choice(Guard guard, Expr then, Expr otherwise) {
    return new Choice(guard, then, otherwise);
  }

  default Expr plus(long value) {
    return plus(constant(value));
  }

  default Expr plus(Expr other) {
    return new Binary(Operator.ADD, this, other);
  }

  default Expr times(long value) {
    return new Binary(Operator.MULTIPLY, this, constant(value));
  }

  default Expr and(long mask) {
    return new Binary(Operator.AND, this, hex(mask, 1));
  }

  default Expr shiftRight(int bits) {
    return new Binary(Operator.SHIFT_RIGHT, this, constant(bits));
  }

  default Expr named(String name) {
    return new Named(name, this);
  }

  default Guard eq(Expr other) {
    return new Guard.Compare(Guard.Relation.EQ, this, other);
  }

  default Guard eq(long value) {
    return eq(constant(value));
  }

  default Guard ne(Expr other) {
    return new Guard.Compare(Guard.Relation.NE, this, other);
  }

  default Guard ne(long value) {
    return ne(constant(value));
  }

  default Guard lt(Expr other) {
    return new Guard.Compare(Guard.Relation.LT, this, other);
  }

  default Guard lt(long value) {
    return lt(constant(value));
  }

  /** This number lies between two, both included, compared unsigned. */
  default Guard inRange(long low, long high) {
    return new Guard.InRange(this, low, high);
  }

  /** This number is in the program's input set. */
  default Guard inAllowed() {
    return new Guard.InAllowed(this);
  }

  /** This IPv4 address is in a prefix. */
  default Guard inPrefix(int address, int length) {
    return new Guard.InPrefix(this, address, length);
  }
}
