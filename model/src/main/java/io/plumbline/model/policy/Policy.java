package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Combinator;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.model.ruleset.RuleIndex;
import io.plumbline.model.ruleset.RuleSet;
import java.util.List;
import java.util.Map;

/**
 * A normalised policy: a rule set over {@link IntentFields} in which forbids override permits. A
 * packet that any forbid matches is dropped, else one that any permit matches is allowed, else it
 * is dropped. The rules are in canonical order, forbids before permits, so the first rule that
 * matches a packet decides it.
 */
public final class Policy {
  /** The most rules that a policy can have. */
  public static final int MAX_RULES = 1 << 17;

  /** The most regions that its rules can come to. */
  public static final int MAX_REGIONS = 1 << 20;

  private final String name;
  private final Direction direction;
  private final List<Rule> rules;
  private final RuleSet ruleSet;
  private final Map<String, List<Prefix>> resolutions;

  /**
   * Makes a policy.
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
    Effect last = Effect.DROP;
    for (Rule rule : rules) {
      if (rule.effect().compareTo(last) < 0) {
        throw new IllegalArgumentException("policy: forbid after a permit");
      }
      last = rule.effect();
    }
    ruleSet = new RuleSet(IntentFields.TABLE, this.rules, Effect.DROP, Combinator.DENY_OVERRIDES);
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

  /** Returns what the rules decide. */
  public RuleSet ruleSet() {
    return ruleSet;
  }

  /** Returns the rules with one effect in canonical order. */
  public List<Rule> rules(Effect effect) {
    int forbids = forbids();
    return switch (effect) {
      case DROP -> rules.subList(0, forbids);
      case ACCEPT -> rules.subList(forbids, rules.size());
    };
  }

  /** Returns how many forbids there are: the index of the first permit. */
  public int forbids() {
    int count = 0;
    while (count < rules.size() && rules.get(count).effect() == Effect.DROP) {
      count++;
    }
    return count;
  }

  /** Returns the index of the rule that decides a packet, or -1 if none matches. */
  public int decide(Flow flow) {
    return ruleSet.decide(flow);
  }

  /** Returns whether a packet that can be classified may pass. */
  public boolean allows(Flow flow) {
    return ruleSet.accepts(flow);
  }

  /** Returns what finds the same rule as {@link #decide} faster; made on the first call. */
  public RuleIndex index() {
    return ruleSet.index();
  }

  @Override
  public String toString() {
    return "policy " + (name.isEmpty() ? direction.word() : name) + " " + rules;
  }
}
