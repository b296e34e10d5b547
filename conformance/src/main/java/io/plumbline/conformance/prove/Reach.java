package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Merger;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Reference;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which ways out of a program's conditional jumps frames can take, with a frame for each; of the
 * others it is shown that none does.
 *
 * @param reachable ways that are taken: twice the slot, one more where the jump is taken
 * @param frames frames that take them between them
 * @param linear of each frame how many bytes must be linear at most; the rest are in fragments
 */
public record Reach(BitSet reachable, List<Packet> frames, List<Integer> linear) {
  private static final Patience PATIENCE = Patience.perQuestion(20_000);

  /** Looks at a program with any input, alone or as a stage. */
  public static Reach of(ProgramObjects objects, ProgramSpec program, boolean stage)
      throws EngineException, SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms(program.hook());
      BpfObject object = Codes.object(objects, program.hook().objectOf(program.name()));
      Variables variables = new Variables(terms, object);
      ProgramInputs inputs = new ProgramInputs(terms, program, stage);
      inputs.fill(variables);
      Code code = Codes.code(terms, object, program.hook(), program.name(), variables, Map.of());
      return collect(terms, solver, Merger.open(terms, solver), code, inputs.assumed());
    }
  }

  /**
   * Looks at a program of an object, at the hook that its section names.
   *
   * @param values bytes of global variables, by name; others have their initial values
   */
  public static Reach of(BpfObject object, String program, Map<String, byte[]> values)
      throws SymbolicException {
    return of(object, Codes.hook(object, program), program, values);
  }

  private static Reach of(BpfObject object, Hook hook, String program, Map<String, byte[]> values)
      throws SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms(hook);
      Variables variables = new Variables(terms, object);
      ProgramInputs.fill(variables, values);
      Code code = Codes.code(terms, object, hook, program, variables, Map.of());
      return collect(terms, solver, Merger.open(terms, solver), code, List.of());
    }
  }

  /**
   * Looks at the program that decides for a subject.
   *
   * @return empty if several programs decide
   */
  public static Optional<Reach> of(ProgramObjects objects, Subject subject)
      throws EngineException, SymbolicException {
    Image image = subject.image();
    Optional<Image.Program> decider = image.decider();
    if (decider.isEmpty()) {
      return Optional.empty();
    }
    BpfObject object = Codes.object(objects, decider.get().object());
    return Optional.of(
        image.tables().isPresent()
            ? of(object, subject, image)
            : of(object, subject.hook(), decider.get().name(), decider.get().variables()));
  }

  private static Reach of(BpfObject object, Subject subject, Image image) throws SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms(subject.hook());
      TableMaps maps = new TableMaps(terms, image.tables().orElseThrow());
      Code code =
          Codes.code(
              terms,
              object,
              subject.hook(),
              image.entry().name(),
              new Variables(terms, object),
              maps.all());
      Reference.Stage stage = subject.reference().stages().get(0);
      DecisionTerms decisions =
          new DecisionTerms(
              terms,
              new FrameTerms(terms, false),
              stage.decisions().clauses(),
              ProgramInputs.decisionInputs(terms, stage.input(), stage.chained()));
      Reach untagged =
          collect(
              terms,
              solver,
              Merger.open(terms, solver).withHints(decisions.places()),
              code,
              List.of(ContextTerms.tagged(terms, false)));
      if (!subject.hook().offloadsTags()) {
        return untagged;
      }
      Reach tagged =
          collect(
              terms, solver, Merger.open(terms, solver), code, List.of(ContextTerms.tagged(terms)));
      return untagged.and(tagged);
    }
  }

  /** Returns what is reached by one or the other. */
  public Reach and(Reach other) {
    BitSet both = (BitSet) reachable.clone();
    both.or(other.reachable);
    List<Packet> all = new ArrayList<>(frames);
    all.addAll(other.frames);
    List<Integer> parts = new ArrayList<>(linear);
    parts.addAll(other.linear);
    return new Reach(both, all, parts);
  }

  private static Reach collect(
      Terms terms, Solver solver, Merger merger, Code code, List<Term> assumed)
      throws SymbolicException {
    Map<Packet, Integer> found = new LinkedHashMap<>();
    BitSet reached =
        merger.reach(
            code,
            assumed,
            conditions -> {
              List<Term> all = new ArrayList<>(conditions);
              Assignment some = solver.check(all).orElse(null);
              if (some == null) {
                return false;
              }
              Assignment plain = Plain.of(terms, solver, terms.constant(0), all, some);
              found.putIfAbsent(Plain.packet(code.hook(), plain), ContextTerms.linear(plain));
              return true;
            });
    return new Reach(reached, List.copyOf(found.keySet()), List.copyOf(found.values()));
  }
}
