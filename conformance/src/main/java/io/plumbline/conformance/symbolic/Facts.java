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

  private void narrow(Term term, long low, long high) {
    if (term.bits() >= 0) {
      Bounds before = of(term, 0);
      bounds.put(term, new Bounds(Math.max(before.low, low), Math.min(before.high, high)));
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
    Long number = depth < DEPTH ? computed(term, depth) : null;
    if (number != null) {
      return new Bounds(number, number);
    }
    return known != null ? known : new Bounds(0, term.most() < 0 ? Long.MAX_VALUE : term.most());
  }

  private @Nullable Long computed(Term term, int depth) {
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
    if (a.low != a.high || b.low != b.high) {
      return null;
    }
    return switch (term.op()) {
      case OR -> a.low | b.low;
      case AND -> a.low & b.low;
      case SHL -> a.low << b.low;
      case LSHR -> a.low >>> b.low;
      default -> a.low + b.low;
    };
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
}
