package io.plumbline.loader.cli;

import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.util.Optional;

/**
 * Which clause drops a packet, by the model of the filter that dropped it. The kernel has decided;
 * this only names the reason.
 */
final class DropReason {
  private final Optional<ModelRunner> model;

  DropReason(Attachment attachment) {
    model =
        subject(attachment).map(subject -> new ModelEngine().load(subject.at(attachment.hook())));
  }

  private static Optional<Subject> subject(Attachment attachment) {
    String text = attachment.about().map(about -> about.subject()).orElse("");
    try {
      if (attachment.about().isPresent() && !attachment.about().get().lines().isEmpty()) {
        return CounterLines.policy(attachment.about().get().lines(), attachment.direction())
            .map(Subject.Intent::new);
      }
      if (text.startsWith("object ")) {
        return Optional.empty();
      }
      if (text.startsWith("chain ")) {
        return Optional.of(SubjectOptions.chain(text.substring("chain ".length())));
      }
      int space = text.indexOf(' ');
      return Optional.of(
          space < 0
              ? SubjectOptions.standalone(text, null)
              : SubjectOptions.standalone(text.substring(0, space), text.substring(space + 1)));
    } catch (CommandException e) {
      return Optional.empty();
    }
  }

  /**
   * Returns the clause with its meaning; empty if there is no model, or the capture is too short.
   */
  String of(Packet packet) {
    return model
        .flatMap(runner -> runner.explain(packet))
        .map(line -> line.name() + ": " + line.clause().meaning().replace(" (attached)", ""))
        .orElse("");
  }
}
