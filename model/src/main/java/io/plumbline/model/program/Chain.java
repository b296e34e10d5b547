package io.plumbline.model.program;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Programs that judge a packet one after the other; the first SHOT decides, otherwise OK (traffico
 * specification, section c).
 *
 * <p>The value itself only bounds the number of stages, because a harness also runs chains that the
 * grammar refuses; {@code ChainSyntax} has the rules for people.
 *
 * @param stages 0..8 stages; an empty chain accepts
 */
public record Chain(List<Stage> stages) {
  /** The most stages a chain may have: the slots of its prog_array. */
  public static final int MAX_STAGES = 8;

  public Chain {
    stages = List.copyOf(stages);
    if (stages.size() > MAX_STAGES) {
      throw new IllegalArgumentException(
          "chain: %d stages: expected at most %d".formatted(stages.size(), MAX_STAGES));
    }
  }

  /** One program with its input. */
  public record Stage(ProgramSpec program, Input input) {
    public Stage {
      if (!program.chainable()) {
        throw new IllegalArgumentException(
            "chain: program %s: not chainable".formatted(program.name()));
      }
    }

    @Override
    public String toString() {
      return program.name() + ":" + input;
    }
  }

  @Override
  public String toString() {
    return stages.stream().map(Stage::toString).collect(Collectors.joining(","));
  }
}
