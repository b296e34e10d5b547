package io.plumbline.model.program;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.hook.Hook;
import java.util.Optional;

/**
 * What a filter program is; inert.
 *
 * @param name the BPF program's name, and its object's: {@code NAME.bpf.o}
 * @param hook where it runs
 * @param layer the header it judges by, if it judges at all
 * @param chainable whether it may be a stage of a chain, which only programs with a layer can
 * @param grammar its input
 * @param summary one line for people
 * @param decisions what it must decide
 */
public record ProgramSpec(
    String name,
    Hook hook,
    Optional<Layer> layer,
    boolean chainable,
    InputGrammar grammar,
    String summary,
    DecisionList decisions) {
  public ProgramSpec {
    if (chainable && layer.isEmpty()) {
      throw new IllegalArgumentException(name + ": chainable without a layer");
    }
  }

  /** Returns a program that may stand in a chain. */
  public static ProgramSpec chainable(
      String name, Layer layer, InputGrammar grammar, String summary, DecisionList decisions) {
    return new ProgramSpec(
        name, Hook.usual(), Optional.of(layer), true, grammar, summary, decisions);
  }

  /** Returns the same program at another hook. */
  public ProgramSpec at(Hook other) {
    return new ProgramSpec(name, other, layer, chainable, grammar, summary, decisions);
  }

  /** Returns a program that runs alone only. */
  public static ProgramSpec standalone(
      String name, InputGrammar grammar, String summary, DecisionList decisions) {
    return new ProgramSpec(
        name, Hook.usual(), Optional.empty(), false, grammar, summary, decisions);
  }
}
