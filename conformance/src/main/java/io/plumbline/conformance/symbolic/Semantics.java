package io.plumbline.conformance.symbolic;

/**
 * What instructions compute, in terms: RFC 9669 sections 4.1 to 4.3, written from its text. The
 * names are those of the instruction table, operation and width.
 */
public final class Semantics {
  private static final long LOW = 0xFFFF_FFFFL;

  private final Terms terms;

  public Semantics(Terms terms) {
    this.terms = terms;
  }

  /**
   * Returns what an arithmetic instruction leaves in its destination.
   *
   * @param name of the operation, {@code add}
   * @param width 16, 32 or 64
   * @param a the destination before
   * @param b the source; not looked at by operations of one operand
   * @throws IllegalArgumentException if there is no such operation
   */
  public Term compute(String name, int width, Term a, Term b) {
    return width == 64 ? wide(name, a, b) : narrow(name, width, a, b);
  }

  private Term wide(String name, Term a, Term b) {
    Term zero = terms.constant(0);
    Term by = terms.and(b, terms.constant(63));
    return switch (name) {
      case "add" -> terms.add(a, b);
      case "sub" -> terms.sub(a, b);
      case "mul" -> terms.mul(a, b);
      case "or" -> terms.or(a, b);
      case "and" -> terms.and(a, b);
      case "xor" -> terms.xor(a, b);
      case "mov", "xchg" -> b;
      case "neg" -> terms.sub(zero, a);
      case "lsh" -> terms.shl(a, by);
      case "rsh" -> terms.lshr(a, by);
      case "arsh" -> terms.ashr(a, by);
      case "div" -> terms.choice(terms.eq(b, zero), zero, terms.udiv(a, b));
      case "mod" -> terms.choice(terms.eq(b, zero), a, terms.urem(a, b));
      case "sdiv" -> terms.choice(terms.eq(b, zero), zero, terms.sdiv(a, b));
      case "smod" -> terms.choice(terms.eq(b, zero), a, terms.srem(a, b));
      case "movsx8_" -> terms.signExtend(b, 8);
      case "movsx16_" -> terms.signExtend(b, 16);
      case "movsx32_" -> terms.signExtend(b, 32);
      case "le" -> a;
      case "be", "bswap" -> swapped(a, 8);
      default -> throw new IllegalArgumentException("no operation " + name + " of 64 bits");
    };
  }

  private Term narrow(String name, int width, Term wideA, Term wideB) {
    Term low = terms.constant(width == 32 ? LOW : 0xFFFF);
    Term a = terms.and(wideA, low);
    Term b = terms.and(wideB, low);
    Term zero = terms.constant(0);
    Term by = terms.and(b, terms.constant(31));
    Term signedA = terms.signExtend(a, 32);
    Term signedB = terms.signExtend(b, 32);
    Term result =
        switch (name) {
          case "add" -> terms.add(a, b);
          case "sub" -> terms.sub(a, b);
          case "mul" -> terms.mul(a, b);
          case "or" -> terms.or(a, b);
          case "and" -> terms.and(a, b);
          case "xor" -> terms.xor(a, b);
          case "mov", "xchg" -> b;
          case "neg" -> terms.sub(zero, a);
          case "lsh" -> terms.shl(a, by);
          case "rsh" -> terms.lshr(a, by);
          case "arsh" -> terms.ashr(signedA, by);
          case "div" -> terms.choice(terms.eq(b, zero), zero, terms.udiv(a, b));
          case "mod" -> terms.choice(terms.eq(b, zero), a, terms.urem(a, b));
          case "sdiv" -> terms.choice(terms.eq(b, zero), zero, terms.sdiv(signedA, signedB));
          case "smod" -> terms.choice(terms.eq(b, zero), a, terms.srem(signedA, signedB));
          case "movsx8_" -> terms.signExtend(terms.and(b, terms.constant(0xFF)), 8);
          case "movsx16_" -> terms.signExtend(terms.and(b, terms.constant(0xFFFF)), 16);
          case "le" -> a;
          case "be", "bswap" -> swapped(a, width / 8);
          default ->
              throw new IllegalArgumentException(
                  "no operation %s of %d bits".formatted(name, width));
        };
    return terms.and(result, low);
  }

  private Term swapped(Term a, int bytes) {
    Term all = terms.constant(0);
    for (int i = 0; i < bytes; i++) {
      Term one = terms.and(terms.lshr(a, terms.constant(8L * i)), terms.constant(0xFF));
      all = terms.or(all, terms.shl(one, terms.constant(8L * (bytes - 1 - i))));
    }
    return all;
  }

  /**
   * Returns when a conditional jump is taken.
   *
   * @param name of the condition, {@code eq}
   * @param width 32 or 64
   * @throws IllegalArgumentException if there is no such condition
   */
  public Term holds(String name, int width, Term wideA, Term wideB) {
    Term low = terms.constant(LOW);
    Term a = width == 64 ? wideA : terms.and(wideA, low);
    Term b = width == 64 ? wideB : terms.and(wideB, low);
    Term signedA = terms.signExtend(a, width);
    Term signedB = terms.signExtend(b, width);
    return switch (name) {
      case "eq" -> terms.eq(a, b);
      case "ne" -> terms.ne(a, b);
      case "set" -> terms.ne(terms.and(a, b), terms.constant(0));
      case "gt" -> terms.ult(b, a);
      case "ge" -> terms.ule(b, a);
      case "lt" -> terms.ult(a, b);
      case "le" -> terms.ule(a, b);
      case "sgt" -> terms.slt(signedB, signedA);
      case "sge" -> terms.not(terms.slt(signedA, signedB));
      case "slt" -> terms.slt(signedA, signedB);
      case "sle" -> terms.not(terms.slt(signedB, signedA));
      default -> throw new IllegalArgumentException("no condition " + name);
    };
  }
}
