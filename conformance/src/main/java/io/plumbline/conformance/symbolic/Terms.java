package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Term.Op;
import io.plumbline.model.hook.Hook;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes terms, as simple as can be seen at once: constants are computed, and a mask that clears
 * nothing is left out. Not safe for several threads at once.
 */
public final class Terms {
  private static final Term[] NONE = {};

  /** Sums of two such numbers are far from overflowing. */
  private static final long SMALL = 1L << 40;

  private record Shape(Term term) {
    @Override
    public boolean equals(Object o) {
      return o instanceof Shape other && term.same(other.term);
    }

    @Override
    public int hashCode() {
      return term.shapeHash();
    }
  }

  private final Map<Shape, Term> pool = new HashMap<>();
  private final Term yes = make(Op.TRUTH, 1, "", 0);
  private final Term no = make(Op.TRUTH, 0, "", 0);
  private int fresh;
  private final int hidden;

  /** Makes terms about packets of which programs see all. */
  public Terms() {
    this(0);
  }

  /** Makes terms about packets at a hook. */
  public Terms(Hook hook) {
    this(hook.hidden());
  }

  private Terms(int hidden) {
    this.hidden = hidden;
  }

  /** Returns how many bytes of a frame stand before the first that a program sees. */
  int hidden() {
    return hidden;
  }

  private Term make(Op op, long value, String name, long bits, Term... parts) {
    Term made = new Term(op, value, name, parts, bits, pool.size());
    Term known = pool.putIfAbsent(new Shape(made), made);
    return known == null ? made : known;
  }

  public Term truth(boolean value) {
    return value ? yes : no;
  }

  public Term constant(long value) {
    return make(Op.CONST, value, "", value, NONE);
  }

  /**
   * Returns an unknown number.
   *
   * @param width how many of its low bits can be one, 1..64
   */
  public Term variable(String name, int width) {
    return make(Op.VAR, width, name, -1L >>> (64 - width), NONE);
  }

  /** Returns an unknown number that is none of those before. */
  public Term fresh(String name, int width) {
    return variable(name + "#" + fresh++, width);
  }

  /** Returns the frame's byte at an offset. */
  public Term frameByte(Term offset) {
    if (fixed(offset)) {
      return choice(offset.part(0), frameByte(offset.part(1)), frameByte(offset.part(2)));
    }
    return make(Op.BYTE, 0, "", 0xFF, offset);
  }

  /** Returns whether a term is one of some constants. */
  private static boolean fixed(Term term) {
    return term.op() == Op.CHOICE
        && (term.part(1).isConst() || fixed(term.part(1)))
        && (term.part(2).isConst() || fixed(term.part(2)));
  }

  /** Returns the number in so many bytes of the frame, the first the highest. */
  public Term bigEndian(Term offset, int bytes) {
    Term all = constant(0);
    for (int i = 0; i < bytes; i++) {
      all = or(shl(all, constant(8)), frameByte(add(offset, constant(i))));
    }
    return all;
  }

  public Term add(Term a, Term b) {
    if (a.isConst() && b.isConst()) {
      return constant(a.value() + b.value());
    }
    if (a.isConst()) {
      return add(b, a);
    }
    if (b.isConst()) {
      if (b.value() == 0) {
        return a;
      }
      if (a.op() == Op.ADD && a.part(1).isConst()) {
        return add(a.part(0), constant(a.part(1).value() + b.value()));
      }
      if (fixed(a)) {
        return choice(a.part(0), add(a.part(1), b), add(a.part(2), b));
      }
    } else if (a.op() == Op.ADD && a.part(1).isConst()) {
      return add(add(a.part(0), b), a.part(1));
    } else if (b.op() == Op.ADD && b.part(1).isConst()) {
      return add(add(a, b.part(0)), b.part(1));
    }
    long sum = a.most() + b.most();
    boolean small = a.most() >= 0 && b.most() >= 0 && sum >= 0;
    boolean ordered = a.id() < b.id() || b.isConst();
    return make(Op.ADD, 0, "", small ? below(sum) : -1, ordered ? a : b, ordered ? b : a);
  }

