package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.Merger;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.decision.Action;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.RodataImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Shows that something with all its inputs given accepts and drops as its model does. */
final class ChainProof {
  private static final String DISPATCHER = "dispatcher";
  private static final int MOST_PATHS = 100_000;
  private static final long LOW = 0xFFFF_FFFFL;

  private final ProgramObjects objects;
  private final Subject subject;
  private final Hook hook;
  private final Terms terms = new Terms();
  private final Solver solver;
  private final Attempt attempt;

  ChainProof(ProgramObjects objects, Subject subject, Solver solver, Attempt attempt) {
    this.objects = objects;
    this.subject = subject;
    hook = subject.hook();
    this.solver = solver;
    this.attempt = attempt;
  }

  /**
   * Proves a chain: the dispatcher, its stages, and the way from one to the next.
   *
   * @throws Refuted if it does something else
   */
  void prove(Chain chain) throws SymbolicException, EngineException {
    List<Code> stages = new ArrayList<>();
    Term open = terms.truth(true);
    Term drops = terms.truth(false);
    for (Chain.Stage stage : chain.stages()) {
      stages.add(code(stage.program().name(), RodataImage.stage(stage, stages.size()).symbols()));
      DecisionTerms decisions =
          new DecisionTerms(
              terms,
              stage.program().decisions().clauses(),
              ProgramInputs.decisionInputs(terms, stage.input(), true));
      drops = terms.either(drops, terms.both(open, decisions.decides(Action.DROP)));
      open = terms.both(open, decisions.decides(Action.NEXT));
    }
    Term shot = drops;
    Merger.chain(terms, solver, stages)
        .run(code(DISPATCHER, Map.of()), List.of(), path -> check(path, shot));
  }

  /**
   * Proves a policy as rows that are walked.
   *
   * @throws Refuted if they do something else
   */
  void prove(Subject.IntentRows rows) throws SymbolicException, EngineException {
    try {
      Code code = code(StrictRow.PROGRAM, StrictRow.rodata(StrictRow.of(rows.policy())));
      DecisionTerms.Inputs none =
          new DecisionTerms.Inputs(terms.constant(0), List.of(), terms.truth(false));
      DecisionTerms decisions =
          new DecisionTerms(terms, Intent.decisions(rows.policy()).clauses(), none);
      Term shot = decisions.decides(Action.DROP);
      // One by one: which row is looked at must stay a number.
      Explorer.open(terms, solver, MOST_PATHS).explore(code, List.of(), path -> check(path, shot));
    } catch (PolicyException e) {
      throw new SymbolicException(String.valueOf(e.getMessage()));
    }
  }

  private Code code(String name, Map<String, byte[]> symbols)
      throws SymbolicException, EngineException {
    BpfObject object = Codes.object(objects, name);
    Variables variables = new Variables(terms, object);
    ProgramInputs.fill(variables, symbols);
    return Codes.code(terms, object, name, variables, Map.of());
  }

  private void check(Path path, Term shot) throws SymbolicException {
    attempt.count(1);
    Term right = terms.truth(false);
    if (path.end() instanceof End.Returned returned) {
      Term verdict = terms.and(returned.r0(), terms.constant(LOW));
      right =
          terms.choice(
              shot,
              terms.eq(verdict, terms.constant(hook.drop())),
              terms.eq(verdict, terms.constant(hook.accept())));
    }
    List<Term> question = new ArrayList<>(path.conditions());
    question.add(terms.not(right));
    Optional<Assignment> wrong = solver.check(question);
    if (wrong.isPresent()) {
      Assignment plain = Plain.of(terms, solver, terms.constant(0), question, wrong.get());
      throw new Refuted(
          new Counterexample.Judged(
              subject,
              Plain.packet(plain),
              (int) plain.variable("linear"),
              ProgramProof.describe(path, plain)));
    }
  }
}
