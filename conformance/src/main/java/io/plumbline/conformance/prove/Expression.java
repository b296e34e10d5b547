package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.emulator.classic.ClassicException;
import io.plumbline.emulator.classic.ClassicInsn;
import io.plumbline.emulator.classic.ClassicProgram;
import io.plumbline.pcaps.FilterExpression;
import java.util.List;

/**
 * Classic program of a libpcap expression. libpcap's optimiser miscompiles some expressions
 * (docs/found.md), so its result is used only where it is proved to accept the same frames, at
 * least of those that hold everything it reads.
 *
 * @param warning what is different after optimisation, or empty
 */
public record Expression(ClassicProgram program, String warning) {
  /** Instructions of a program that is only reasoned about, and need not be one for a kernel. */
  private static final int MOST = 1 << 16;

  private static final String REJECT = "1\n6 0 0 0\n";
  private static final String REJECTS_ALL = "expression rejects all packets";

  /**
   * Compiles an expression without optimisation.
   *
   * @throws IllegalArgumentException if libpcap refuses it
   */
  public static ClassicProgram plain(String expression) {
    return parse(expression, FilterExpression.compile(expression, false), MOST);
  }

  /**
   * Compiles an expression with optimisation, and without it where that is not proved right.
   *
   * @throws IllegalArgumentException if libpcap refuses the expression
   */
  public static Expression optimised(String expression, int seconds) {
    ClassicProgram plain = plain(expression);
    String numbers;
    try {
      numbers = FilterExpression.compile(expression, true);
    } catch (IllegalArgumentException e) {
      if (!String.valueOf(e.getMessage()).endsWith(REJECTS_ALL)) {
        throw e;
      }
      numbers = REJECT;
    }
    ClassicProgram optimised = parse(expression, numbers, ClassicInsn.MAX);
    String difference;
    String warning = "";
    try {
      int read = Math.max(plain.fixedBytes(), optimised.fixedBytes());
      boolean same = DeepStack.run(() -> same(plain, optimised, 0, seconds));
      if (!same && DeepStack.run(() -> same(plain, optimised, read, seconds))) {
        // The optimiser joins loads; one that fails ends the program, at another point than before.
        warning =
            "optimised, it accepts other frames among those of less than %d bytes".formatted(read);
      }
      difference =
          same || !warning.isEmpty() ? "" : "libpcap's optimiser changes which frames it accepts";
    } catch (SymbolicException e) {
      difference = "libpcap's optimiser is not proved right: " + e.getMessage();
    }
    if (!difference.isEmpty()) {
      if (plain.insns().size() > ClassicInsn.MAX) {
        throw new IllegalArgumentException("filter '" + expression + "': " + difference);
      }
      return new Expression(plain, difference + ": the program is not optimised");
    }
    if (numbers.equals(REJECT)) {
      throw new IllegalArgumentException("filter '" + expression + "': " + REJECTS_ALL);
    }
    return new Expression(optimised, warning);
  }

  /** Returns whether two programs accept the same frames of at least {@code least} bytes. */
  private static boolean same(ClassicProgram first, ClassicProgram second, int least, int seconds)
      throws SymbolicException {
    try (Solver solver = new Solver(Patience.perQuestion(1000 * seconds))) {
      Terms terms = new Terms();
      FrameTerms frame = new FrameTerms(terms, false);
      Term one = ClassicTerms.accepts(terms, frame, first);
      Term other = ClassicTerms.accepts(terms, frame, second);
      Term differ = terms.choice(one, terms.not(other), other);
      Term enough = terms.ule(terms.constant(least), frame.length());
      return differ.isFalse() || solver.check(List.of(differ, enough)).isEmpty();
    }
  }

  private static ClassicProgram parse(String expression, String numbers, int most) {
    try {
      return ClassicProgram.parse(numbers, most);
    } catch (ClassicException e) {
      throw new IllegalArgumentException("filter '" + expression + "': " + e.getMessage());
    }
  }
}
