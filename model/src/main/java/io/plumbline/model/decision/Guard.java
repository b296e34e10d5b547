package io.plumbline.model.decision;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A condition over a frame, the program's input and its mode. The set is closed; see {@link Expr}.
 */
public sealed interface Guard {

  /** Holds for every frame. */
  record Always() implements Guard {
    @Override
    public String toString() {
      return "otherwise";
    }
  }

  /** Two numbers compared, unsigned. */
  record Compare(Relation relation, Expr left, Expr right) implements Guard {
    @Override
    public String toString() {
      return "%s %s %s".formatted(left, relation.symbol(), right);
    }
  }

  /** A number is in the program's input set. */
  record InAllowed(Expr value) implements Guard {
    @Override
    public String toString() {
      return value + " in allowed";
    }
  }

  /** A number lies between two, both included, compared unsigned. */
  record InRange(Expr value, long low, long high) implements Guard {
    @Override
    public String toString() {
      return low == high
          ? "%s == %s".formatted(value, Long.toUnsignedString(low))
          : "%s in %s..%s"
              .formatted(value, Long.toUnsignedString(low), Long.toUnsignedString(high));
    }
  }

  /** A condition that is printed in the words of a policy. */
  record Named(String text, Guard guard) implements Guard {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * An IPv4 address is in a prefix: a masked match.
   *
   * @param address host order, host bits zero
   * @param length 1..32
   */
  record InPrefix(Expr value, int address, int length) implements Guard {
    public InPrefix {
      if (length < 1 || length > 32 || (address & ~(-1 << (32 - length))) != 0 && length < 32) {
        throw new IllegalArgumentException(
            "prefix: 0x%08x/%d: expected a length of 1..32 and no host bits"
                .formatted(address, length));
      }
    }

    @Override
    public String toString() {
      return "%s in %d.%d.%d.%d/%d"
          .formatted(
              value,
              address >>> 24,
              address >>> 16 & 0xFF,
              address >>> 8 & 0xFF,
              address & 0xFF,
              length);
    }
  }

  /** The program runs as a stage of a chain. */
  record Chained() implements Guard {
    @Override
    public String toString() {
      return "chained";
    }
  }

  /** The opposite of a guard. */
  record Not(Guard guard) implements Guard {
    @Override
    public String toString() {
      return guard instanceof Chained ? "standalone" : "not (" + guard + ")";
    }
  }

  /** Every guard of a list, evaluated in order up to the first that fails. */
  record AllOf(List<Guard> guards) implements Guard {
    public AllOf {
      guards = List.copyOf(guards);
    }

    @Override
    public String toString() {
      return guards.stream().map(Guard::grouped).collect(Collectors.joining(" and "));
    }
  }

  /** At least one guard of a list, evaluated in order up to the first that holds. */
  record AnyOf(List<Guard> guards) implements Guard {
    public AnyOf {
      guards = List.copyOf(guards);
    }

    @Override
    public String toString() {
      return guards.stream().map(Guard::grouped).collect(Collectors.joining(" or "));
    }
  }

  /** How two numbers are compared. */
  enum Relation {
    EQ("=="),
    NE("!="),
    LT("<");

    private final String symbol;

    Relation(String symbol) {
      this.symbol = symbol;
    }

    String symbol() {
      return symbol;
    }
  }

  static Guard always() {
    return new Always();
  }

  static Guard chained() {
    return new Chained();
  }

  static Guard standalone() {
    return new Not(new Chained());
  }

  static Guard allOf(Guard... guards) {
    return new AllOf(List.of(guards));
  }

  static Guard anyOf(Guard... guards) {
    return new AnyOf(List.of(guards));
  }

  default Guard not() {
    return new Not(this);
  }

  private static String grouped(Guard guard) {
    return guard instanceof AllOf || guard instanceof AnyOf ? "(" + guard + ")" : guard.toString();
  }
}
