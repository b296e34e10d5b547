package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
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
import io.plumbline.model.engine.Reference;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Shows that something with all its inputs given accepts and drops as its model does. */
final class ChainProof {
  private static final int MOST_PATHS = 100_000;
  private static final long LOW = 0xFFFF_FFFFL;

  private final ProgramObjects objects;
  private final Subject subject;
  private final Hook hook;
  private final Terms terms;
  private final Solver solver;
  private final Attempt attempt;

  ChainProof(ProgramObjects objects, Subject subject, Solver solver, Attempt attempt) {
    this.objects = objects;
    this.subject = subject;
    hook = subject.hook();
    terms = new Terms(hook);
    this.solver = solver;
    this.attempt = attempt;
  }

  /**
   * Proves it: the entry, what it reaches by tail calls, and how one passes a packet to the next.
   *
   * @throws Refuted if it does something else
   */
  void prove() throws SymbolicException, EngineException {
    Image image = subject.image();
    List<Code> stages = new ArrayList<>();
    for (Image.TailCall call : image.tailCalls()) {
      stages.add(code(call.program()));
    }
    Term open = terms.truth(true);
    Term drops = terms.truth(false);
    for (Reference.Stage stage : subject.reference().stages()) {
      DecisionTerms decisions =
          new DecisionTerms(
              terms,
              stage.decisions().clauses(),
              ProgramInputs.decisionInputs(terms, stage.input(), stage.chained()));
      drops = terms.either(drops, terms.both(open, decisions.decides(Action.DROP)));
      open = terms.both(open, decisions.decides(Action.NEXT));
    }
    Term dropped = drops;
    Code entry = code(image.entry());
    if (subject.rules().isEmpty()) {
      Merger.chain(terms, solver, stages).run(entry, List.of(), path -> check(path, dropped));
    } else {
      // One by one: which row is looked at must stay a number.
      Explorer.open(terms, solver, MOST_PATHS)
          .explore(entry, List.of(), path -> check(path, dropped));
    }
  }

  private Code code(Image.Program program) throws SymbolicException, EngineException {
    String name = program.name();
    BpfObject object = Codes.object(objects, program.object());
    Variables variables = new Variables(terms, object);
    ProgramInputs.fill(variables, program.variables());
    return Codes.code(terms, object, hook, name, variables, Map.of());
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
              Plain.packet(hook, plain),
              ContextTerms.linear(plain),
              ProgramProof.describe(path, plain)));
    }
  }
}
