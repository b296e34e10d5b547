package io.plumbline.model.engine;

import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.Packet;

/** Result of one frame; of many: {@link Outcomes}. */
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

  /** The capture is cut before a field that decides, so there is nothing to compare with. */
  record Cut() implements Outcome {
    /** Why such a frame is not compared. */
    public static final String REASON = "the capture is cut before a field that decides";

    @Override
    public String toString() {
      return "undecided: " + REASON;
    }
  }

  /** The engine cannot run this frame; the text says why. Never taken for agreement. */
  record Unsupported(String reason) implements Outcome {
    @Override
    public String toString() {
      return "unsupported: " + reason;
    }
  }

  /**
   * Returns whether an engine's outcome differs from that of the model: by its code, or because the
   * program faulted, which the model never does. What could not be run or judged does not differ.
   */
  default boolean differsFrom(Outcome model) {
    return model instanceof Decided expected
        && (this instanceof Fault
            || this instanceof Decided actual && !actual.verdict().equals(expected.verdict()));
  }
}
