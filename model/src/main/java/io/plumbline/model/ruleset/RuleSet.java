package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Rules over a table of fields: for each packet, one rule or the default decides. */
public final class RuleSet {
  private final FieldTable table;
  private final List<? extends FlowRule> rules;
  private final Effect defaultEffect;
  private final Combinator combinator;
  private final int[] order;
  private final List<FlowRule> inOrder;
  private @Nullable RuleIndex index;

  /**
   * Makes a rule set.
   *
   * @param rules as written
   * @param defaultEffect what happens to packets that no rule matches
   */
  public RuleSet(
      FieldTable table,
      List<? extends FlowRule> rules,
      Effect defaultEffect,
      Combinator combinator) {
    this.table = table;
    this.rules = List.copyOf(rules);
    this.defaultEffect = defaultEffect;
    this.combinator = combinator;
    if (combinator == Combinator.ALLOW_IF_ANY
        && rules.stream().anyMatch(rule -> rule.effect() == Effect.DROP)) {
      throw new IllegalArgumentException("rule set: a rule that drops: expected rules that accept");
    }
    for (FlowRule rule : rules) {
      for (FlowRegion region : rule.regions()) {
        if (region.table() != table) {
          throw new IllegalArgumentException(
              "rule set: %s: expected a region of the rule set's table".formatted(region));
        }
      }
    }
    order =
        switch (combinator) {
          case DENY_OVERRIDES ->
              IntStream.concat(positions(Effect.DROP), positions(Effect.ACCEPT)).toArray();
          case FIRST_MATCH, ALLOW_IF_ANY -> IntStream.range(0, rules.size()).toArray();
        };
    List<FlowRule> sorted = new ArrayList<>();
    for (int rule : order) {
      sorted.add(rules.get(rule));
    }
    inOrder = List.copyOf(sorted);
  }

  private IntStream positions(Effect effect) {
    return IntStream.range(0, rules.size()).filter(i -> rules.get(i).effect() == effect);
  }

  /** Returns the table of the fields. */
  public FieldTable table() {
    return table;
  }

  /** Returns the rules as written. */
  public List<? extends FlowRule> rules() {
    return rules;
  }

  /** Returns what happens to packets that no rule matches. */
  public Effect defaultEffect() {
    return defaultEffect;
  }

  /** Returns which of several rules that match decides. */
  public Combinator combinator() {
    return combinator;
  }

  /** Returns the rules in the order in which the first that matches decides. */
  public List<FlowRule> inOrder() {
    return inOrder;
  }

  /** Returns the index in {@link #rules} of each rule of {@link #inOrder}. */
  int[] order() {
    return order.clone();
  }

  /**
   * Returns the index of the rule that decides a packet, or -1 if the default does: the
   * combinator's definition, rule by rule.
   */
  public int decide(Flow flow) {
    return switch (combinator) {
      case DENY_OVERRIDES -> {
        int drops = first(flow, rule -> rule.effect() == Effect.DROP);
        yield drops >= 0 ? drops : first(flow, rule -> rule.effect() == Effect.ACCEPT);
      }
      case FIRST_MATCH, ALLOW_IF_ANY -> first(flow, rule -> true);
    };
  }

  private int first(Flow flow, Predicate<FlowRule> which) {
    for (int i = 0; i < rules.size(); i++) {
      if (which.test(rules.get(i)) && rules.get(i).matches(flow)) {
        return i;
      }
    }
    return -1;
  }

  /** Returns the effect of a rule given by its index, or of the default, given by -1. */
  public Effect effect(int rule) {
    return rule < 0 ? defaultEffect : rules.get(rule).effect();
  }

  /** Returns whether a packet is accepted. */
  public boolean accepts(Flow flow) {
    return effect(decide(flow)) == Effect.ACCEPT;
  }

  /**
   * Returns the index, which finds the same rule as {@link #decide} faster; built on the first
   * call.
   */
  public synchronized RuleIndex index() {
    RuleIndex made = index;
    if (made == null) {
      made = new RuleIndex(this);
      index = made;
    }
    return made;
  }
}
