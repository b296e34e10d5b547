package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.emulator.classic.ClassicInsn;
import io.plumbline.emulator.classic.ClassicProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * When a classic BPF program, such as libpcap makes of an expression, accepts a frame, as a term
 * (kernel {@code Documentation/networking/filter.rst}).
 */
final class ClassicTerms {
  private static final long LOW = 0xFFFF_FFFFL;

  private record Place(int pc, Term a, Term x, List<Term> cells) {}

  private final Terms terms;
  private final FrameTerms frame;
  private final List<ClassicInsn> insns;
  private final Map<Place, Term> known = new HashMap<>();

  private ClassicTerms(Terms terms, FrameTerms frame, ClassicProgram program) {
    this.terms = terms;
    this.frame = frame;
    insns = program.insns();
  }

  /** Returns when a program accepts a frame. */
  static Term accepts(Terms terms, FrameTerms frame, ClassicProgram program)
      throws SymbolicException {
    Term zero = terms.constant(0);
    Term[] cells = new Term[ClassicInsn.CELLS];
    Arrays.fill(cells, zero);
    return new ClassicTerms(terms, frame, program).run(new Place(0, zero, zero, List.of(cells)));
  }

  private Term run(Place place) throws SymbolicException {
    Term before = known.get(place);
    if (before == null) {
      before = step(place);
      known.put(place, before);
    }
    return before;
  }

  private Term step(Place at) throws SymbolicException {
    ClassicInsn insn = insns.get(at.pc);
    int mode = insn.code() & 0xE0;
    switch (insn.code() & 7) {
      case 0 -> {
        return switch (mode) {
          case 0x00 -> next(at, constant(insn.k()), at.x);
          case 0x60 -> next(at, at.cells.get(insn.k()), at.x);
          case 0x80 -> next(at, frame.length(), at.x);
          default -> {
            Term from = constant(insn.k());
            if (mode == 0x40) {
              from = terms.and(terms.add(at.x, from), constant(-1));
            }
            int bytes = (insn.code() & 0x18) == 0 ? 4 : (insn.code() & 0x18) == 8 ? 2 : 1;
            yield read(from, bytes, next(at, frame.bigEndian(from, bytes), at.x));
          }
        };
      }
      case 1 -> {
        return switch (mode) {
          case 0x00 -> next(at, at.a, constant(insn.k()));
          case 0x60 -> next(at, at.a, at.cells.get(insn.k()));
          case 0x80 -> next(at, at.a, frame.length());
          default -> {
            Term from = constant(insn.k());
            Term nibble = terms.and(frame.bigEndian(from, 1), terms.constant(15));
            yield read(from, 1, next(at, at.a, terms.shl(nibble, terms.constant(2))));
          }
        };
      }
      case 2, 3 -> {
        List<Term> cells = new ArrayList<>(at.cells);
        cells.set(insn.k(), (insn.code() & 7) == 2 ? at.a : at.x);
        return run(new Place(at.pc + 1, at.a, at.x, List.copyOf(cells)));
      }
      case 4 -> {
        return next(at, compute(insn, at), at.x);
      }
      case 5 -> {
        return jump(insn, at);
      }
      case 6 -> {
        Term kept = (insn.code() & 0x10) != 0 ? at.a : constant(insn.k());
        return terms.ne(kept, terms.constant(0));
      }
      default -> {
        return (insn.code() & 0x80) != 0 ? next(at, at.x, at.x) : next(at, at.a, at.a);
      }
    }
  }

  private Term constant(int k) {
    return terms.constant(k & LOW);
  }

  private Term next(Place at, Term a, Term x) throws SymbolicException {
    return run(new Place(at.pc + 1, a, x, at.cells));
  }

  /** A read beyond the frame ends the program: it does not accept. */
  private Term read(Term from, int bytes, Term then) {
    return terms.both(terms.ule(terms.add(from, terms.constant(bytes)), frame.length()), then);
  }

  private Term compute(ClassicInsn insn, Place at) throws SymbolicException {
    Term b = (insn.code() & 8) != 0 ? at.x : constant(insn.k());
    Term by = terms.and(b, terms.constant(31));
    Term result =
        switch (insn.code() & 0xF0) {
          case 0x00 -> terms.add(at.a, b);
          case 0x10 -> terms.sub(at.a, b);
          case 0x20 -> terms.mul(at.a, b);
          case 0x40 -> terms.or(at.a, b);
          case 0x50 -> terms.and(at.a, b);
          case 0x60 -> terms.shl(at.a, by);
          case 0x70 -> terms.lshr(at.a, by);
          case 0x80 -> terms.sub(terms.constant(0), at.a);
          case 0xA0 -> terms.xor(at.a, b);
          default ->
              throw new SymbolicException("classic instruction %s: not handled".formatted(insn));
        };
    return terms.and(result, terms.constant(LOW));
  }

  private Term jump(ClassicInsn insn, Place at) throws SymbolicException {
    int operation = insn.code() & 0xF0;
    if (operation == 0) {
      return run(new Place(at.pc + 1 + insn.k(), at.a, at.x, at.cells));
    }
    Term b = (insn.code() & 8) != 0 ? at.x : constant(insn.k());
    Term holds =
        switch (operation) {
          case 0x10 -> terms.eq(at.a, b);
          case 0x20 -> terms.ult(b, at.a);
          case 0x30 -> terms.ule(b, at.a);
          default -> terms.ne(terms.and(at.a, b), terms.constant(0));
        };
    return terms.choice(
        holds,
        run(new Place(at.pc + 1 + insn.jt(), at.a, at.x, at.cells)),
        run(new Place(at.pc + 1 + insn.jf(), at.a, at.x, at.cells)));
  }
}
