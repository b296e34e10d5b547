package io.plumbline.model.policy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A normalised policy: rules in canonical order, forbids before permits, so that the first rule
 * that matches a packet decides it. That is deny-overrides: a packet that any forbid matches is
 * dropped, else one that any permit matches is allowed, else it is dropped.
 *
 * @param name the author's; empty if none
 * @param direction which way its packets go
 * @param rules forbids, then permits, each in canonical order
 * @param resolutions host names that were resolved, with the answer of that time
 */
public record Policy(
    String name, Direction direction, List<Rule> rules, Map<String, List<Prefix>> resolutions) {
  /** The most rules that a policy can have. */
  public static final int MAX_RULES = 1 << 17;

  /** The most boxes that its rules can come to. */
  public static final int MAX_BOXES = 1 << 20;

  public Policy {
    rules = List.copyOf(rules);
    resolutions = Map.copyOf(resolutions);
    Side last = Side.FORBID;
    for (Rule rule : rules) {
      if (rule.side().compareTo(last) < 0) {
        throw new IllegalArgumentException("policy: forbid behind a permit");
      }
      last = rule.side();
    }
  }

  /** Returns the rules of one side in canonical order. */
  public List<Rule> rules(Side side) {
    List<Rule> found = new ArrayList<>();
    for (Rule rule : rules) {
      if (rule.side() == side) {
        found.add(rule);
      }
    }
    return found;
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

  /** Returns whether a well-formed packet may pass. */
  public boolean allows(Flow flow) {
    int rule = decide(flow);
    return rule >= 0 && rules.get(rule).side() == Side.PERMIT;
  }

  @Override
  public String toString() {
    return "policy " + (name.isEmpty() ? direction.word() : name) + " " + rules;
  }
}
