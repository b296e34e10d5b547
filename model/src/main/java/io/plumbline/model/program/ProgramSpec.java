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
 * @param ethernet what it must decide where packets begin with an Ethernet header
 */
public record ProgramSpec(
    String name,
    Hook hook,
    Optional<Layer> layer,
    boolean chainable,
    InputGrammar grammar,
    String summary,
    DecisionList ethernet) {
  public ProgramSpec {
    if (chainable && layer.isEmpty()) {
      throw new IllegalArgumentException(name + ": chainable without a layer");
    }
  }

  /**
   * Returns what it must decide at its hook. A program that judges by the Ethernet header takes no
   * packet for its own where there is none.
   */
  public DecisionList decisions() {
    return hasItsHeader() ? ethernet : ethernet.lastOnly();
  }

  /** Returns whether the header that it judges by is there at its hook. */
  public boolean hasItsHeader() {
    return hook.firstLayer() < 3 || !layer.equals(Optional.of(Layer.L2));
  }

  /** Returns whether it reads packets at all: otherwise there is nothing to decide. */
  public boolean readsPackets() {
    return ethernet.clauses().size() > 1;
  }

  /** Returns a program that may stand in a chain. */
  public static ProgramSpec chainable(
      String name, Layer layer, InputGrammar grammar, String summary, DecisionList decisions) {
    return new ProgramSpec(
        name, Hook.usual(), Optional.of(layer), true, grammar, summary, decisions);
  }

  /** Returns the same program at another hook. */
  public ProgramSpec at(Hook other) {
    return new ProgramSpec(name, other, layer, chainable, grammar, summary, ethernet);
  }

  /** Returns a program that runs alone only. */
  public static ProgramSpec standalone(
      String name, InputGrammar grammar, String summary, DecisionList decisions) {
    return new ProgramSpec(
        name, Hook.usual(), Optional.empty(), false, grammar, summary, decisions);
  }
}
