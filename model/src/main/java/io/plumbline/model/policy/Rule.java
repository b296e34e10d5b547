package io.plumbline.model.policy;

import java.util.List;

/**
 * One rule of a normalised policy.
 *
 * @param side what it does
 * @param name the author's; empty if none
 * @param comment the author's; empty if none
 * @param selector the selector, from which the canonical text comes
 * @param position where it was written
 * @param boxes the packets it matches, groups and names put in
 */
public record Rule(
    Side side, String name, String comment, Selector selector, Position position, List<Box> boxes) {
  public Rule {
    boxes = List.copyOf(boxes);
  }

  /** Returns the rule in the words of the language, {@code forbid tcp/10.0.0.1:22}. */
  @Override
  public String toString() {
    return side.word() + " " + selector;
  }

  /** Returns whether a packet matches. */
  public boolean contains(Flow flow) {
    for (Box box : boxes) {
      if (box.contains(flow)) {
        return true;
      }
    }
    return false;
  }
}
