package io.plumbline.conformance.cli;

import io.plumbline.conformance.verify.Engines;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.decision.Action;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.pcaps.FlowPackets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs the packets that a report speaks of before it is shown: what set algebra claims, the model
 * and the kernel must do.
 */
final class Confirmation {
  /**
   * What a policy is said to do: a frame, its flow, and the rule that decides it, or -1 for none.
   */
  private record Claims(PacketBatch frames, List<Flow> flows, List<Integer> rules) {
    Claims() {
      this(new PacketBatch(), new ArrayList<>(), new ArrayList<>());
    }

    boolean allowed(Policy policy, int i) {
      return rules.get(i) >= 0 && policy.rules().get(rules.get(i)).effect() == Effect.ACCEPT;
    }

    /** Returns how often each line must have decided when all frames were run once. */
    long[] lines(Policy policy) {
      long[] lines = new long[PolicyImage.CLAUSES + policy.rules().size() + 1];
      for (int rule : rules) {
        lines[PolicyImage.CLAUSES + (rule < 0 ? policy.rules().size() : rule)]++;
      }
      return lines;
    }
  }

  private final Map<Policy, Claims> claims = new LinkedHashMap<>();
  private long packets;
  private final Map<String, String> engines = new LinkedHashMap<>();

  /** Claims that a rule of a policy, given by its index, decides a flow; -1 that none matches. */
  void claim(Policy policy, Flow flow, int rule) {
    Claims of = claims.computeIfAbsent(policy, key -> new Claims());
    of.frames.add(FlowPackets.of(flow).build());
    of.flows.add(flow);
    of.rules.add(rule);
    packets++;
  }

  /**
   * Runs all packets.
   *
   * @throws CommandException if an engine does something else; nothing may then be shown
   */
  void run() throws CommandException, EngineException {
    for (Engine engine :
        Engines.of(
            List.of(ModelEngine.NAME, KernelEngine.NAME, EmulatorEngine.NAME),
            ObjectSource.builtIn())) {
      Optional<String> reason = engine.unavailable();
      engines.put(engine.name(), reason.map(r -> "unavailable: " + r).orElse("confirmed"));
      if (reason.isEmpty()) {
        run(engine);
      }
    }
  }

  private void run(Engine engine) throws CommandException, EngineException {
    List<Policy> policies = List.copyOf(claims.keySet());
    List<Subject.Intent> subjects = policies.stream().map(Subject.Intent::new).toList();
    List<Runner> runners = engine.loadAll(subjects);
    try {
      for (int p = 0; p < policies.size(); p++) {
        confirm(engine, subjects.get(p), runners.get(p));
      }
    } finally {
      runners.forEach(Runner::close);
    }
  }

  private void confirm(Engine engine, Subject.Intent subject, Runner runner)
      throws CommandException, EngineException {
    Policy policy = subject.policy();
    Claims of = claims.getOrDefault(policy, new Claims());
    Outcomes outcomes = new Outcomes(of.frames.size());
    runner.run(of.frames, outcomes);
    for (int i = 0; i < outcomes.size(); i++) {
      boolean allowed = of.allowed(policy, i);
      int expected = (allowed ? Action.ACCEPT : Action.DROP).code(subject.hook());
      if (!outcomes.isDecided(i) || outcomes.code(i) != expected) {
        throw new CommandException(
            ExitStatus.DISAGREEMENT,
            "%s: engine %s does not confirm: expected that it is %s"
                .formatted(of.flows.get(i), engine.name(), allowed ? "allowed" : "dropped"));
      }
    }
    // The counters say that the rules named have decided, and no others.
    Optional<Runner.Counters> counters = runner.counters();
    if (counters.isEmpty() || !Arrays.equals(counters.get().packets(), of.lines(policy))) {
      throw new CommandException(
          ExitStatus.DISAGREEMENT,
          "engine %s does not confirm: other rules than those named have decided"
              .formatted(engine.name()));
    }
  }

  /** Returns what was run, in a line. */
  String summary() {
    List<String> parts = new ArrayList<>();
    engines.forEach((name, state) -> parts.add(name + " " + state));
    return "%s executed: %s"
        .formatted(Count.of(packets, "example packet"), String.join(", ", parts));
  }

  /** Returns the entry of the JSON report. */
  Map<String, Object> toMap() {
    return Map.of("packets", packets, "engines", new LinkedHashMap<>(engines));
  }
}
