package io.plumbline.model.policy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What is suspicious in a policy that compiles: exact, by set algebra over all packets, not by
 * samples.
 */
public final class PolicyCheck {
  /** What is wrong with a rule. */
  public enum Kind {
    /** Another rule of its side matches the same packets. */
    DUPLICATE("duplicate"),
    /** Forbids match every packet that this permit does. */
    FORBIDDEN("wholly forbidden"),
    /** Rules before it match every packet that it does. */
    COVERED("never decides");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** Returns it in words. */
    public String words() {
      return words;
    }
  }

  /**
   * One finding.
   *
   * @param rule the rule
   * @param because rules that decide in its place, the first few
   * @param example a flow that the rule matches
   * @param decidedBy the index of the rule that decides the example
   */
  public record Finding(Kind kind, Rule rule, List<Rule> because, Flow example, int decidedBy) {
    public Finding {
      because = List.copyOf(because);
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      text.append("%s: %s: %s: ".formatted(rule.position(), rule, kind.words));
      List<String> others = new ArrayList<>();
      because.forEach(other -> others.add(other + " (" + other.position() + ")"));
      return text.append(String.join(", ", others)).toString();
    }
  }

  private static final int SHOWN = 3;
  private static final long MAX_EDGES = 40_000_000;

  private final Policy policy;
  private final Diagrams diagrams = new Diagrams(MAX_EDGES);
  private final Diagrams.Node[] residual;

  private PolicyCheck(Policy policy) {
    this.policy = policy;
    residual = new Diagrams.Node[policy.rules().size()];
  }

  /**
   * Returns the findings, in the canonical order of their rules.
   *
   * @throws Diagrams.TooLargeException if the policy's ranges make too many combinations
   */
  public static List<Finding> of(Policy policy) {
    return new PolicyCheck(policy).run();
  }

  private List<Finding> run() {
    List<Rule> rules = policy.rules();
    if (rules.isEmpty()) {
      return List.of();
    }
    Diagrams.Node[] sets = new Diagrams.Node[rules.size()];
    for (int i = 0; i < sets.length; i++) {
      sets[i] = diagrams.union(rules.get(i).boxes());
    }
    System.arraycopy(sets, 0, residual, 0, sets.length);
    subtract(sets, 0, sets.length);
    int forbids = policy.forbids();
    Diagrams.Node forbidden =
        diagrams.union(
            rules.subList(0, forbids).stream().flatMap(rule -> rule.boxes().stream()).toList());
    RuleIndex index = policy.index();
    List<Finding> findings = new ArrayList<>();
    Map<Diagrams.Node, Integer> first = new HashMap<>();
    for (int i = 0; i < sets.length; i++) {
      if (i == forbids) {
        first.clear();
      }
      Integer same = first.putIfAbsent(sets[i], i);
      Rule rule = rules.get(i);
      if (same == null && residual[i] != diagrams.empty()) {
        continue;
      }
      Flow example = Examples.of(rule.boxes().get(0));
      int decidedBy = index.find(RuleIndex.key(example));
      if (same != null) {
        findings.add(
            new Finding(Kind.DUPLICATE, rule, List.of(rules.get(same)), example, decidedBy));
      } else {
        boolean dropped = i >= forbids && diagrams.without(sets[i], forbidden) == diagrams.empty();
        findings.add(
            new Finding(
                dropped ? Kind.FORBIDDEN : Kind.COVERED,
                rule,
                because(rule, decidedBy, index),
                example,
                decidedBy));
      }
    }
    return findings;
  }

  /**
   * Takes from each rule what the rules before it match, and returns the union of all. Each rule
   * meets its predecessors in pieces that double in size, so that a rule is looked at a number of
   * times that grows with the logarithm only.
   */
  private Diagrams.Node subtract(Diagrams.Node[] sets, int from, int to) {
    if (to - from == 1) {
      return sets[from];
    }
    int middle = (from + to) >>> 1;
    Diagrams.Node before = subtract(sets, from, middle);
    for (int i = middle; i < to; i++) {
      residual[i] = diagrams.without(residual[i], before);
    }
    return diagrams.min(before, subtract(sets, middle, to));
  }

  /** Returns rules that decide at the corners of a rule. */
  private List<Rule> because(Rule rule, int decidedBy, RuleIndex index) {
    Set<Integer> found = new HashSet<>();
    List<Rule> shown = new ArrayList<>();
    found.add(decidedBy);
    shown.add(policy.rules().get(decidedBy));
    for (Box box : rule.boxes()) {
      for (Flow corner : List.of(Examples.low(box), Examples.high(box))) {
        int by = index.find(RuleIndex.key(corner));
        if (by >= 0 && shown.size() < SHOWN && found.add(by)) {
          shown.add(policy.rules().get(by));
        }
      }
    }
    return shown;
  }
}
