package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Term.Op;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the conditions of a way say of single numbers: between which bounds they are. It answers at
 * once what would be a question to the solver otherwise; what it does not see, it does not answer.
 */
final class Facts {
  private static final int DEPTH = 12;

  /** Bounds, both included; numbers are below 2^63. */
  private record Bounds(long low, long high) {}

  /** One number is at least another one and a constant more. */
  private record Distance(Term larger, Term smaller) {}

  private final Map<Term, Bounds> bounds = new HashMap<>();
  private final Map<Distance, Long> distances = new HashMap<>();

  Facts() {}

  Facts(Facts other) {
    bounds.putAll(other.bounds);
    distances.putAll(other.distances);
  }

  /** Keeps what another one says too. */
  void retain(Facts other) {
    bounds.entrySet().retainAll(other.bounds.entrySet());
    distances.entrySet().retainAll(other.distances.entrySet());
  }

  /** Notes that a condition holds. */
  void learn(Term condition) {
    Term plain = condition.op() == Op.NOT ? condition.part(0) : condition;
    boolean holds = condition.op() != Op.NOT;
    switch (plain.op()) {
      case BOTH -> {
        if (holds) {
          learn(plain.part(0));
          learn(plain.part(1));
        }
      }
      case EQ -> {
        if (plain.part(1).isConst() && plain.part(1).value() >= 0 && holds) {
          narrow(plain.part(0), plain.part(1).value(), plain.part(1).value());
          prefix(plain.part(0), plain.part(1).value());
        }
      }
      case ULT -> {
        Term a = plain.part(0);
        Term b = plain.part(1);
        if (b.isConst() && b.value() >= 0) {
          narrow(a, holds ? 0 : b.value(), holds ? b.value() - 1 : Long.MAX_VALUE);
        } else if (a.isConst() && a.value() >= 0) {
          narrow(b, holds ? a.value() + 1 : 0, holds ? Long.MAX_VALUE : a.value());
        } else if (!holds && b.op() == Op.ADD && b.part(1).isConst() && b.bits() >= 0) {
          distances.merge(new Distance(a, b.part(0)), b.part(1).value(), Math::max);
        }
      }
      default -> {}
    }
  }

  /** Notes the bounds of a number of which the highest bits are known. */
  private void prefix(Term term, long value) {
    if (term.op() == Op.AND && term.part(1).isConst()) {
      Term whole = term.part(0);
      long low = whole.mask() & ~term.part(1).value();
      if (low >= 0 && (low & low + 1) == 0 && (value & low) == 0) {
        narrow(whole, value, value | low);
      }
    } else if (term.op() == Op.LSHR && term.part(1).isConst() && term.part(1).value() < 32) {
      long shift = term.part(1).value();
      if (value < 1L << 31) {
        narrow(term.part(0), value << shift, (value << shift) + (1L << shift) - 1);
      }
    }
  }

  private void narrow(Term term, long low, long high) {
    if (term.bits() < 0) {
      return;
    }
    Bounds before = of(term, 0);
    Bounds now = new Bounds(Math.max(before.low, low), Math.min(before.high, high));
    bounds.put(term, now);
    if (now.low > now.high || term.op() != Op.OR) {
      return;
    }
    Term lower = term.part(0).bits() < term.part(1).bits() ? term.part(0) : term.part(1);
    Term upper = lower == term.part(0) ? term.part(1) : term.part(0);
    long below = lower.mask(); // two numbers side by side: the upper one may be known by now
    if ((upper.bits() & below) == 0 && (now.low & ~below) == (now.high & ~below)) {
      if (!upper.isConst()) {
        narrowUpper(upper, now.low & ~below);
      }
      narrow(lower, now.low & below, now.high & below);
    }
  }

  private void narrowUpper(Term upper, long value) {
    narrow(upper, value, value);
    if (upper.op() == Op.SHL
        && upper.part(1).isConst()
        && upper.part(1).value() < 32
        && upper.part(0).bits() >= 0
        && upper.part(0).bits() <= 0x7FFF_FFFFL) {
      long number = value >>> upper.part(1).value();
      narrow(upper.part(0), number, number);
    }
  }

