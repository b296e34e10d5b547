package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
    FlowDiagram.Node a = diagrams.accepted(first);
    FlowDiagram.Node b = diagrams.accepted(second);
    onlyFirst = differences(diagrams.without(a, b), first.index(), second.index());
    onlySecond = differences(diagrams.without(b, a), second.index(), first.index());
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
            List<Cover> covers = covers(c, low, high);
            long[] key = regions(c, covers, 1).get(0).example().key();
            Group group =
                groups.computeIfAbsent(
                    new Deciding(accepts.find(key), drops.find(key)), k -> new Group());
            int room = most - group.regions.size();
            if (room > 0) {
              group.regions.addAll(regions(c, covers, room));
            }
            long count = 1;
            for (Cover cover : covers) {
              count *= cover.count();
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

  private List<Cover> covers(int flowClass, long[] low, long[] high) {
    return table.fields().stream()
        .map(field -> new Cover(table, field, flowClass, low, high))
        .toList();
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
    return all.stream().map(values -> new FlowRegion(table, values)).toList();
  }
}
