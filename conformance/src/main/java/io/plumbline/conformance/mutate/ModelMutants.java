package io.plumbline.conformance.mutate;

import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Expr;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;

/** Decision lists in which one thing is another. */
public final class ModelMutants {
  /**
   * One changed model.
   *
   * @param what the clause, and what became of it
   */
  public record Mutant(String what, ProgramSpec program) {}

  private ModelMutants() {}

  /** Returns every change of one thing of a program's decision list. */
  public static List<Mutant> of(ProgramSpec program) {
    List<Clause> clauses = program.decisions().clauses();
    List<Mutant> mutants = new ArrayList<>();
    for (int i = 0; i < clauses.size(); i++) {
      Clause clause = clauses.get(i);
      boolean last = i == clauses.size() - 1;
      for (Action action : Action.values()) {
        if (action != clause.action()) {
          mutants.add(
              changed(
                  program,
                  i,
                  clause.name() + ": decides " + action.word(),
                  withAction(clause, action)));
        }
      }
      if (last) {
        continue;
      }
      List<Clause> without = new ArrayList<>(clauses);
      without.remove(i);
      mutants.add(new Mutant(clause.name() + ": left out", with(program, without)));
      if (i + 2 < clauses.size()) {
        List<Clause> swapped = new ArrayList<>(clauses);
        swapped.set(i, clauses.get(i + 1));
        swapped.set(i + 1, clause);
        mutants.add(
            new Mutant(
                "%s: behind %s".formatted(clause.name(), clauses.get(i + 1).name()),
                with(program, swapped)));
      }
      for (Guard guard : guards(clause.guard())) {
        mutants.add(
            changed(
                program,
                i,
                "%s: when %s".formatted(clause.name(), guard),
                new Clause(clause.name(), guard, clause.action(), clause.meaning())));
      }
    }
    return mutants;
  }

  private static Clause withAction(Clause clause, Action action) {
    return new Clause(clause.name(), clause.guard(), action, clause.meaning());
  }

  private static Mutant changed(ProgramSpec program, int index, String what, Clause clause) {
    List<Clause> clauses = new ArrayList<>(program.decisions().clauses());
    clauses.set(index, clause);
    return new Mutant(what, with(program, clauses));
  }

  private static ProgramSpec with(ProgramSpec program, List<Clause> clauses) {
    return new ProgramSpec(
        program.name(),
        program.hook(),
        program.layer(),
        program.chainable(),
        program.grammar(),
        program.summary(),
        new DecisionList(clauses));
  }

  private static List<Guard> guards(Guard guard) {
    List<Guard> changed = new ArrayList<>(List.of(guard.not()));
    if (guard instanceof Guard.Compare compare) {
      for (Guard.Relation relation : Guard.Relation.values()) {
        if (relation != compare.relation()) {
          changed.add(new Guard.Compare(relation, compare.left(), compare.right()));
        }
      }
      exprs(compare.left())
          .forEach(e -> changed.add(new Guard.Compare(compare.relation(), e, compare.right())));
      exprs(compare.right())
          .forEach(e -> changed.add(new Guard.Compare(compare.relation(), compare.left(), e)));
    } else if (guard instanceof Guard.InAllowed in) {
      exprs(in.value()).forEach(e -> changed.add(new Guard.InAllowed(e)));
    } else if (guard instanceof Guard.InPrefix in) {
      exprs(in.value()).forEach(e -> changed.add(new Guard.InPrefix(e, in.address(), in.length())));
      if (in.length() > 1) {
        int mask = -1 << 33 - in.length();
        changed.add(new Guard.InPrefix(in.value(), in.address() & mask, in.length() - 1));
      }
    } else if (guard instanceof Guard.AllOf all) {
      for (int i = 0; i < all.guards().size(); i++) {
        List<Guard> without = new ArrayList<>(all.guards());
        without.remove(i);
        changed.add(new Guard.AllOf(without));
        for (Guard other : guards(all.guards().get(i))) {
          List<Guard> some = new ArrayList<>(all.guards());
          some.set(i, other);
          changed.add(new Guard.AllOf(some));
        }
      }
    } else if (guard instanceof Guard.AnyOf any) {
      for (int i = 0; i < any.guards().size(); i++) {
        List<Guard> without = new ArrayList<>(any.guards());
        without.remove(i);
        changed.add(new Guard.AnyOf(without));
      }
    }
    return changed;
  }

  /** Returns an expression with one constant one more or less, or one field one byte further on. */
  private static List<Expr> exprs(Expr expr) {
    List<Expr> changed = new ArrayList<>();
    if (expr instanceof Expr.Constant constant) {
      changed.add(Expr.constant(constant.value() + 1));
      if (constant.value() > 0) {
        changed.add(Expr.constant(constant.value() - 1));
      }
    } else if (expr instanceof Expr.HexConstant constant) {
      changed.add(Expr.hex(constant.value() + 1, constant.digits()));
      changed.add(Expr.hex(constant.value() - 1, constant.digits()));
    } else if (expr instanceof Expr.Binary binary) {
      exprs(binary.left())
          .forEach(e -> changed.add(new Expr.Binary(binary.operator(), e, binary.right())));
      exprs(binary.right())
          .forEach(e -> changed.add(new Expr.Binary(binary.operator(), binary.left(), e)));
    } else if (expr instanceof Expr.Named named) {
      exprs(named.expr()).forEach(e -> changed.add(e));
    }
    return changed;
  }
}
