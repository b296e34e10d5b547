package io.plumbline.conformance.symbolic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * However terms are simplified, bounded or put into each other, and however the solver is told
 * them: with numbers in place of unknowns they come to what Java's operators say.
 */
class TermsTest {
  private static final int[] WIDTHS = {1, 4, 8, 16, 32, 64};
  private static final long[] EDGES = {0, 1, 2, 7, 8, 0xFF, 0x100, 0xFFFF, 0x7FFF_FFFFL, -1, -2};
  private static final int FRAME = 64;

  /** A term, and what it is to come to: a number, or 0 and 1 for truths. */
  private record Made(Term term, long value) {}

  /** Makes random terms over unknowns whose numbers are known to it. */
  private static final class Maker {
    final Terms terms = new Terms();
    final Map<String, Long> variables = new HashMap<>();
    final Random random;
    final byte[] frame = new byte[FRAME];

    Maker(long seed) {
      random = new Random(seed);
      random.nextBytes(frame);
    }

    Assignment assignment() {
      return new Assignment(
          new Assignment.Source() {
            @Override
            public Set<String> variables() {
              return variables.keySet();
            }

            @Override
            public Set<Long> offsets() {
              Set<Long> all = new java.util.HashSet<>();
              for (long i = 0; i < FRAME; i++) {
                all.add(i);
              }
              return all;
            }

            @Override
            public long variable(String name) {
              return variables.getOrDefault(name, 0L);
            }

            @Override
            public int frameByte(long offset) {
              return frame[(int) offset] & 0xFF;
            }
          });
    }

    private long number() {
      return random.nextInt(3) == 0 ? random.nextLong() : EDGES[random.nextInt(EDGES.length)];
    }

    private Made leaf() {
      switch (random.nextInt(4)) {
        case 0 -> {
          long value = number();
          return new Made(terms.constant(value), value);
        }
        case 1 -> {
          int at = random.nextInt(FRAME);
          return new Made(terms.frameByte(terms.constant(at)), frame[at] & 0xFF);
        }
        default -> {
          int width = WIDTHS[random.nextInt(WIDTHS.length)];
          String name = "v" + width + "." + random.nextInt(2);
          long value = variables.computeIfAbsent(name, any -> number() & -1L >>> (64 - width));
          return new Made(terms.variable(name, width), value);
        }
      }
    }

    Made number(int depth) {
      if (depth == 0) {
        return leaf();
      }
      Made a = number(depth - 1);
      Made b = random.nextInt(3) == 0 ? leaf() : number(depth - 1);
      long by = random.nextInt(64);
      Term shift = terms.constant(by);
      switch (random.nextInt(15)) {
        case 0 -> {
          return new Made(terms.add(a.term, b.term), a.value + b.value);
        }
        case 1 -> {
          return new Made(terms.sub(a.term, b.term), a.value - b.value);
        }
        case 2 -> {
          return new Made(terms.mul(a.term, terms.constant(by)), a.value * by);
        }
        case 3 -> {
          return new Made(terms.and(a.term, b.term), a.value & b.value);
        }
        case 4 -> {
          return new Made(terms.or(a.term, b.term), a.value | b.value);
        }
        case 5 -> {
          return new Made(terms.xor(a.term, b.term), a.value ^ b.value);
        }
        case 6 -> {
          return new Made(terms.shl(a.term, shift), a.value << by);
        }
        case 7 -> {
          return new Made(terms.lshr(a.term, shift), a.value >>> by);
        }
        case 8 -> {
          return new Made(terms.ashr(a.term, shift), a.value >> by);
        }
        case 9 -> {
          int width = 8 << random.nextInt(3);
          return new Made(terms.signExtend(a.term, width), a.value << (64 - width) >> (64 - width));
        }
        case 10 -> {
          long divisor = 1 + by;
          return new Made(
              terms.udiv(a.term, terms.constant(divisor)), Long.divideUnsigned(a.value, divisor));
        }
        case 11 -> {
          long divisor = 1 + by;
          return new Made(
              terms.urem(a.term, terms.constant(divisor)),
              Long.remainderUnsigned(a.value, divisor));
        }
        case 12 -> {
          return rest();
        }
        default -> {
          Made condition = truth(depth - 1);
          return new Made(
              terms.choice(condition.term, a.term, b.term),
              condition.value != 0 ? a.value : b.value);
        }
      }
    }

    /** Returns a number minus a constant in fewer than 64 bits, where it may wrap. */
    private Made rest() {
      Made whole = leaf();
      long from = random.nextInt(20);
      long mask = -1L >>> random.nextInt(1, 64);
      return new Made(
          terms.and(terms.sub(whole.term, terms.constant(from)), terms.constant(mask)),
          whole.value - from & mask);
    }