  private static long below(long most) {
    return most == 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(most);
  }

  public Term sub(Term a, Term b) {
    if (a == b) {
      return constant(0);
    }
    if (b.isConst()) {
      return add(a, constant(-b.value()));
    }
    if (a.op() == Op.ADD && (a.part(0) == b || a.part(1) == b)) {
      return a.part(0) == b ? a.part(1) : a.part(0);
    }
    return make(Op.SUB, 0, "", -1, a, b);
  }

  public Term mul(Term a, Term b) {
    if (a.isConst() && b.isConst()) {
      return constant(a.value() * b.value());
    }
    if (a.isConst()) {
      return mul(b, a);
    }
    if (b.isConst() && Long.bitCount(b.value()) <= 1) {
      return b.value() == 0 ? b : shl(a, constant(Long.numberOfTrailingZeros(b.value())));
    }
    boolean small = a.most() >= 0 && b.most() >= 0 && Math.multiplyHigh(a.most(), b.most()) == 0;
    long product = a.most() * b.most();
    // A fixed order, as for sums.
    if (b.id() < a.id() && !b.isConst()) {
      return mul(b, a);
    }
    return make(Op.MUL, 0, "", small && product >= 0 ? below(product) : -1, a, b);
  }

  /** Returns the quotient of unsigned numbers; the divisor is not zero. */
  public Term udiv(Term a, Term b) {
    return a.isConst() && b.isConst() && b.value() != 0
        ? constant(Long.divideUnsigned(a.value(), b.value()))
        : make(Op.UDIV, 0, "", below(a.most()), a, b);
  }

  /** Returns the remainder of unsigned numbers; the divisor is not zero. */
  public Term urem(Term a, Term b) {
    return a.isConst() && b.isConst() && b.value() != 0
        ? constant(Long.remainderUnsigned(a.value(), b.value()))
        : make(Op.UREM, 0, "", below(a.most()), a, b);
  }

  /** Returns the truncated quotient of signed numbers; the divisor is not zero. */
  public Term sdiv(Term a, Term b) {
    if (a.bits() >= 0 && b.bits() >= 0) {
      return udiv(a, b);
    }
    return a.isConst() && b.isConst() && b.value() != 0
        ? constant(a.value() / b.value())
        : make(Op.SDIV, 0, "", -1, a, b);
  }

  /** Returns what the truncated quotient leaves; the divisor is not zero. */
  public Term srem(Term a, Term b) {
    if (a.bits() >= 0 && b.bits() >= 0) {
      return urem(a, b);
    }
    return a.isConst() && b.isConst() && b.value() != 0
        ? constant(a.value() % b.value())
        : make(Op.SREM, 0, "", -1, a, b);
  }

  public Term and(Term a, Term b) {
    if (a.isConst() && b.isConst()) {
      return constant(a.value() & b.value());
    }
    if (a.isConst()) {
      return and(b, a);
    }
    if (a == b) {
      return a;
    }
    if ((a.bits() & b.bits()) == 0) {
      return constant(0);
    }
    if (b.isConst()) {
      long mask = b.value();
      if ((a.bits() & ~mask) == 0) {
        return a;
      }
      if (a.op() == Op.AND && a.part(1).isConst()) {
        return and(a.part(0), constant(a.part(1).value() & mask));
      }
      if (a.op() == Op.OR) {
        return or(and(a.part(0), b), and(a.part(1), b));
      }
      if ((mask & mask + 1) == 0 && a.most() >= 0 && a.most() <= mask) {
        return a;
      }
      if ((mask & mask + 1) == 0 && a.op() == Op.ADD) {
        Term sum = add(low(a.part(0), mask), low(a.part(1), mask));
        if (sum != a) {
          return and(sum, b);
        }
      }
      // Masks before shifts, so that a field taken out in either order is the same term.
      if (a.op() == Op.SHL && a.part(1).isConst()) {
        return shl(and(a.part(0), constant(mask >>> a.part(1).value())), a.part(1));
      }
      if (fixed(a)) {
        return choice(a.part(0), and(a.part(1), b), and(a.part(2), b));
      }
    }
    return make(Op.AND, 0, "", a.bits() & b.bits(), a, b);
  }

