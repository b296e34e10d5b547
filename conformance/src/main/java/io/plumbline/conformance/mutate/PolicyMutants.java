package io.plumbline.conformance.mutate;

import io.plumbline.model.policy.Box;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PortRange;
import io.plumbline.model.policy.Prefix;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Side;
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
    Side other = rule.side() == Side.FORBID ? Side.PERMIT : Side.FORBID;
    set(index, rule + ": " + other.word(), withBoxes(rule, other, rule.boxes()));
    for (int i = 0; i < rule.boxes().size(); i++) {
      Box box = rule.boxes().get(i);
      List<Box> fewer = new ArrayList<>(rule.boxes());
      fewer.remove(i);
      if (!fewer.isEmpty()) {
        set(index, rule + ": without " + box, withBoxes(rule, rule.side(), fewer));
      }
      for (Box changed : changes(box)) {
        List<Box> boxes = new ArrayList<>(rule.boxes());
        boxes.set(i, changed);
        set(
            index,
            "%s: %s as %s".formatted(rule, box, changed),
            withBoxes(rule, rule.side(), boxes));
      }
    }
  }

  private static Rule withBoxes(Rule rule, Side side, List<Box> boxes) {
    return new Rule(side, rule.name(), rule.comment(), rule.selector(), rule.position(), boxes);
  }

  private void set(int index, String what, Rule rule) {
    List<Rule> rules = new ArrayList<>(policy.rules());
    rules.set(index, rule);
    add(what, rules);
  }

  private void add(String what, List<Rule> rules) {
    rules.sort(Comparator.comparing(Rule::side));
    mutants.add(
        new Mutant(
            what, new Policy(policy.name(), policy.direction(), rules, policy.resolutions())));
  }

  private static List<Box> changes(Box box) {
    List<Box> changes = new ArrayList<>();
    if (box.flowClass() == FlowClass.ARP) {
      return changes;
    }
    for (FlowClass other : FlowClass.values()) {
      if (other != box.flowClass() && other.family().equals(box.flowClass().family())) {
        changes.add(
            new Box(
                other,
                box.destination(),
                box.destinationPorts(),
                box.source(),
                other.icmp() ? PortRange.ANY : box.sourcePorts()));
      }
    }
    for (Prefix to : changes(box.destination())) {
      changes.add(
          new Box(box.flowClass(), to, box.destinationPorts(), box.source(), box.sourcePorts()));
    }
    for (Prefix from : changes(box.source())) {
      changes.add(
          new Box(
              box.flowClass(), box.destination(), box.destinationPorts(), from, box.sourcePorts()));
    }
    for (PortRange ports : changes(box.destinationPorts())) {
      changes.add(
          new Box(box.flowClass(), box.destination(), ports, box.source(), box.sourcePorts()));
    }
    if (!box.flowClass().icmp()) {
      for (PortRange ports : changes(box.sourcePorts())) {
        changes.add(
            new Box(
                box.flowClass(), box.destination(), box.destinationPorts(), box.source(), ports));
      }
    }
    return changes;
  }

  private static List<Prefix> changes(Prefix prefix) {
    List<Prefix> changes = new ArrayList<>();
    if (prefix.length() > 0) {
      changes.add(prefix.widened(prefix.length() - 1));
      // The neighbour: the last bit of the prefix turned over.
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

  private static List<PortRange> changes(PortRange range) {
    List<PortRange> changes = new ArrayList<>();
    int low = range.low();
    int high = range.high();
    if (low > 0) {
      changes.add(new PortRange(low - 1, high));
    }
    if (low < high) {
      changes.add(new PortRange(low + 1, high));
      changes.add(new PortRange(low, high - 1));
    }
    if (high < 0xFFFF) {
      changes.add(new PortRange(low, high + 1));
    }
    return changes;
  }
}