    private Made truth(int depth) {
      if (depth > 0 && random.nextInt(2) == 0) {
        Made a = truth(depth - 1);
        Made b = truth(depth - 1);
        return switch (random.nextInt(3)) {
          case 0 -> new Made(terms.both(a.term, b.term), a.value & b.value);
          case 1 -> new Made(terms.either(a.term, b.term), a.value | b.value);
          default -> new Made(terms.not(a.term), 1 - a.value);
        };
      }
      Made a = number(depth);
      Made b = random.nextInt(2) == 0 ? leaf() : number(depth);
      if (random.nextInt(4) == 0) {
        Made swap = a;
        a = b;
        b = swap;
      }
      // What is equal by chance is rare.
      boolean same = random.nextInt(3) == 0;
      Term right = same ? terms.constant(a.value) : b.term;
      long value = same ? a.value : b.value;
      return switch (random.nextInt(5)) {
        case 0 -> made(terms.eq(a.term, right), a.value == value);
        case 1 -> made(terms.ne(a.term, right), a.value != value);
        case 2 -> made(terms.ult(a.term, right), Long.compareUnsigned(a.value, value) < 0);
        case 3 -> made(terms.ule(a.term, right), Long.compareUnsigned(a.value, value) <= 0);
        default -> made(terms.slt(a.term, right), a.value < value);
      };
    }

    private static Made made(Term term, boolean value) {
      return new Made(term, value ? 1 : 0);
    }

    /** Returns conditions that hold. */
    List<Term> conditions(int count, int depth) {
      List<Term> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        Made truth = truth(depth);
        all.add(truth.value == 1 ? truth.term : terms.not(truth.term));
      }
      return all;
    }
  }

  @Property(tries = 20_000)
  void simplifiedTermsComeToTheSame(@ForAll long seed, @ForAll @IntRange(max = 5) int depth) {
    Maker maker = new Maker(seed);
    Made made = depth % 2 == 0 ? maker.number(depth) : maker.truth(depth);
    assertThat(maker.assignment().of(made.term)).isEqualTo(made.value);
  }

  @Property(tries = 20_000)
  void aTermHasNoBitsBeyondThoseItMayHave(@ForAll long seed, @ForAll @IntRange(max = 5) int depth) {
    Made made = new Maker(seed).number(depth);
    assertThat(made.value & ~made.term.bits()).isZero();
  }

  @Property(tries = 20_000)
  void whatIsKnownOfTermsHolds(@ForAll long seed, @ForAll @IntRange(max = 3) int depth) {
    Maker maker = new Maker(seed);
    Facts facts = new Facts();
    maker.conditions(4, depth).forEach(facts::learn);
    Made asked = maker.truth(depth);
    Boolean known = facts.holds(asked.term);
    if (known != null) {
      assertThat(known).isEqualTo(asked.value == 1);
    }
    Term simple = facts.simplify(maker.terms, asked.term);
    assertThat(maker.assignment().of(simple)).isEqualTo(asked.value);
  }

  @Example
  void aRestOfTheLengthIsComparedAsTheLengthIs() {
    Terms terms = new Terms();
    Term from = terms.constant(14);
    Term length = ContextTerms.length(terms);
    Term rest = terms.and(terms.sub(length, from), terms.constant(0xFFFF_FFFFL));
    Term end = terms.add(terms.variable("end", 8), terms.constant(8));
    Term whole = terms.add(end, from);
    Facts facts = new Facts();
    facts.learn(terms.ule(from, length));
    assertThat(facts.simplify(terms, terms.ult(rest, end))).isEqualTo(terms.ult(length, whole));
    assertThat(facts.simplify(terms, terms.ult(end, rest))).isEqualTo(terms.ult(whole, length));
  }

  @Property(tries = 20_000)
  void whatIsPutInIsTheSameWhereTheConditionsHold(
      @ForAll long seed, @ForAll @IntRange(max = 3) int depth) {
    Maker maker = new Maker(seed);
    Known known = new Known(maker.terms, Set.of(), maker.conditions(4, depth));
    Assignment assignment = maker.assignment();
    for (Made made : List.of(maker.number(depth), maker.truth(depth))) {
      assertThat(assignment.of(known.in(made.term))).isEqualTo(made.value);
    }
    // They follow from the conditions, which hold here.
    assertThat(known.comparisons()).allMatch(comparison -> assignment.of(comparison) == 1);
  }

  @Property(tries = 300)
  void theSolverReadsTermsAsTheyAreMeant(@ForAll long seed, @ForAll @IntRange(max = 3) int depth)
      throws SymbolicException {
    Maker maker = new Maker(seed);
    Made made = maker.number(depth);
    try (Solver solver = new Solver(Patience.perQuestion(10_000))) {
      List<Term> conditions = new ArrayList<>();
      maker.variables.forEach(
          (name, value) -> {
            int width = Integer.parseInt(name.substring(1, name.indexOf('.')));
            Term variable = maker.terms.variable(name, width);
            conditions.add(maker.terms.eq(variable, maker.terms.constant(value)));
          });
      for (int i = 0; i < FRAME; i++) {
        Term one = maker.terms.frameByte(maker.terms.constant(i));
        conditions.add(maker.terms.eq(one, maker.terms.constant(maker.frame[i] & 0xFF)));
      }
      conditions.add(maker.terms.ne(made.term, maker.terms.constant(made.value)));
      assertThat(solver.check(conditions)).isEmpty();
    }
  }
}
