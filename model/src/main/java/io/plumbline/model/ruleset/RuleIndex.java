package io.plumbline.model.ruleset;

import java.util.List;
import java.util.Optional;

/**
 * Finds the rule that decides a packet, in time that hardly grows with the number of rules: a
 * decision diagram where it stays small, else the rules one after the other. Looking up allocates
 * nothing.
 */
public final class RuleIndex {
  private static final long MAX_EDGES = 20_000_000;

  private final Optional<FlowDiagram.Node> diagram;
  private final int[] order;
  private final long[][] bounds;
  private final int[] ruleOfBounds;

  RuleIndex(RuleSet rules) {
    this(rules, MAX_EDGES);
  }

  /** Makes an index whose diagram has at most a number of intervals; if it has more, a list. */
  RuleIndex(RuleSet rules, long maxEdges) {
    this(rules, diagram(rules, maxEdges));
  }

  /**
   * Makes an index.
   *
   * @param diagram the rules' {@link FlowDiagram#deciding}; empty for a list
   */
  RuleIndex(RuleSet rules, Optional<FlowDiagram.Node> diagram) {
    this.diagram = diagram;
    order = rules.order();
    List<FlowRule> inOrder = rules.inOrder();
    int levels = rules.table().levels();
    int count = diagram.isPresent() ? 0 : inOrder.stream().mapToInt(r -> r.regions().size()).sum();
    bounds = new long[count][];
    ruleOfBounds = new int[count];
    int n = 0;
    for (int i = 0; n < count; i++) {
      for (FlowRegion region : inOrder.get(i).regions()) {
        long[] of = new long[2 * levels];
        for (int level = 0; level < levels; level++) {
          of[2 * level] = region.low(level);
          of[2 * level + 1] = region.high(level);
        }
        ruleOfBounds[n] = order[i];
        bounds[n++] = of;
      }
    }
  }

  private static Optional<FlowDiagram.Node> diagram(RuleSet rules, long maxEdges) {
    try {
      return Optional.of(new FlowDiagram(rules.table(), maxEdges).deciding(rules));
    } catch (FlowDiagram.TooLargeException e) {
      return Optional.empty();
    }
  }

  /** Returns the index of the rule that decides a flow, or -1 if the default does. */
  public int find(Flow flow) {
    return find(flow.key());
  }

  /** Returns the index of the rule that decides a flow, given by its key, or -1. */
  public int find(long[] key) {
    if (diagram.isPresent()) {
      int position = diagram.get().lookup(key);
      return position == FlowDiagram.NONE ? -1 : order[position];
    }
    for (int i = 0; i < bounds.length; i++) {
      if (inside(bounds[i], key)) {
        return ruleOfBounds[i];
      }
    }
    return -1;
  }

  private static boolean inside(long[] bounds, long[] key) {
    for (int level = 0; level < key.length; level++) {
      if (Long.compareUnsigned(key[level], bounds[2 * level]) < 0
          || Long.compareUnsigned(key[level], bounds[2 * level + 1]) > 0) {
        return false;
      }
    }
    return true;
  }
}
