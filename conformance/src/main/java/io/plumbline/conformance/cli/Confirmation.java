package io.plumbline.conformance.cli;

import io.plumbline.conformance.verify.Engines;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Verdicts;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Flow;
import io.plumbline.model.policy.Policy;
import io.plumbline.pcaps.FlowPackets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs the packets that a report speaks of before it is shown: what set algebra claims, the model
 * and the kernel must do.
 */
final class Confirmation {
  private record Claims(PacketBatch frames, List<Flow> flows, List<Boolean> allowed) {
    Claims() {
      this(new PacketBatch(), new ArrayList<>(), new ArrayList<>());
    }
  }

  private final Map<Policy, Claims> claims = new LinkedHashMap<>();
  private long packets;
  private final Map<String, String> engines = new LinkedHashMap<>();

  /** Claims what a policy does to a flow. */
  void claim(Policy policy, Flow flow, boolean allowed) {
    Claims of = claims.computeIfAbsent(policy, key -> new Claims());
    of.frames.add(FlowPackets.of(flow).build());
    of.flows.add(flow);
    of.allowed.add(allowed);
    packets++;
  }

  /**
   * Runs all packets.
   *
   * @throws CommandException if an engine does something else; nothing may then be shown
   */
  void run() throws CommandException, EngineException {
    for (Engine engine :
        Engines.of(List.of(ModelEngine.NAME, KernelEngine.NAME), ObjectSource.builtIn())) {
      Optional<String> reason = engine.unavailable();
      engines.put(engine.name(), reason.map(r -> "unavailable: " + r).orElse("confirmed"));
      if (reason.isEmpty()) {
        run(engine);
      }
    }
  }

  private void run(Engine engine) throws CommandException, EngineException {
    List<Policy> policies = List.copyOf(claims.keySet());
    List<Runner> runners = engine.loadAll(policies.stream().map(Subject.Intent::new).toList());
    try {
      for (int p = 0; p < policies.size(); p++) {
        Claims of = claims.getOrDefault(policies.get(p), new Claims());
        int[] verdicts = new int[of.frames.size()];
        runners.get(p).run(of.frames, verdicts);
        for (int i = 0; i < verdicts.length; i++) {
          if (verdicts[i] != (of.allowed.get(i) ? Verdicts.TC_ACT_OK : Verdicts.TC_ACT_SHOT)) {
            throw new CommandException(
                Plumb.DISAGREEMENT,
                "%s: engine %s does not confirm: expected that it is %s"
                    .formatted(
                        of.flows.get(i), engine.name(), of.allowed.get(i) ? "allowed" : "dropped"));
          }
        }
      }
    } finally {
      runners.forEach(Runner::close);
    }
  }

  /** Returns what was run, in a line. */
  String summary() {
    List<String> parts = new ArrayList<>();
    engines.forEach((name, state) -> parts.add(name + " " + state));
    return "%d example packets executed: %s".formatted(packets, String.join(", ", parts));
  }

  /** Returns the entry of the JSON report. */
  Map<String, Object> toMap() {
    return Map.of("packets", packets, "engines", new LinkedHashMap<>(engines));
  }
}
