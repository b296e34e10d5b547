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
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.program.RodataImage;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
      Terms terms = new Terms();
      BpfObject object = Codes.object(objects, program.name());
      Variables variables = new Variables(terms, object);
      ProgramInputs inputs = new ProgramInputs(terms, program, stage);
      inputs.fill(variables);
      Code code = Codes.code(terms, object, program.name(), variables, Map.of());
      return collect(terms, solver, Merger.open(terms, solver), code, inputs.assumed());
    }
  }

  /** Looks at a program with one input, alone or as a stage. */
  public static Reach of(ProgramObjects objects, ProgramSpec program, Input input, boolean stage)
      throws EngineException, SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms();
      BpfObject object = Codes.object(objects, program.name());
      Variables variables = new Variables(terms, object);
      ProgramInputs.fill(variables, RodataImage.standalone(program, input).symbols());
      if (stage) {
        variables.set("chained", new byte[] {1});
      }
      Code code = Codes.code(terms, object, program.name(), variables, Map.of());
      return collect(terms, solver, Merger.open(terms, solver), code, List.of());
    }
  }

  /**
   * Looks at a tc program of an object.
   *
   * @param values bytes of global variables, by name; others have their initial values
   */
  public static Reach of(BpfObject object, String program, Map<String, byte[]> values)
      throws SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms();
      Variables variables = new Variables(terms, object);
      ProgramInputs.fill(variables, values);
      Code code = Codes.code(terms, object, program, variables, Map.of());
      return collect(terms, solver, Merger.open(terms, solver), code, List.of());
    }
  }

  /** Looks at {@code intent} with one policy. */
  public static Reach of(ProgramObjects objects, Policy policy)
      throws EngineException, SymbolicException {
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms();
      BpfObject object = Codes.object(objects, Intent.NAME);
      PolicyMaps maps = new PolicyMaps(terms, PolicyImage.of(policy));
      Code code = Codes.code(terms, object, Intent.NAME, new Variables(terms, object), maps.all());
      DecisionTerms.Inputs none =
          new DecisionTerms.Inputs(terms.constant(0), List.of(), terms.truth(false));
      DecisionTerms decisions =
          new DecisionTerms(
              terms, new FrameTerms(terms, false), Intent.decisions(policy).clauses(), none);
      Reach untagged =
          collect(
              terms,
              solver,
              Merger.open(terms, solver).withHints(decisions.places()),
              code,
              List.of(ContextTerms.tagged(terms, false)));
      Reach tagged =
          collect(
              terms,
              solver,
              Merger.open(terms, solver),
              code,
              List.of(ContextTerms.tagged(terms)));
      return untagged.and(tagged);
    } catch (PolicyException e) {
      throw new SymbolicException(String.valueOf(e.getMessage()));
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
              found.putIfAbsent(Plain.packet(plain), (int) plain.variable("linear"));
              return true;
            });
    return new Reach(reached, List.copyOf(found.keySet()), List.copyOf(found.values()));
  }
}
