package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.Expr;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.packet.Ipv6Extensions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Clauses in terms: when each decides, and whether a condition reads past the frame's end. */
final class DecisionTerms {
  /**
   * What conditions refer to beside the frame.
   *
   * @param scalar the input of one number
   * @param allowed the input that is a set
   * @param chained whether the program runs as a stage
   */
  record Inputs(Term scalar, List<Member> allowed, Term chained) {
    /** A number that is in the set if a condition holds. */
    record Member(Term value, Term present) {}
  }

  private final Terms terms;
  private final Inputs inputs;
  private final FrameTerms frame;
  private final List<Term> decides = new ArrayList<>();
  private final List<Clause> clauses;
  private final Map<Ipv6Extensions.Part, Term> walked = new HashMap<>();
  private final Set<Term> places = new LinkedHashSet<>();
  private final Map<String, Term> byName = new HashMap<>();
  private final Set<Term> overreads = new LinkedHashSet<>();
  private boolean inRules;

  DecisionTerms(Terms terms, List<Clause> clauses, Inputs inputs) {
    this(terms, new FrameTerms(terms), clauses, inputs);
  }

  DecisionTerms(Terms terms, FrameTerms frame, List<Clause> clauses, Inputs inputs) {
    this(terms, frame, clauses, inputs, clauses.size());
  }

  /**
   * Makes terms of clauses.
   *
   * @param rules from this clause on, a read counts as past the frame's end even if another of
   *     these clauses or a range would keep it from being done: few different reads are left to ask
   *     about
   */
  DecisionTerms(Terms terms, FrameTerms frame, List<Clause> clauses, Inputs inputs, int rules) {
    this.terms = terms;
    this.frame = frame;
    this.inputs = inputs;
    this.clauses = List.copyOf(clauses);
    Term open = terms.truth(true);
    Term looked = open;
    for (Clause clause : clauses) {
      inRules = decides.size() >= rules;
      looked = decides.size() <= rules ? open : looked;
      Term holds = guard(clause.guard(), looked);
      decides.add(terms.both(open, holds));
      open = terms.both(open, terms.not(holds));
    }
  }

  /** Returns when the clause of an index decides. */
  Term decides(int clause) {
    return decides.get(clause);
  }

  /** Returns when none of so many first clauses decides. */
  Term undecided(int first) {
    Term none = terms.truth(true);
    for (Term decided : decides.subList(0, first)) {
      none = terms.both(none, terms.not(decided));
    }
    return none;
  }

  /** Returns when a clause with an action decides. */
  Term decides(Action action) {
    Term any = terms.truth(false);
    for (int i = 0; i < clauses.size(); i++) {
      if (clauses.get(i).action() == action) {
        any = terms.either(any, decides.get(i));
      }
    }
    return any;
  }

  /** Returns when a condition that is looked at reads past the end of the frame. */
  Term overread() {
    return terms.any(List.copyOf(overreads));
  }

  /** Returns numbers on the way to a transport header that a program is likely to have as well. */
  List<Term> places() {
    return List.copyOf(places);
  }

  /** Returns the expression of a name that is in a condition. */
  Term named(String name) {
    Term term = byName.get(name);
    if (term == null) {
      throw new IllegalArgumentException("decision list: no expression is named " + name);
    }
    return term;
  }

  private Term guard(Guard guard, Term when) {
    if (guard instanceof Guard.Always) {
      return terms.truth(true);
    } else if (guard instanceof Guard.Compare compare) {
      Term left = number(compare.left(), when);
      Term right = number(compare.right(), when);
      return switch (compare.relation()) {
        case EQ -> terms.eq(left, right);
        case NE -> terms.ne(left, right);
        case LT -> terms.ult(left, right);
      };
    } else if (guard instanceof Guard.InAllowed in) {
      Term value = number(in.value(), when);
      Term any = terms.truth(false);
      for (Inputs.Member member : inputs.allowed()) {
        any = terms.either(any, terms.both(member.present(), terms.eq(value, member.value())));
      }
      return any;
    } else if (guard instanceof Guard.InPrefix in) {
      Term shift = terms.constant(32L - in.length());
      Term prefix = terms.constant((in.address() & 0xFFFF_FFFFL) >>> 32 - in.length());
      return terms.eq(terms.lshr(number(in.value(), when), shift), prefix);
    } else if (guard instanceof Guard.InRange in) {
      Term value = number(in.value(), when);
      return terms.both(
          terms.ule(terms.constant(in.low()), value), terms.ule(value, terms.constant(in.high())));
    } else if (guard instanceof Guard.Named named) {
      return guard(named.guard(), when);
    } else if (guard instanceof Guard.Chained) {
      return inputs.chained();
    } else if (guard instanceof Guard.Not not) {
      return terms.not(guard(not.guard(), when));
    } else if (guard instanceof Guard.AllOf all) {
      Term holds = terms.truth(true);
      Term shield = terms.truth(true);
      for (Guard one : all.guards()) {
        Term it = guard(one, terms.both(when, shield));
        holds = terms.both(holds, it);
        shield = inRules && one instanceof Guard.InRange ? shield : terms.both(shield, it);
      }
      return holds;
    } else if (guard instanceof Guard.AnyOf any) {
      Term holds = terms.truth(false);
      for (Guard one : any.guards()) {
        Term shield = inRules ? when : terms.both(when, terms.not(holds));
        holds = terms.either(holds, guard(one, shield));
      }
      return holds;
    }
    throw new IllegalStateException("guard: no terms for " + guard.getClass());
  }

  private Term number(Expr expr, Term when) {
    if (expr instanceof Expr.Constant constant) {
      return terms.constant(constant.value());
    } else if (expr instanceof Expr.HexConstant constant) {
      return terms.constant(constant.value());
    } else if (expr instanceof Expr.Length) {
      return frame.length();
    } else if (expr instanceof Expr.Input) {
      return inputs.scalar();
    } else if (expr instanceof Expr.Load load) {
      return load(number(load.offset(), when), load.bytes(), when);
    } else if (expr instanceof Expr.Binary binary) {
      Term left = number(binary.left(), when);
      Term right = number(binary.right(), when);
      return switch (binary.operator()) {
        case ADD -> terms.add(left, right);
        case MULTIPLY -> terms.mul(left, right);
        case AND -> terms.and(left, right);
        case SHIFT_RIGHT -> terms.lshr(left, terms.and(right, terms.constant(63)));
      };
    } else if (expr instanceof Expr.Choice choice) {
      Term condition = guard(choice.guard(), when);
      return terms.choice(
          condition,
          number(choice.then(), terms.both(when, condition)),
          number(choice.otherwise(), terms.both(when, terms.not(condition))));
    } else if (expr instanceof Expr.Ipv6Walk walk) {
      if (walked.isEmpty()) {
        Ipv6WalkTerms walkTerms = new Ipv6WalkTerms(terms, frame);
        walked.putAll(walkTerms.walk());
        places.addAll(walkTerms.places());
        places.addAll(walked.values());
      }
      return walked.getOrDefault(walk.part(), terms.constant(0));
    } else if (expr instanceof Expr.Named named) {
      Term term = number(named.expr(), when);
      byName.put(named.name(), term);
      if (term.op() == Term.Op.CHOICE) {
        places.add(term);
      }
      return term;
    }
    throw new IllegalStateException("expression: no terms for " + expr.getClass());
  }

  private Term load(Term offset, int bytes, Term when) {
    Term end = terms.add(offset, terms.constant(bytes));
    Term beyond = terms.ult(frame.length(), end);
    overreads.add(terms.both(when, beyond));
    return frame.bigEndian(offset, bytes);
  }
}
