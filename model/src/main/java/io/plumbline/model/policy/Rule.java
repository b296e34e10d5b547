package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.FlowRule;
import java.util.List;

/**
 * One rule of a normalised policy.
 *
 * @param name the author's; empty if none
 * @param comment the author's; empty if none
 * @param selector the selector, from which the canonical text comes
 * @param position where it was written
 * @param regions the packets it matches, with groups and names replaced by their addresses
 */
public record Rule(
    Effect effect,
    String name,
    String comment,
    Selector selector,
    Position position,
    List<FlowRegion> regions)
    implements FlowRule {
  public Rule {
    regions = List.copyOf(regions);
  }

  /** Returns the word of the language for an effect: {@code forbid} or {@code permit}. */
  public static String word(Effect effect) {
    return switch (effect) {
      case DROP -> "forbid";
      case ACCEPT -> "permit";
    };
  }

  /** Returns the effect of a word of the language; what is not {@code permit} is a forbid. */
  public static Effect effectOf(String word) {
    return word.equals(word(Effect.ACCEPT)) ? Effect.ACCEPT : Effect.DROP;
  }

  /** Returns whether it is about ARP, which there is only behind an Ethernet header. */
  public boolean isAboutArp() {
    return regions.stream().anyMatch(r -> IntentFields.flowClass(r).family().isEmpty());
  }

  /** Returns the rule in the words of the language, {@code forbid tcp/10.0.0.1:22}. */
  @Override
  public String toString() {
    return word(effect) + " " + selector;
  }
}
