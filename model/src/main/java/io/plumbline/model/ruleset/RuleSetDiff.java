package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What one rule set accepts and another drops: exact, over all packets. */
public final class RuleSetDiff {
  private static final long MAX_EDGES = 40_000_000;

  /**
   * Packets that one rule set accepts by one rule and the other drops by one rule.
   *
   * @param acceptedBy the index of the rule that accepts the example; -1 if the default does
   * @param droppedBy the index of the rule that drops the example; -1 if the default does
   * @param regions the packets, pairwise disjoint: all of them, or as many regions as wanted
   * @param count how many regions there are
   * @param example one of the packets
   */
  public record Difference(
      int acceptedBy, int droppedBy, List<FlowRegion> regions, long count, Flow example) {
    public Difference {
      regions = List.copyOf(regions);
    }
  }

  private final FlowDiagram diagrams;
  private final FieldTable table;
  private final int most;
  private final List<Difference> onlyFirst;
  private final List<Difference> onlySecond;

  private RuleSetDiff(RuleSet first, RuleSet second, int most) {
    this.table = first.table();
    this.most = Math.max(most, 1);
    if (second.table() != table) {
      throw new IllegalArgumentException("rule sets: expected the same table of fields");
    }
    diagrams = new FlowDiagram(table, MAX_EDGES);
    FlowDiagram.Node decidingFirst = diagrams.deciding(first);
    FlowDiagram.Node decidingSecond = diagrams.deciding(second);
    RuleIndex firstIndex = new RuleIndex(first, Optional.of(decidingFirst));
    RuleIndex secondIndex = new RuleIndex(second, Optional.of(decidingSecond));
    FlowDiagram.Node a = diagrams.accepted(first, decidingFirst);
    FlowDiagram.Node b = diagrams.accepted(second, decidingSecond);
    onlyFirst = differences(diagrams.without(a, b), firstIndex, secondIndex);
    onlySecond = differences(diagrams.without(b, a), secondIndex, firstIndex);
  }

  /**
   * Compares two rule sets over the same table.
   *
   * @param most how many regions of each difference are wanted
   * @throws FlowDiagram.TooLargeException if the ranges make too many combinations
   */
  public static RuleSetDiff of(RuleSet first, RuleSet second, int most) {
    return new RuleSetDiff(first, second, most);
  }

  /** Returns what the first accepts and the second drops. */
  public List<Difference> onlyFirst() {
    return onlyFirst;
  }

  /** Returns what the second accepts and the first drops. */
  public List<Difference> onlySecond() {
    return onlySecond;
  }

  /** The deciding rules of both sides, by index. */
  private record Deciding(int acceptedBy, int droppedBy) {}

  /** The regions of one difference. */
  private static final class Group {
    final List<FlowRegion> regions = new ArrayList<>();
    long count;
  }

  private List<Difference> differences(FlowDiagram.Node set, RuleIndex accepts, RuleIndex drops) {
    Map<Deciding, Group> groups = new LinkedHashMap<>();
    diagrams.pieces(
        set,
        (low, high) -> {
          long last = table.classed() ? high[0] : 0;
          for (int c = table.classed() ? (int) low[0] : 0; c <= last; c++) {
            List<Cover> covers = new ArrayList<>();
            long count = 1;
            for (int field = 0; field < table.fields().size(); field++) {
              Cover cover = new Cover(table, field, c, low, high);
              covers.add(cover);
              count *= cover.count();
            }
            List<FlowRegion> first = regions(c, covers, 1);
            Flow example = first.get(0).example();
            Group group =
                groups.computeIfAbsent(
                    new Deciding(accepts.find(example), drops.find(example)), k -> new Group());
            int room = most - group.regions.size();
            if (room > 0) {
              group.regions.addAll(count == 1 ? first : regions(c, covers, room));
            }
            group.count += count;
          }
          return true;
        });
    List<Difference> differences = new ArrayList<>();
    groups.forEach(
        (by, group) ->
            differences.add(
                new Difference(
                    by.acceptedBy,
                    by.droppedBy,
                    group.regions,
                    group.count,
                    group.regions.get(0).example())));
    return differences;
  }

  /** Returns the first regions of one piece of a diagram in one class, at most the number given. */
  private List<FlowRegion> regions(int flowClass, List<Cover> covers, int wanted) {
    List<Values[]> all = List.<Values[]>of(new Values[covers.size()]);
    for (int i = 0; i < covers.size(); i++) {
      List<Values> values =
          i == 0 && table.classed()
              ? List.of(ValueRange.of(flowClass))
              : covers.get(i).values(wanted);
      List<Values[]> longer = new ArrayList<>();
      for (Values[] begun : all) {
        for (Values next : values) {
          if (longer.size() < wanted) {
            Values[] more = begun.clone();
            more[i] = next;
            longer.add(more);
          }
        }
      }
      all = longer;
    }
    List<FlowRegion> regions = new ArrayList<>();
    for (Values[] values : all) {
      regions.add(new FlowRegion(table, values));
    }
    return regions;
  }
}
