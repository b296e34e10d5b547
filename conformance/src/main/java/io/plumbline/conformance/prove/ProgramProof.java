package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Merger;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Action;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Shows that a program decides as its decision list for every frame and every input, alone or as a
 * stage in any slot, and reads nothing outside the frame.
 */
final class ProgramProof {
  private static final long LOW = 0xFFFF_FFFFL;

  private final ProgramObjects objects;
  private final Patience patience;

  /**
   * Prepares proofs.
   *
   * @param patience how long the solver may take
   */
  ProgramProof(ProgramObjects objects, Patience patience) {
    this.objects = objects;
    this.patience = patience;
  }

  private static String clauses(int count) {
    return count == 1 ? "its only clause" : "its %d clauses".formatted(count);
  }

  /** Proves a program alone, or as a stage. */
  Proof prove(ProgramSpec program, boolean stage) throws EngineException {
    String name = Prover.name(program, stage);
    String claim =
        stage
            ? "decides as %s, for all frames and inputs, in every slot of a chain"
            : "decides as %s, for all frames and inputs";
    Attempt attempt = new Attempt(patience);
    attempt.with(
        solver -> {
          Terms terms = new Terms(program.hook());
          BpfObject object = Codes.object(objects, program.hook().objectOf(program.name()));
          Variables variables = new Variables(terms, object);
          ProgramInputs inputs = new ProgramInputs(terms, program, stage);
          inputs.fill(variables);
          Code code =
              Codes.code(terms, object, program.hook(), program.name(), variables, Map.of());
          DecisionTerms decisions =
              new DecisionTerms(terms, program.decisions().clauses(), inputs.decisionInputs());
          Merger.open(terms, solver)
              .run(
                  code,
                  inputs.assumed(),
                  path -> {
                    attempt.count(1);
                    check(terms, solver, inputs, decisions, path, stage);
                  });
        });
    return attempt.proof(
        name,
        claim.formatted(clauses(program.decisions().clauses().size())),
        ContextTerms.assumptions(program.hook()));
  }

  private static void check(
      Terms terms,
      Solver solver,
      ProgramInputs inputs,
      DecisionTerms decisions,
      Path path,
      boolean stage)
      throws SymbolicException {
    Term right =
        terms.both(right(terms, inputs, decisions, path, stage), terms.not(decisions.overread()));
    List<Term> question = new ArrayList<>(path.conditions());
    question.add(terms.not(right));
    Optional<Assignment> wrong = solver.check(question);
    if (wrong.isPresent()) {
      Assignment plain = Plain.of(terms, solver, inputs.slot(), question, wrong.get());
      throw new Refuted(counterexample(inputs, decisions, path, plain, stage));
    }
  }

  /** Returns when a path ends as the decision list says. */
  private static Term right(
      Terms terms, ProgramInputs inputs, DecisionTerms decisions, Path path, boolean stage) {
    Term passes = decisions.decides(Action.NEXT);
    Term accepts = decisions.decides(Action.ACCEPT);
    if (path.end() instanceof End.Fault) {
      return terms.truth(false);
    }
    Term next = terms.add(inputs.slot(), terms.constant(1));
    Term asked = path.tail().map(tail -> terms.eq(tail.index(), next)).orElse(terms.truth(false));
    if (path.end() instanceof End.Returned returned) {
      Term verdict = terms.and(returned.r0(), terms.constant(LOW));
      Term ok = terms.eq(verdict, terms.constant(inputs.program().hook().accept()));
      Term shot = terms.eq(verdict, terms.constant(inputs.program().hook().drop()));
      Term drops = terms.both(decisions.decides(Action.DROP), shot);
      if (!stage) {
        return path.tail().isPresent()
            ? terms.truth(false)
            : terms.either(drops, terms.both(terms.either(accepts, passes), ok));
      }
      // An empty slot: the tail call was asked for and failed.
      return path.tail().isPresent()
          ? terms.all(List.of(passes, asked, ok))
          : terms.either(drops, terms.both(accepts, ok));
    }
    return stage ? terms.both(passes, asked) : terms.truth(false);
  }

  private static Counterexample counterexample(
      ProgramInputs inputs, DecisionTerms decisions, Path path, Assignment at, boolean stage) {
    Packet packet = Plain.packet(inputs.program().hook(), at);
    Input input = inputs.input(at);
    Subject subject = new Subject.Standalone(inputs.program(), input);
    if (stage) {
      boolean drops =
          path.end() instanceof End.Returned returned
              && (int) at.of(returned.r0()) == inputs.program().hook().drop();
      // Where neither drops, it matters whether the frame goes on or is accepted.
      boolean goesOn = !drops && !at.holds(decisions.decides(Action.DROP));
      subject =
          new Subject.Chained(
              chain(inputs.stage(at), (int) at.of(inputs.slot()), packet, goesOn),
              inputs.program().hook());
    }
    String what = describe(path, at);
    return new Counterexample.Judged(subject, packet, ContextTerms.linear(at), what);
  }

  /**
   * Returns a chain in which a stage has a slot: before it stages that pass the frame on, and, if
   * wanted, behind it one that drops nearly everything.
   */
  private static Chain chain(Chain.Stage stage, int slot, Packet packet, boolean goesOn) {
    List<Chain.Stage> stages = new ArrayList<>();
    for (int i = 0; i < slot; i++) {
      stages.add(passing(stage.program().hook(), packet));
    }
    stages.add(stage);
    if (goesOn && stages.size() < Chain.MAX_STAGES) {
      stages.add(stage("allow_ethertype", new Input.EtherTypes(List.of(0x0600))));
    }
    return new Chain(stages);
  }

  /** Returns a stage that passes a frame on at a hook, if there is one that is easily found. */
  private static Chain.Stage passing(Hook hook, Packet packet) {
    byte[] bytes = Arrays.copyOf(packet.bytes(), 24);
    int type =
        packet.outsideTag().isPresent()
            ? packet.outsideTag().get().tpid()
            : packet.capturedLength() < 14 ? 0x0800 : (bytes[12] & 0xFF) << 8 | bytes[13] & 0xFF;
    Chain.Stage usual = stage("allow_ethertype", new Input.EtherTypes(List.of(type)));
    List<Chain.Stage> all =
        List.of(
            usual,
            stage("allow_dns", new Input.Ipv4Address(0)),
            stage("allow_proto", new Input.Protocols(List.of(bytes[23] & 0xFF))));
    return all.stream()
        .filter(
            one ->
                new ModelEngine()
                    .load(new Subject.Chained(new Chain(List.of(one)), hook))
                    .run(packet)
                    .equals(new Outcome.Decided(new Verdict(hook, hook.accept()), packet)))
        .findFirst()
        .orElse(usual);
  }

  private static Chain.Stage stage(String program, Input input) {
    return new Chain.Stage(ProgramCatalog.find(program).orElseThrow(), input);
  }

  static String describe(Path path, Assignment at) {
    if (path.end() instanceof End.Fault fault) {
      return "the program reads outside the frame: " + fault.what();
    } else if (path.end() instanceof End.Returned returned) {
      return "the program returns " + (int) at.of(returned.r0());
    }
    return path.tail()
        .map(tail -> "the program goes on in slot " + at.of(tail.index()))
        .orElse("the program goes on elsewhere");
  }
}
