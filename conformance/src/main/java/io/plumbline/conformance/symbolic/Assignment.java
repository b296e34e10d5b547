package io.plumbline.conformance.symbolic;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Numbers in place of unknowns: one frame, its context, and variables. What is not named is 0. */
public final class Assignment {
  /** Where numbers come from that have not been asked for yet. */
  interface Source {
    /** Returns the names of the unknowns. */
    Set<String> variables();

    /** Returns the offsets of the frame's bytes that matter. */
    Set<Long> offsets();

    long variable(String name);

    int frameByte(long offset);
  }

  private final Map<String, Long> variables = new HashMap<>();
  private final TreeMap<Long, Integer> bytes = new TreeMap<>();
  private @Nullable Source source;

  Assignment(Source source) {
    this.source = source;
  }

  /** Asks for all numbers now; afterwards the solver they come from is not needed any more. */
  public Assignment settled() {
    Source from = source;
    if (from != null) {
      from.variables().forEach(this::variable);
      from.offsets().forEach(this::frameByte);
      source = null;
    }
    return this;
  }

  /** Returns the number of an unknown. */
  public long variable(String name) {
    Source from = source;
    if (from != null && !variables.containsKey(name) && from.variables().contains(name)) {
      variables.put(name, from.variable(name));
    }
    return variables.getOrDefault(name, 0L);
  }

  /** Returns a byte of the frame. */
  public int frameByte(long offset) {
    Source from = source;
    if (from != null && !bytes.containsKey(offset) && from.offsets().contains(offset)) {
      bytes.put(offset, from.frameByte(offset));
    }
    return bytes.getOrDefault(offset, 0);
  }

  /** Returns the first bytes of the frame. */
  public byte[] frame(int length) {
    settled();
    byte[] frame = new byte[length];
    bytes.headMap((long) length).forEach((at, value) -> frame[at.intValue()] = value.byteValue());
    return frame;
  }

  /** Returns what a term comes to: a number, or 0 and 1 for truths. */
  public long of(Term term) {
    return new Evaluation().of(term);
  }

  /** Returns whether a condition holds. */
  public boolean holds(Term condition) {
    return of(condition) != 0;
  }

  private final class Evaluation {
    private final Map<Integer, Long> known = new HashMap<>();

    long of(Term term) {
      if (term.arity() == 0) {
        return term.op() == Term.Op.VAR ? variable(term.name()) : term.value();
      }
      Long before = known.get(term.id());
      if (before == null) {
        before = compute(term);
        known.put(term.id(), before);
      }
      return before;
    }

    private long compute(Term term) {
      long a = of(term.part(0));
      switch (term.op()) {
        case CHOICE -> {
          return of(term.part(a != 0 ? 1 : 2));
        }
        case BYTE -> {
          return frameByte(a);
        }
        case NOT -> {
          return 1 - a;
        }
        case BOTH -> {
          return a == 0 ? 0 : of(term.part(1));
        }
        case EITHER -> {
          return a != 0 ? 1 : of(term.part(1));
        }
        default -> {
          return compute(term.op(), a, of(term.part(1)));
        }
      }
    }

    private long compute(Term.Op op, long a, long b) {
      return switch (op) {
        case ADD -> a + b;
        case SUB -> a - b;
        case MUL -> a * b;
        case UDIV -> b == 0 ? 0 : Long.divideUnsigned(a, b);
        case UREM -> b == 0 ? a : Long.remainderUnsigned(a, b);
        case SDIV -> b == 0 ? 0 : a / b;
        case SREM -> b == 0 ? a : a % b;
        case AND -> a & b;
        case OR -> a | b;
        case XOR -> a ^ b;
        case SHL -> a << b;
        case LSHR -> a >>> b;
        case ASHR -> a >> b;
        case EQ -> a == b ? 1 : 0;
        case ULT -> Long.compareUnsigned(a, b) < 0 ? 1 : 0;
        case SLT -> a < b ? 1 : 0;
        default -> throw new IllegalStateException("term: no value of " + op);
      };
    }
  }
}