  private Bounds of(Term term, int depth) {
    if (term.isConst()) {
      return new Bounds(term.value(), term.value());
    }
    Bounds known = bounds.get(term);
    if (known != null && known.low == known.high) {
      return known;
    }
    Bounds computed = depth < DEPTH ? computed(term, depth) : null;
    if (computed == null) {
      return known != null ? known : new Bounds(0, term.most() < 0 ? Long.MAX_VALUE : term.most());
    }
    return known == null
        ? computed
        : new Bounds(Math.max(known.low, computed.low), Math.min(known.high, computed.high));
  }

  private @Nullable Bounds computed(Term term, int depth) {
    boolean simple =
        switch (term.op()) {
          case OR, AND, SHL, LSHR, ADD -> true;
          default -> false;
        };
    if (!simple) {
      return null;
    }
    Bounds a = of(term.part(0), depth + 1);
    Bounds b = of(term.part(1), depth + 1);
    // Numbers side by side, neither of which changes bits of the other, are a sum.
    if (term.op() == Op.OR
        && term.bits() >= 0
        && (term.part(0).bits() & term.part(1).bits()) == 0) {
      return a.high + b.high < 0 ? null : new Bounds(a.low + b.low, a.high + b.high);
    }
    if (term.op() == Op.SHL && b.low == b.high && b.low < 31 && a.high <= 0xFFFF_FFFFL) {
      return new Bounds(a.low << b.low, a.high << b.low);
    }
    if (a.low != a.high || b.low != b.high) {
      return null;
    }
    long number =
        switch (term.op()) {
          case OR -> a.low | b.low;
          case AND -> a.low & b.low;
          case SHL -> a.low << b.low;
          case LSHR -> a.low >>> b.low;
          default -> a.low + b.low;
        };
    return new Bounds(number, number);
  }

  /** Returns the only number that a term can be, or null. */
  @Nullable Long number(Term term) {
    if (term.bits() < 0) {
      return null;
    }
    Bounds range = of(term, 0);
    return range.low == range.high ? range.low : null;
  }

  /** Returns whether a condition holds, or null if this does not say. */
  @Nullable Boolean holds(Term condition) {
    if (condition.op() == Op.NOT) {
      Boolean opposite = holds(condition.part(0));
      return opposite == null ? null : !opposite;
    }
    if (condition.op() == Op.BOTH || condition.op() == Op.EITHER) {
      boolean decisive = condition.op() == Op.EITHER;
      Boolean first = holds(condition.part(0));
      Boolean second = holds(condition.part(1));
      if (first != null && first == decisive || second != null && second == decisive) {
        return decisive;
      }
      return first != null && second != null ? !decisive : null;
    }
    if (condition.op() != Op.EQ && condition.op() != Op.ULT) {
      return null;
    }
    Term left = condition.part(0);
    Term right = condition.part(1);
    if (left.bits() < 0 || right.bits() < 0) {
      return null;
    }
    Bounds a = of(left, 0);
    Bounds b = of(right, 0);
    if (condition.op() == Op.EQ) {
      if (a.high < b.low || b.high < a.low) {
        return false;
      }
      return a.low == a.high && b.low == b.high ? true : null;
    }
    if (a.high < b.low) {
      return true;
    }
    if (a.low >= b.high) {
      return false;
    }
    boolean sum = right.op() == Op.ADD && right.part(1).isConst() && right.part(1).value() >= 0;
    Long least = sum ? distances.get(new Distance(left, right.part(0))) : null;
    return least != null && right.part(1).value() <= least ? false : null;
  }

  /** Returns a condition without those of its parts that are known to hold, or not to hold. */
  Term simplify(Terms terms, Term condition) {
    return switch (condition.op()) {
      case NOT -> terms.not(simplify(terms, condition.part(0)));
      case BOTH ->
          terms.both(simplify(terms, condition.part(0)), simplify(terms, condition.part(1)));
      case EITHER ->
          terms.either(simplify(terms, condition.part(0)), simplify(terms, condition.part(1)));
      default -> {
        Boolean known = holds(condition);
        yield known == null ? condition : terms.truth(known);
      }
    };
  }
}
