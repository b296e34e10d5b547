package io.plumbline.model.engine;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.program.Input;
import java.util.List;

/**
 * The reference model of a subject: stages, of which the first that does not pass a packet on to
 * the next decides. Not safe for use by several threads at once.
 */
public record Reference(List<Stage> stages) {
  public Reference {
    stages = List.copyOf(stages);
  }

  /** Finds the clause that decides a frame. */
  public interface Evaluator {
    /** Returns the clause's position in the stage's decision list; allocates nothing. */
    int decide(PacketView frame);
  }

  /**
   * A stage.
   *
   * @param program the name that reports give it
   * @param input what the decision list's inputs stand for
   * @param chained whether it is a stage of a chain
   * @param evaluator decides as the decision list, and may be faster
   */
  public record Stage(
      String program, DecisionList decisions, Input input, boolean chained, Evaluator evaluator) {}
}
