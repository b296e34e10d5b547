package io.plumbline.conformance.verify;

import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.util.ArrayList;
import java.util.List;

/** The way of one packet through a program's source, as the interpreter goes it. */
public final class ExecutionPath {
  private static final int MOST_LINES = 80;

  private ExecutionPath() {}

  /**
   * Returns the source lines that are executed, in order, and what the program returns; fewer if
   * the object has no line information.
   */
  public static List<String> of(ProgramObjects objects, Subject subject, Packet packet)
      throws EngineException {
    List<String> lines = new ArrayList<>();
    EmulatorEngine engine =
        EmulatorEngine.traced(
            objects,
            (program, slot, frame, registers) -> {
              String line = program.lines().get(slot);
              String shown = line == null ? "" : "  ".repeat(frame) + line;
              boolean again = !lines.isEmpty() && lines.get(lines.size() - 1).equals(shown);
              if (!shown.isEmpty() && !again && lines.size() < MOST_LINES) {
                lines.add(shown);
              }
            });
    try (Runner runner = engine.load(subject)) {
      Outcome outcome = runner.run(packet);
      lines.add("returns " + outcome);
    }
    return lines;
  }

  /** Returns the path as a paragraph of a report; empty if it cannot be had. */
  public static String describe(ProgramObjects objects, Subject subject, Packet packet) {
    try {
      return "  path through the program:%n    %s%n"
          .formatted(String.join(System.lineSeparator() + "    ", of(objects, subject, packet)));
    } catch (EngineException e) {
      return "";
    }
  }
}
