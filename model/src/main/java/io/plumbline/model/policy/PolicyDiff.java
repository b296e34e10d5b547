package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowDiagram;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.RuleSetDiff;
import java.util.List;
import java.util.Optional;

/**
 * What one policy allows and another drops: exact for all packets that can be classified; those
 * that cannot, both drop.
 *
 * @param onlyFirst what the first allows and the second drops
 * @param onlySecond what the second allows and the first drops
 */
public record PolicyDiff(List<Difference> onlyFirst, List<Difference> onlySecond) {
  /**
   * Packets that one policy allows by one rule and the other drops by one rule or by default.
   *
   * @param allowedBy the rule that allows them
   * @param allowedByIndex its index in its policy
   * @param droppedBy the forbid that drops them in the other policy; none if no permit matches
   * @param droppedByIndex its index, or -1
   * @param regions the packets, as selectors, pairwise disjoint: all of them, or as many as wanted
   * @param count how many selectors there are
   * @param example one of the packets
   */
  public record Difference(
      Rule allowedBy,
      int allowedByIndex,
      Optional<Rule> droppedBy,
      int droppedByIndex,
      List<FlowRegion> regions,
      long count,
      Flow example) {
    public Difference {
      regions = List.copyOf(regions);
    }
  }

  public PolicyDiff {
    onlyFirst = List.copyOf(onlyFirst);
    onlySecond = List.copyOf(onlySecond);
  }

  /**
   * Compares two policies.
   *
   * @param most how many selectors of each difference are wanted
   * @throws FlowDiagram.TooLargeException if the ranges make too many combinations
   */
  public static PolicyDiff of(Policy first, Policy second, int most) {
    RuleSetDiff diff = RuleSetDiff.of(first.ruleSet(), second.ruleSet(), most);
    return new PolicyDiff(
        named(diff.onlyFirst(), first, second), named(diff.onlySecond(), second, first));
  }

  private static List<Difference> named(
      List<RuleSetDiff.Difference> differences, Policy allows, Policy drops) {
    return differences.stream()
        .map(
            found ->
                new Difference(
                    allows.rules().get(found.acceptedBy()),
                    found.acceptedBy(),
                    found.droppedBy() < 0
                        ? Optional.empty()
                        : Optional.of(drops.rules().get(found.droppedBy())),
                    found.droppedBy(),
                    found.regions(),
                    found.count(),
                    found.example()))
        .toList();
  }
}
