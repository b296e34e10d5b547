package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.conformance.prove.Proof;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Results of a counterexample on the engines: a solver's counterexample counts only if one of them
 * shows it.
 *
 * @param model what the model says
 * @param engines what each other engine says, or why it was not run
 * @param shown whether at least one engine differs from the model
 */
public record Execution(String model, Map<String, String> engines, boolean shown) {

  /** Returns an engine that shows only so many bytes as linear, if it can; test runs show all. */
  private static Engine fragmented(Engine engine, int linear) {
    return engine instanceof EmulatorEngine emulator ? emulator.withLinear(linear) : engine;
  }

  /**
   * Returns a proof as it is if it has no counterexample or the emulator shows it, and otherwise
   * the proof as not proved.
   */
  public static Proof confirmed(Proof proof, ProgramObjects objects) throws EngineException {
    if (proof.counterexample().isEmpty()) {
      return proof;
    }
    Counterexample found = proof.counterexample().get();
    Execution ran =
        found instanceof Counterexample.Gated gated
            ? GateExecution.of(gated, objects)
            : of((Counterexample.Judged) found, List.of(EmulatorEngine.jit(objects)))
                .withTailCall((Counterexample.Judged) found, objects);
    return ran.shown() ? proof : proof.unconfirmed();
  }

  /** Executes a counterexample on engines; those that cannot run it say why. */
  public static Execution of(Counterexample found, List<String> engines, ObjectSource objects)
      throws EngineException {
    if (found instanceof Counterexample.Gated gated) {
      return GateExecution.of(gated, objects);
    }
    return of((Counterexample.Judged) found, Engines.of(engines, objects))
        .withTailCall((Counterexample.Judged) found, objects);
  }

  /**
   * Returns this result, shown also if a program that is alone asks for a tail call: that fails
   * where nothing is in the slot, so that the verdict does not show it.
   */
  private Execution withTailCall(Counterexample.Judged found, ProgramObjects objects)
      throws EngineException {
    if (shown || !found.subject().image().tailCalls().isEmpty()) {
      return this;
    }
    boolean[] asked = new boolean[1];
    EmulatorEngine traced =
        EmulatorEngine.traced(
            objects,
            (program, slot, frame, registers) -> {
              Insn insn = program.insns().get(slot);
              asked[0] |=
                  insn.opcode() == Opcode.CALL_HELPER && insn.immLow() == Helper.TAIL_CALL.id();
            });
    try (Runner runner = fragmented(traced, found.linear()).load(found.subject())) {
      runner.run(found.packet());
    }
    Map<String, String> said = new LinkedHashMap<>(engines);
    if (asked[0]) {
      said.put(EmulatorEngine.INTERPRETER, "it asks for a tail call, alone");
    }
    return new Execution(model, said, asked[0]);
  }

  /** Executes a counterexample on engines that are made already. */
  public static Execution of(Counterexample.Judged found, List<Engine> engines)
      throws EngineException {
    Map<String, String> said = new LinkedHashMap<>();
    boolean shown = false;
    String expected;
    try (ModelRunner model = new ModelEngine().load(found.subject())) {
      expected =
          model.run(found.packet())
              + model.explain(found.packet()).map(l -> " by " + l.name()).orElse("");
      for (Engine engine : engines) {
        Optional<String> missing = engine.unavailable();
        if (engine.name().equals(ModelEngine.NAME)) {
          continue;
        }
        if (missing.isPresent()) {
          said.put(engine.name(), "not run: " + missing.get());
          continue;
        }
        try (Runner runner = fragmented(engine, found.linear()).load(found.subject())) {
          Optional<String> unsupported = runner.unsupported(found.packet());
          if (unsupported.isPresent()) {
            said.put(engine.name(), "not run: " + unsupported.get());
            continue;
          }
          var once =
              Verification.once(found.subject(), engine.name(), model, runner, found.packet());
          shown |= !once.expected().equals(once.actual());
          said.put(engine.name(), once.actual());
        } catch (EngineException e) {
          said.put(engine.name(), "not run: " + e.summary());
        }
      }
    }
    return new Execution(expected, said, shown);
  }
}
