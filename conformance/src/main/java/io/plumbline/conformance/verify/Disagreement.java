package io.plumbline.conformance.verify;

import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.util.Optional;

/**
 * An engine that does not do what the model says.
 *
 * @param packet the smallest frame found that shows it
 * @param expected what the model says, as text
 * @param actual what the engine said, as text
 * @param clause the model's reason
 */
public record Disagreement(
    Subject subject,
    String engine,
    Packet packet,
    String expected,
    String actual,
    Optional<ModelRunner.Line> clause) {

  /** Returns the report for a person, several lines. */
  public String describe() {
    String reason =
        clause
            .map(
                line ->
                    "%s: %s (when %s)"
                        .formatted(line.name(), line.clause().meaning(), line.clause().guard()))
            .orElse("the chain is empty");
    return "%s: model says %s, %s says %s%n  model's clause: %s%n%s"
        .formatted(subject, expected, engine, actual, reason, HexDump.of(packet));
  }
}
