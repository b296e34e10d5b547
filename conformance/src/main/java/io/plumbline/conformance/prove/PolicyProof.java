package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.pcaps.EdgePackets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Shows that {@code intent} with the tables of one policy decides as the policy for every frame,
 * and counts each frame once, by the clause or rule that decides it.
 *
 * <p>Frames with a VLAN tag outside their bytes and frames without are proved one after the other,
 * because fields of the former are elsewhere. Ways through the headers are merged where they meet;
 * behind that there is a way of its own for each prefix, interval and endpoint of the tables.
 */
final class PolicyProof {
  private static final int FRAMES = 20_000;

  private final ProgramObjects objects;
  private final Patience patience;

  PolicyProof(ProgramObjects objects, Patience patience) {
    this.objects = objects;
    this.patience = patience;
  }

  /** Proves one policy. */
  Proof prove(Subject subject) throws EngineException {
    Policy policy = subject.rules().orElseThrow();
    Attempt attempt = new Attempt(patience);
    for (boolean tagged : Prover.tagged(subject.hook())) {
      attempt.with(
          solver -> {
            PolicyQuestions half = new PolicyQuestions(objects, subject, tagged, solver);
            half.ask();
            attempt.count(half.paths());
            attempt.countQuestions(half.questions());
          });
    }
    if (attempt.open()) {
      tried(subject).ifPresent(attempt::refute);
    }
    List<String> assumptions = new ArrayList<>(ContextTerms.assumptions(subject.hook()));
    assumptions.add("maps answer as the kernel documents, and hold what the loader put there");
    assumptions.add("the counters have room for every CPU");
    return attempt.proof(
        subject.toString(),
        "decides as its %d clauses and %s and counts by them, for all frames"
            .formatted(
                Intent.classification().size(),
                policy.rules().size() == 1 ? "its only rule" : policy.rules().size() + " rules"),
        assumptions);
  }

  /** Looks for a frame among generated ones: what the solver cannot tell may be seen easily. */
  private Optional<Counterexample> tried(Subject subject) throws EngineException {
    PacketBatch frames = new PacketBatch();
    EdgePackets.add(subject, frames, FRAMES, 1);
    Outcomes expected = new Outcomes(FRAMES);
    Outcomes actual = new Outcomes(FRAMES);
    try (ModelRunner model = new ModelEngine().load(subject);
        Runner emulator = EmulatorEngine.jit(objects).load(subject)) {
      model.run(frames, expected);
      emulator.run(frames, actual);
      long[] before = emulator.counters().orElseThrow().packets();
      for (int i = 0; i < frames.size(); i++) {
        emulator.run(frames.packet(i));
        long[] after = emulator.counters().orElseThrow().packets();
        before[expected.line(i)]++;
        if (!expected.agrees(i, actual) || !Arrays.equals(before, after)) {
          return Optional.of(
              new Counterexample.Judged(
                  subject,
                  frames.packet(i),
                  frames.wireLength(i),
                  "%s (a generated frame, not the solver's)"
                      .formatted(
                          actual.isDecided(i)
                              ? "the program returns " + actual.code(i)
                              : "the program faults: " + actual.fault(i))));
        }
      }
    }
    return Optional.empty();
  }
}