  /**
   * Returns a term of the same low bits: without a mask that leaves all of them, and of constants
   * the one nearest to zero.
   */
  private Term low(Term term, long mask) {
    if (term.isConst()) {
      int unused = Long.numberOfLeadingZeros(mask);
      return constant(term.value() << unused >> unused);
    }
    return term.op() == Op.AND && term.part(1).isConst() && (term.part(1).value() & mask) == mask
        ? term.part(0)
        : term;
  }

  public Term or(Term a, Term b) {
    if (a.isConst() && b.isConst()) {
      return constant(a.value() | b.value());
    }
    if (a.isConst()) {
      return or(b, a);
    }
    if (a == b || b.isConst() && b.value() == 0) {
      return a;
    }
    Term joined = joined(a, b);
    if (joined != null) {
      return joined;
    }
    if (a.op() == Op.OR) {
      Term inner = joined(a.part(1), b);
      if (inner != null) {
        return or(a.part(0), inner);
      }
      inner = joined(a.part(0), b);
      if (inner != null) {
        return or(inner, a.part(1));
      }
    }
    // A fixed order, so that the same bytes joined in another order are the same term.
    Term first = a.id() < b.id() || b.isConst() ? a : b;
    Term second = first == a ? b : a;
    return make(Op.OR, 0, "", a.bits() | b.bits(), first, second);
  }

  /** Returns one part of a number where two are joined, or null. */
  private @Nullable Term joined(Term a, Term b) {
    Term whole = a.op() == Op.AND && a.part(1).isConst() ? a.part(0) : a;
    Term other = b.op() == Op.AND && b.part(1).isConst() ? b.part(0) : b;
    if (whole != other) {
      return null;
    }
    long maskA = whole == a ? -1 : a.part(1).value();
    long maskB = other == b ? -1 : b.part(1).value();
    return and(whole, constant(maskA | maskB));
  }

  public Term xor(Term a, Term b) {
    if (a.isConst() && b.isConst()) {
      return constant(a.value() ^ b.value());
    }
    return a == b ? constant(0) : make(Op.XOR, 0, "", a.bits() | b.bits(), a, b);
  }

  /** Shifts by fewer than 64. */
  public Term shl(Term a, Term b) {
    if (!b.isConst()) {
      return make(Op.SHL, 0, "", -1, a, b);
    }
    int by = (int) b.value();
    if (a.isConst()) {
      return constant(a.value() << by);
    }
    if (by == 0) {
      return a;
    }
    if (a.op() == Op.SHL && a.part(1).isConst() && a.part(1).value() + by < 64) {
      return shl(a.part(0), constant(a.part(1).value() + by));
    }
    if (a.op() == Op.OR) {
      return or(shl(a.part(0), b), shl(a.part(1), b));
    }
    if (fixed(a)) {
      return choice(a.part(0), shl(a.part(1), b), shl(a.part(2), b));
    }
    // A part of a number that was taken out and is put back.
    if (a.op() == Op.LSHR && a.part(1).isConst() && a.part(1).value() == by) {
      return and(a.part(0), constant(-1L << by));
    }
    if (a.op() == Op.AND
        && a.part(1).isConst()
        && a.part(0).op() == Op.LSHR
        && a.part(0).part(1).isConst()
        && a.part(0).part(1).value() == by) {
      return and(a.part(0).part(0), constant(a.part(1).value() << by));
    }
    return a.bits() << by == 0 ? constant(0) : make(Op.SHL, 0, "", a.bits() << by, a, b);
  }

