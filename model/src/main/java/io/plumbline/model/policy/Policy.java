package io.plumbline.model.policy;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A normalised policy: rules in canonical order, forbids before permits, so that the first rule
 * that matches a packet decides it. That is deny-overrides: a packet that any forbid matches is
 * dropped, else one that any permit matches is allowed, else it is dropped.
 */
public final class Policy {
  /** The most rules that a policy can have. */
  public static final int MAX_RULES = 1 << 17;

  /** The most boxes that its rules can come to. */
  public static final int MAX_BOXES = 1 << 20;

  private final String name;
  private final Direction direction;
  private final List<Rule> rules;
  private final Map<String, List<Prefix>> resolutions;
  private @Nullable RuleIndex index;

  /**
   * Makes one.
   *
   * @param name the author's; empty if none
   * @param direction which way its packets go
   * @param rules forbids, then permits, each in canonical order
   * @param resolutions host names that were resolved, with the answer of that time
   */
  public Policy(
      String name, Direction direction, List<Rule> rules, Map<String, List<Prefix>> resolutions) {
    this.name = name;
    this.direction = direction;
    this.rules = List.copyOf(rules);
    this.resolutions = Map.copyOf(resolutions);
    Side last = Side.FORBID;
    for (Rule rule : rules) {
      if (rule.side().compareTo(last) < 0) {
        throw new IllegalArgumentException("policy: forbid behind a permit");
      }
      last = rule.side();
    }
  }

  /** Returns the author's name for it; empty if there is none. */
  public String name() {
    return name;
  }

  /** Returns which way its packets go. */
  public Direction direction() {
    return direction;
  }

  /** Returns forbids, then permits, each in canonical order. */
  public List<Rule> rules() {
    return rules;
  }

  /** Returns host names that were resolved, with the answer of that time. */
  public Map<String, List<Prefix>> resolutions() {
    return resolutions;
  }

  /** Returns the rules of one side in canonical order. */
  public List<Rule> rules(Side side) {
    int forbids = forbids();
    return side == Side.FORBID ? rules.subList(0, forbids) : rules.subList(forbids, rules.size());
  }

  /** Returns how many forbids there are: the index of the first permit. */
  public int forbids() {
    int count = 0;
    while (count < rules.size() && rules.get(count).side() == Side.FORBID) {
      count++;
    }
    return count;
  }

  /** Returns the index of the rule that decides a packet, or -1 if none matches. */
  public int decide(Flow flow) {
    for (int i = 0; i < rules.size(); i++) {
      if (rules.get(i).contains(flow)) {
        return i;
      }
    }
    return -1;
  }

  /** Returns whether a packet that can be classified may pass. */
  public boolean allows(Flow flow) {
    int rule = decide(flow);
    return rule >= 0 && rules.get(rule).side() == Side.PERMIT;
  }

  /** Returns what finds the same rule as {@link #decide} faster; made when first asked for. */
  public synchronized RuleIndex index() {
    RuleIndex made = index;
    if (made == null) {
      made = new RuleIndex(rules);
      index = made;
    }
    return made;
  }

  @Override
  public String toString() {
    return "policy " + (name.isEmpty() ? direction.word() : name) + " " + rules;
  }
}
