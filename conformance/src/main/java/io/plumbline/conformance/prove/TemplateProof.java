package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Semantics;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.semantics.Alu;
import io.plumbline.emulator.semantics.Condition;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Shows that the JVM bytecode that the JIT copies into compiled code computes what RFC 9669 says,
 * for all operands: one proof for each computation and condition of the instruction table.
 */
public final class TemplateProof {
  /**
   * What came of one.
   *
   * @param name operation and width
   * @param proved whether it is
   * @param reason why not: operands that differ, or what the solver said; empty if it is
   */
  public record Result(String name, boolean proved, String reason) {}

  private TemplateProof() {}

  /**
   * Proves each.
   *
   * @param seconds for one question
   */
  public static List<Result> all(int seconds) {
    Set<String> done = new LinkedHashSet<>();
    List<Result> results = new ArrayList<>();
    for (Opcode opcode : Opcode.values()) {
      boolean condition =
          opcode.form() == Opcode.Form.JUMP_K || opcode.form() == Opcode.Form.JUMP_X;
      boolean computation =
          switch (opcode.form()) {
            case ALU_K, ALU_X, ALU_UNARY, ENDIAN -> true;
            default -> false;
          };
      if ((condition || computation) && done.add(opcode.semantics() + condition)) {
        results.add(one(opcode, condition, seconds));
      }
    }
    return results;
  }

  private static Result one(Opcode opcode, boolean condition, int seconds) {
    String name = (condition ? "if " : "") + opcode.semantics();
    try (Solver solver = new Solver(Patience.perQuestion(1000 * seconds))) {
      Terms terms = new Terms();
      Term a = terms.variable("a", 64);
      Term b = terms.variable("b", 64);
      Term lifted =
          LiftedMethod.of(terms, condition ? Condition.class : Alu.class, opcode.semantics(), a, b);
      Semantics semantics = new Semantics(terms);
      Term right =
          condition
              ? terms.choice(
                  semantics.holds(opcode.operation(), opcode.width(), a, b),
                  terms.constant(1),
                  terms.constant(0))
              : semantics.compute(opcode.operation(), opcode.width(), a, b);
      return solver
          .check(List.of(terms.ne(lifted, right)))
          .map(
              at ->
                  new Result(
                      name,
                      false,
                      "a = 0x%x, b = 0x%x: %x, and not %x"
                          .formatted(
                              at.variable("a"), at.variable("b"), at.of(lifted), at.of(right))))
          .orElse(new Result(name, true, ""));
    } catch (SymbolicException e) {
      return new Result(name, false, String.valueOf(e.getMessage()));
    }
  }
}