  /** Shifts by fewer than 64, and fills with zeros. */
  public Term lshr(Term a, Term b) {
    if (!b.isConst()) {
      return make(Op.LSHR, 0, "", -1, a, b);
    }
    int by = (int) b.value();
    if (a.isConst()) {
      return constant(a.value() >>> by);
    }
    if (by == 0) {
      return a;
    }
    if (a.bits() >>> by == 0) {
      return constant(0);
    }
    if (a.op() == Op.SHL && a.part(1).isConst()) {
      long up = a.part(1).value();
      Term inner = a.part(0);
      boolean whole = inner.bits() << up >>> up == inner.bits();
      if (whole && up >= by) {
        return shl(inner, constant(up - by));
      }
      if (whole) {
        return lshr(inner, constant(by - up));
      }
    }
    if (a.op() == Op.OR) {
      return or(lshr(a.part(0), b), lshr(a.part(1), b));
    }
    return make(Op.LSHR, 0, "", a.bits() >>> by, a, b);
  }

  /** Shifts by fewer than 64, and fills with the sign. */
  public Term ashr(Term a, Term b) {
    if (a.bits() >= 0) {
      return lshr(a, b);
    }
    return a.isConst() && b.isConst()
        ? constant(a.value() >> b.value())
        : make(Op.ASHR, 0, "", -1, a, b);
  }

  /** Returns the number in the low bits, its highest one the sign. */
  public Term signExtend(Term a, int width) {
    if (width == 64 || a.bits() >>> (width - 1) == 0) {
      return a;
    }
    Term by = constant(64 - width);
    return ashr(shl(a, by), by);
  }

  public Term choice(Term condition, Term then, Term otherwise) {
    if (condition.op() == Op.TRUTH) {
      return condition.isTrue() ? then : otherwise;
    }
    if (then == otherwise) {
      return then;
    }
    if (then.op().truth()) {
      return either(both(condition, then), both(not(condition), otherwise));
    }
    if (condition.op() == Op.NOT) {
      return choice(condition.part(0), otherwise, then);
    }
    return make(Op.CHOICE, 0, "", then.bits() | otherwise.bits(), condition, then, otherwise);
  }

  public Term eq(Term a, Term b) {
    if (a == b) {
      return yes;
    }
    if (a.isConst() && b.isConst()) {
      return truth(a.value() == b.value());
    }
    if (a.isConst()) {
      return eq(b, a);
    }
    if (b.isConst()) {
      if ((b.value() & ~a.bits()) != 0) {
        return no;
      }
      if (a.op() == Op.CHOICE && (a.part(1).isConst() || a.part(2).isConst())) {
        return choice(a.part(0), eq(a.part(1), b), eq(a.part(2), b));
      }
      if (a.op() == Op.ADD && a.part(1).isConst()) {
        return eq(a.part(0), constant(b.value() - a.part(1).value()));
      }
      if (a.op() == Op.SHL && a.part(1).isConst()) {
        int by = (int) a.part(1).value();
        if (a.part(0).bits() << by >>> by == a.part(0).bits()) {
          return eq(a.part(0), constant(b.value() >>> by));
        }
      }
    }
    Term first = a.id() < b.id() || b.isConst() ? a : b;
    return make(Op.EQ, 0, "", 0, first, first == a ? b : a);
  }

  public Term ne(Term a, Term b) {
    return not(eq(a, b));
  }

