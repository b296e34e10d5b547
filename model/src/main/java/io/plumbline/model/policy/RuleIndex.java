package io.plumbline.model.policy;

import java.util.List;
import java.util.Optional;

/**
 * Finds the first rule that a packet matches, in time that hardly grows with the number of rules: a
 * decision diagram where it stays small, else the rules one after the other. Looking up allocates
 * nothing.
 */
public final class RuleIndex {
  private static final long MAX_EDGES = 20_000_000;

  private final Optional<Diagrams.Node> diagram;
  private final long[][] boxes;
  private final int[] ruleOfBox;

  public RuleIndex(List<Rule> rules) {
    diagram = diagram(rules);
    int count = diagram.isPresent() ? 0 : rules.stream().mapToInt(r -> r.boxes().size()).sum();
    boxes = new long[count][];
    ruleOfBox = new int[count];
    int n = 0;
    for (int i = 0; n < count; i++) {
      for (Box box : rules.get(i).boxes()) {
        long[] bounds = new long[2 * Diagrams.FIELDS];
        for (int level = 0; level < Diagrams.FIELDS; level++) {
          bounds[2 * level] = Diagrams.low(box, level);
          bounds[2 * level + 1] = Diagrams.high(box, level);
        }
        ruleOfBox[n] = i;
        boxes[n++] = bounds;
      }
    }
  }

  private static Optional<Diagrams.Node> diagram(List<Rule> rules) {
    try {
      return Optional.of(new Diagrams(MAX_EDGES).firstMatch(rules));
    } catch (Diagrams.TooLargeException e) {
      return Optional.empty();
    }
  }

  /** Returns the key of a flow, in the order of the diagram's levels. */
  public static long[] key(Flow flow) {
    return new long[] {
      flow.flowClass().index(),
      flow.destinationHi(),
      flow.destinationLo(),
      flow.destinationPort(),
      flow.sourceHi(),
      flow.sourceLo(),
      flow.sourcePort()
    };
  }

  /** Returns the index of the first rule that a flow matches, or -1. */
  public int find(long[] key) {
    if (diagram.isPresent()) {
      int rule = diagram.get().lookup(key);
      return rule == Diagrams.NONE ? -1 : rule;
    }
    for (int i = 0; i < boxes.length; i++) {
      if (inside(boxes[i], key)) {
        return ruleOfBox[i];
      }
    }
    return -1;
  }

  private static boolean inside(long[] bounds, long[] key) {
    for (int level = 0; level < Diagrams.FIELDS; level++) {
      if (Long.compareUnsigned(key[level], bounds[2 * level]) < 0
          || Long.compareUnsigned(key[level], bounds[2 * level + 1]) > 0) {
        return false;
      }
    }
    return true;
  }
}
