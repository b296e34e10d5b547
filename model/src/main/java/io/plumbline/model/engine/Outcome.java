package io.plumbline.model.engine;

import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.Packet;

/** How a trial ended. */
public sealed interface Outcome {

  /**
   * The program returned.
   *
   * @param after the frame as the program left it
   */
  record Decided(Verdict verdict, Packet after) implements Outcome {
    @Override
    public String toString() {
      return verdict.toString();
    }
  }

  /** The program did something that it must not; the text names what and where. */
  record Fault(String message) implements Outcome {
    @Override
    public String toString() {
      return "fault: " + message;
    }
  }

  /** The engine cannot run this packet; the text says why. Never taken for agreement. */
  record Unsupported(String reason) implements Outcome {
    @Override
    public String toString() {
      return "unsupported: " + reason;
    }
  }
}