  /** Unsigned a &lt; b. */
  public Term ult(Term a, Term b) {
    if (a == b || b.isConst() && b.value() == 0) {
      return no;
    }
    if (a.isConst() && b.isConst()) {
      return truth(Long.compareUnsigned(a.value(), b.value()) < 0);
    }
    if (b.isConst() && a.most() >= 0 && Long.compareUnsigned(a.most(), b.value()) < 0) {
      return yes;
    }
    if (b.isConst() && b.value() > 0 && a.least() >= b.value()) {
      return no;
    }
    if (a.isConst() && b.most() >= 0 && Long.compareUnsigned(a.value(), b.most()) >= 0) {
      return no;
    }
    if (b.isConst() && b.value() == 1) {
      return eq(a, constant(0));
    }
    // x - c < b is c <= x < b + c: lengths from an offset on are compared as whole lengths are.
    // What is added on both sides is left out, so that places counted from elsewhere compare alike.
    long common = Math.min(added(a), added(b));
    if (common > 0) {
      return ult(add(a, constant(-common)), add(b, constant(-common)));
    }
    if (isRest(a, b)) {
      Term whole = a.part(0).part(0);
      Term from = constant(-a.part(0).part(1).value());
      return both(ule(from, whole), ult(whole, add(b, from)));
    }
    if (isRest(b, a)) {
      Term whole = b.part(0).part(0);
      Term from = constant(-b.part(0).part(1).value());
      return either(ult(whole, from), ult(add(a, from), whole));
    }
    return make(Op.ULT, 0, "", 0, a, b);
  }

  /** Returns the constant that a small number is a sum with, 0 if it is none. */
  private static long added(Term term) {
    if (term.isConst()) {
      return term.value() <= SMALL ? Math.max(0, term.value()) : 0;
    }
    boolean sum = term.op() == Op.ADD && term.part(1).isConst();
    long value = sum ? term.part(1).value() : 0;
    return 0 < value && value <= SMALL && 0 <= term.part(0).most() && term.part(0).most() <= SMALL
        ? value
        : 0;
  }

  /**
   * Returns whether a number is the low bits of a difference, another one minus a constant, and
   * larger than {@code other} wherever that is below zero.
   */
  private static boolean isRest(Term a, Term other) {
    if (a.op() != Op.AND || !a.part(1).isConst() || a.part(0).op() != Op.ADD) {
      return false;
    }
    Term sum = a.part(0);
    long mask = a.part(1).value();
    long from = sum.part(1).isConst() ? -sum.part(1).value() : 0;
    return mask > 0
        && (mask & mask + 1) == 0
        && from > 0
        && from <= mask
        && Long.compareUnsigned(sum.part(0).most(), mask) <= 0
        && Long.compareUnsigned(other.most(), mask - from) <= 0;
  }

  /** Unsigned a &lt;= b. */
  public Term ule(Term a, Term b) {
    return not(ult(b, a));
  }

  /** Signed a &lt; b. */
  public Term slt(Term a, Term b) {
    if (a == b) {
      return no;
    }
    if (a.isConst() && b.isConst()) {
      return truth(a.value() < b.value());
    }
    if (a.bits() >= 0 && b.bits() >= 0) {
      return ult(a, b);
    }
    return make(Op.SLT, 0, "", 0, a, b);
  }

  public Term not(Term a) {
    return a.op() == Op.TRUTH
        ? truth(!a.isTrue())
        : a.op() == Op.NOT ? a.part(0) : make(Op.NOT, 0, "", 0, a);
  }

  public Term both(Term a, Term b) {
    if (a.isFalse() || b.isFalse() || a == not(b)) {
      return no;
    }
    return a.isTrue() || a == b ? b : b.isTrue() ? a : make(Op.BOTH, 0, "", 0, a, b);
  }

  public Term either(Term a, Term b) {
    if (a.isTrue() || b.isTrue() || a == not(b)) {
      return yes;
    }
    return a.isFalse() || a == b ? b : b.isFalse() ? a : make(Op.EITHER, 0, "", 0, a, b);
  }

  public Term all(List<Term> terms) {
    Term all = yes;
    for (Term term : terms) {
      all = both(all, term);
    }
    return all;
  }

  public Term any(List<Term> terms) {
    Term any = no;
    for (Term term : terms) {
      any = either(any, term);
    }
    return any;
  }
}
