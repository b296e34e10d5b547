package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Term.Op;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which terms some conditions make numbers or truths, and what other terms become where those are
 * put in: the same, as far as the conditions hold.
 */
public final class Known {
  private static final int ROUNDS = 3;

  private final Terms terms;
  private final Set<Term> opaque;
  private final Facts facts = new Facts();
  private final Map<Term, Term> known = new HashMap<>();
  private final Map<Term, Term> put = new HashMap<>();
  private final List<Term> single = new ArrayList<>(); // conditions that are not several

  /**
   * Learns from conditions.
   *
   * @param opaque terms that are not looked into
   */
  public Known(Terms terms, Set<Term> opaque, List<Term> conditions) {
    this.terms = terms;
    this.opaque = opaque;
    conditions.forEach(condition -> split(condition, single));
    single.forEach(this::learn);
    // What one condition says may make another one simple enough to say something.
    for (int round = 0; round < ROUNDS; round++) {
      put.clear();
      for (Term condition : single) {
        // That several things are not so together says nothing of one of them: too rarely more.
        if (condition.op() != Op.NOT || condition.part(0).op() != Op.BOTH) {
          learn(again(condition));
        }
      }
    }
    put.clear();
  }

  /**
   * Returns those of the conditions that compare numbers, in terms of the same bytes of the frame
   * as {@link #in} makes: with what is known put in where bytes are, and where numbers are chosen.
   */
  public List<Term> comparisons() {
    Map<Term, Term> restated = new HashMap<>();
    List<Term> comparisons = new ArrayList<>();
    for (Term condition : single) {
      boolean not = condition.op() == Op.NOT;
      Term comparison = not ? condition.part(0) : condition;
      if (comparison.op() == Op.EQ || comparison.op() == Op.ULT || comparison.op() == Op.SLT) {
        Term simple = restated(comparison, restated);
        comparisons.add(not ? terms.not(simple) : simple);
      }
    }
    return comparisons;
  }

  private Term restated(Term term, Map<Term, Term> done) {
    if (term.arity() == 0 || opaque.contains(term)) {
      return term;
    }
    Term simple = done.get(term);
    if (simple == null) {
      simple =
          switch (term.op()) {
            case BYTE -> terms.frameByte(in(term.part(0)));
            case CHOICE -> {
              Term first = in(term.part(0));
              yield first.op() == Op.TRUTH
                  ? restated(term.part(first.isTrue() ? 1 : 2), done)
                  : terms.choice(first, restated(term.part(1), done), restated(term.part(2), done));
            }
            case NOT, BOTH, EITHER -> term;
            default ->
                computed(term.op(), restated(term.part(0), done), restated(term.part(1), done));
          };
      done.put(term, simple);
    }
    return simple;
  }

  private static void split(Term condition, List<Term> single) {
    if (condition.op() == Op.BOTH) {
      split(condition.part(0), single);
      split(condition.part(1), single);
    } else {
      single.add(condition);
    }
  }

  private void learn(Term condition) {
    facts.learn(condition);
    switch (condition.op()) {
      case TRUTH -> {}
      case BOTH -> {
        learn(condition.part(0));
        learn(condition.part(1));
      }
      case NOT -> known.put(condition.part(0), terms.truth(false));
      default -> {
        known.put(condition, terms.truth(true));
        if (condition.op() == Op.EQ && condition.part(1).isConst()) {
          known.put(condition.part(0), condition.part(1));
        }
      }
    }
  }

  /** Puts what is known into a condition, but for what it says itself. */
  private Term again(Term condition) {
    if (condition.op() == Op.NOT) {
      Term not = condition.part(0);
      return not.arity() == 0 ? condition : terms.not(made(not));
    }
    if (condition.op() == Op.EQ && condition.part(1).isConst()) {
      Term number = condition.part(0);
      return number.arity() == 0 || opaque.contains(number)
          ? condition
          : terms.eq(made(number), condition.part(1));
    }
    return condition.arity() == 0 ? condition : made(condition);
  }

  /** Returns a term with what is known put in. */
  public Term in(Term term) {
    if (known.isEmpty() || term.arity() == 0 && term.op() != Op.VAR) {
      return term;
    }
    Term number = known.get(term);
    if (number != null) {
      return number;
    }
    if (term.arity() == 0 || opaque.contains(term)) {
      return term;
    }
    Term simple = put.get(term);
    if (simple == null) {
      simple = made(term);
      put.put(term, simple);
    }
    return simple;
  }

  private Term made(Term term) {
    Term first = in(term.part(0));
    switch (term.op()) {
      case BYTE -> {
        return byteAt(term, first);
      }
      case NOT -> {
        return terms.not(first);
      }
      case CHOICE -> {
        return first.op() == Op.TRUTH
            ? in(term.part(first.isTrue() ? 1 : 2))
            : terms.choice(first, in(term.part(1)), in(term.part(2)));
      }
      case BOTH -> {
        return first.isFalse() ? first : terms.both(first, in(term.part(1)));
      }
      case EITHER -> {
        return first.isTrue() ? first : terms.either(first, in(term.part(1)));
      }
      default -> {
        Term second = in(term.part(1));
        Term simple = computed(term.op(), first, second);
        Boolean holds = simple.op().truth() ? facts.holds(simple) : null;
        return holds == null ? known.getOrDefault(simple, simple) : terms.truth(holds);
      }
    }
  }

  private Term byteAt(Term term, Term offset) {
    Term simple = offset == term.part(0) ? term : terms.frameByte(offset);
    return known.getOrDefault(simple, simple);
  }

  private Term computed(Op op, Term a, Term b) {
    return switch (op) {
      case ADD -> terms.add(a, b);
      case SUB -> terms.sub(a, b);
      case MUL -> terms.mul(a, b);
      case UDIV -> terms.udiv(a, b);
      case UREM -> terms.urem(a, b);
      case SDIV -> terms.sdiv(a, b);
      case SREM -> terms.srem(a, b);
      case AND -> terms.and(a, b);
      case OR -> terms.or(a, b);
      case XOR -> terms.xor(a, b);
      case SHL -> terms.shl(a, b);
      case LSHR -> terms.lshr(a, b);
      case ASHR -> terms.ashr(a, b);
      case EQ -> terms.eq(a, b);
      case ULT -> terms.ult(a, b);
      case SLT -> terms.slt(a, b);
      default -> throw new IllegalArgumentException(op + ": not an operation of two numbers");
    };
  }
}
