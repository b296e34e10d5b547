package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Rules that never decide: exact, by set algebra over all packets, not by samples. */
public final class RuleSetCheck {
  /** Why a rule never decides. */
  public enum Kind {
    /** An earlier rule with the same effect matches the same packets. */
    DUPLICATE,
    /** Earlier rules with the other effect match every packet that it does. */
    OVERRIDDEN,
    /** Earlier rules match every packet that it does. */
    COVERED
  }

  /**
   * One finding.
   *
   * @param rule the index of the rule
   * @param because the indexes of rules that decide in its place, the first few
   * @param example a flow that the rule matches
   * @param decidedBy the index of the rule that decides the example
   */
  public record Finding(Kind kind, int rule, List<Integer> because, Flow example, int decidedBy) {
    public Finding {
      because = List.copyOf(because);
    }
  }

  /** Rules with the same effect on the same packets. */
  private record Matched(Effect effect, FlowDiagram.Node set) {}

  private static final int SHOWN = 3;
  private static final long MAX_EDGES = 40_000_000;

  private final RuleSet rules;
  private final List<FlowRule> inOrder;
  private final int[] order;
  private final FlowDiagram diagrams;
  private final FlowDiagram.Node[] residual;

  private RuleSetCheck(RuleSet rules) {
    this.rules = rules;
    inOrder = rules.inOrder();
    order = rules.order();
    diagrams = new FlowDiagram(rules.table(), MAX_EDGES);
    residual = new FlowDiagram.Node[order.length];
  }

  /**
   * Returns the findings, in the order of {@link RuleSet#inOrder}.
   *
   * @throws FlowDiagram.TooLargeException if the ranges make too many combinations
   */
  public static List<Finding> of(RuleSet rules) {
    return rules.rules().isEmpty() ? List.of() : new RuleSetCheck(rules).run();
  }

  private List<Finding> run() {
    FlowDiagram.Node[] sets = new FlowDiagram.Node[order.length];
    for (int i = 0; i < sets.length; i++) {
      sets[i] = diagrams.union(inOrder.get(i).regions());
    }
    System.arraycopy(sets, 0, residual, 0, sets.length);
    subtract(sets, 0, sets.length);
    RuleIndex index = rules.index();
    Matching drops = new Matching(Effect.DROP);
    Matching accepts = new Matching(Effect.ACCEPT);
    List<Finding> findings = new ArrayList<>();
    Map<Matched, Integer> first = new HashMap<>();
    for (int i = 0; i < sets.length; i++) {
      FlowRule rule = inOrder.get(i);
      Integer same = first.putIfAbsent(new Matched(rule.effect(), sets[i]), order[i]);
      if (residual[i] != diagrams.empty()) {
        continue;
      }
      Flow example = rule.regions().get(0).example();
      int decidedBy = index.find(example);
      Matching other = rule.effect() == Effect.DROP ? accepts : drops;
      Kind kind =
          same != null ? Kind.DUPLICATE : other.covers(i, sets) ? Kind.OVERRIDDEN : Kind.COVERED;
      List<Integer> because = same != null ? List.of(same) : because(rule, decidedBy, index);
      findings.add(new Finding(kind, order[i], because, example, decidedBy));
    }
    return findings;
  }

  /**
   * Takes from each rule what the rules before it match, and returns the union of all. Each rule
   * meets its predecessors in unions that double in size, so the number of steps for a rule grows
   * with the logarithm only.
   */
  private FlowDiagram.Node subtract(FlowDiagram.Node[] sets, int from, int to) {
    if (to - from == 1) {
      return sets[from];
    }
    int middle = (from + to) >>> 1;
    FlowDiagram.Node before = subtract(sets, from, middle);
    for (int i = middle; i < to; i++) {
      residual[i] = diagrams.without(residual[i], before);
    }
    return diagrams.min(before, subtract(sets, middle, to));
  }

  /** The packets that the rules with one effect match, up to some position. */
  private final class Matching {
    private final Effect effect;
    private FlowDiagram.Node matched = diagrams.empty();
    private int taken;

    Matching(Effect effect) {
      this.effect = effect;
    }

    /** Returns whether those before a position match all packets of the rule there. */
    boolean covers(int position, FlowDiagram.Node[] sets) {
      List<FlowDiagram.Node> all = new ArrayList<>();
      all.add(matched);
      for (; taken < position; taken++) {
        if (inOrder.get(taken).effect() == effect) {
          all.add(sets[taken]);
        }
      }
      matched = union(all, 0, all.size());
      return diagrams.without(sets[position], matched) == diagrams.empty();
    }

    private FlowDiagram.Node union(List<FlowDiagram.Node> nodes, int from, int to) {
      if (to - from == 1) {
        return nodes.get(from);
      }
      int middle = (from + to) >>> 1;
      return diagrams.min(union(nodes, from, middle), union(nodes, middle, to));
    }
  }

  /** Returns rules that decide at the corners of a rule. */
  private static List<Integer> because(FlowRule rule, int decidedBy, RuleIndex index) {
    Set<Integer> found = new HashSet<>();
    List<Integer> shown = new ArrayList<>();
    found.add(decidedBy);
    shown.add(decidedBy);
    for (FlowRegion region : rule.regions()) {
      for (Flow corner : List.of(region.lowest(), region.highest())) {
        int by = index.find(corner);
        if (shown.size() < SHOWN && found.add(by)) {
          shown.add(by);
        }
      }
    }
    return shown;
  }
}
