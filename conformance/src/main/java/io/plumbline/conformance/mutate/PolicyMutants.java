package io.plumbline.conformance.mutate;

import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.FieldTable;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.model.ruleset.ValueRange;
import io.plumbline.model.ruleset.Values;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Policies in which one rule is another: for the model of {@code intent} what changed clauses are
 * for the others'.
 */
public final class PolicyMutants {
  /**
   * One changed policy.
   *
   * @param what the rule, and what became of it
   */
  public record Mutant(String what, Policy policy) {}

  private final Policy policy;
  private final List<Mutant> mutants = new ArrayList<>();

  private PolicyMutants(Policy policy) {
    this.policy = policy;
  }

  /** Returns every change of one thing of a policy's rules. */
  public static List<Mutant> of(Policy policy) {
    PolicyMutants all = new PolicyMutants(policy);
    for (int i = 0; i < policy.rules().size(); i++) {
      all.rule(i);
    }
    return all.mutants;
  }

  private void rule(int index) {
    Rule rule = policy.rules().get(index);
    List<Rule> without = new ArrayList<>(policy.rules());
    without.remove(index);
    add(rule + ": left out", without);
    Effect other = rule.effect().other();
    set(index, rule + ": " + Rule.word(other), withRegions(rule, other, rule.regions()));
    for (int i = 0; i < rule.regions().size(); i++) {
      FlowRegion region = rule.regions().get(i);
      List<FlowRegion> fewer = new ArrayList<>(rule.regions());
      fewer.remove(i);
      if (!fewer.isEmpty()) {
        set(index, rule + ": without " + region, withRegions(rule, rule.effect(), fewer));
      }
      for (FlowRegion changed : changes(region)) {
        List<FlowRegion> regions = new ArrayList<>(rule.regions());
        regions.set(i, changed);
        set(
            index,
            "%s: %s as %s".formatted(rule, region, changed),
            withRegions(rule, rule.effect(), regions));
      }
    }
  }

  private static Rule withRegions(Rule rule, Effect effect, List<FlowRegion> regions) {
    return new Rule(effect, rule.name(), rule.comment(), rule.selector(), rule.position(), regions);
  }

  private void set(int index, String what, Rule rule) {
    List<Rule> rules = new ArrayList<>(policy.rules());
    rules.set(index, rule);
    add(what, rules);
  }

  private void add(String what, List<Rule> rules) {
    rules.sort(Comparator.comparing(Rule::effect));
    mutants.add(
        new Mutant(
            what, new Policy(policy.name(), policy.direction(), rules, policy.resolutions())));
  }

  private static List<FlowRegion> changes(FlowRegion region) {
    List<FlowRegion> changes = new ArrayList<>();
    FieldTable table = region.table();
    FlowClass flowClass = IntentFields.flowClass(region);
    for (FlowClass other : FlowClass.values()) {
      if (other != flowClass && other.family().equals(flowClass.family())) {
        region.inClass(other.index()).ifPresent(changes::add);
      }
    }
    for (Field field : table.fields().subList(1, table.fields().size())) {
      if (field.form(region.flowClass()).bits() > 0) {
        for (Values values : changes(region.get(field))) {
          if (field.admits(region.flowClass(), values)) {
            changes.add(region.with(field, values));
          }
        }
      }
    }
    return changes;
  }

  private static List<? extends Values> changes(Values values) {
    return values instanceof Prefix prefix ? changes(prefix) : changes((ValueRange) values);
  }

  private static List<Prefix> changes(Prefix prefix) {
    List<Prefix> changes = new ArrayList<>();
    if (prefix.length() > 0) {
      changes.add(prefix.widened(prefix.length() - 1));
      // The neighbour: the last bit of the prefix flipped.
      int behind = prefix.family().bits() - prefix.length();
      boolean inLo = prefix.length() > 64;
      int shift = prefix.family().bits() == 32 || inLo ? behind : behind - 64;
      changes.add(
          new Prefix(
              prefix.family(),
              inLo ? prefix.hi() : prefix.hi() ^ 1L << shift,
              inLo ? prefix.lo() ^ 1L << shift : prefix.lo(),
              prefix.length()));
    }
    if (prefix.length() < prefix.family().bits()) {
      changes.add(new Prefix(prefix.family(), prefix.hi(), prefix.lo(), prefix.length() + 1));
    }
    return changes;
  }

  private static List<ValueRange> changes(ValueRange range) {
    List<ValueRange> changes = new ArrayList<>();
    long low = range.low();
    long high = range.high();
    if (low != 0) {
      changes.add(new ValueRange(low - 1, high));
    }
    if (low != high) {
      changes.add(new ValueRange(low + 1, high));
      changes.add(new ValueRange(low, high - 1));
    }
    if (high != -1L) {
      changes.add(new ValueRange(low, high + 1));
    }
    return changes;
  }
}
