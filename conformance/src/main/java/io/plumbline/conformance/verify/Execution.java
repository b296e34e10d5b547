package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.filter.GateModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the engines say of a counterexample: the solver's word is not taken for it.
 *
 * @param model what the model says
 * @param engines what each other engine says, or why it says nothing
 * @param shown whether at least one engine differs from the model
 */
public record Execution(String model, Map<String, String> engines, boolean shown) {

  /** Returns an engine that shows only so many bytes as linear, if it can; test runs show all. */
  private static Engine fragmented(Engine engine, int linear) {
    return engine instanceof EmulatorEngine emulator ? emulator.withLinear(linear) : engine;
  }

  /** Executes a counterexample on engines; those that cannot run it say why. */
  public static Execution of(Counterexample found, List<String> engines, ObjectSource objects)
      throws EngineException {
    if (found instanceof Counterexample.Gated gated) {
      return GateExecution.of(gated, objects.object(GateModel.NAME));
    }
    return of((Counterexample.Judged) found, Engines.of(engines, objects));
  }

  /** Does the same with engines that are made already. */
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
          boolean differs = !once.expected().equals(once.actual());
          shown |= differs;
          said.put(engine.name(), once.actual());
        } catch (EngineException e) {
          said.put(
              engine.name(),
              "not run: " + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
      }
    }
    return new Execution(expected, said, shown);
  }
}
