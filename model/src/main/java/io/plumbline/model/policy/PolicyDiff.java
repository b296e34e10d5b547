package io.plumbline.model.policy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one policy allows and another drops: exact for all packets that can be classified; those
 * that cannot, both drop.
 */
public final class PolicyDiff {
  private static final long MAX_EDGES = 40_000_000;

  /**
   * Packets that one policy allows by one rule and the other drops by one rule or by default.
   *
   * @param allowedBy the rule that allows them
   * @param droppedBy the forbid that drops them in the other policy; none if no permit matches
   * @param boxes the packets, as selectors, pairwise disjoint
   * @param example one of them
   */
  public record Difference(
      Rule allowedBy, Optional<Rule> droppedBy, List<Box> boxes, Flow example) {
    public Difference {
      boxes = List.copyOf(boxes);
    }
  }

  private final List<Difference> onlyFirst;
  private final List<Difference> onlySecond;

  private PolicyDiff(List<Difference> onlyFirst, List<Difference> onlySecond) {
    this.onlyFirst = onlyFirst;
    this.onlySecond = onlySecond;
  }

  /**
   * Compares two policies.
   *
   * @throws Diagrams.TooLargeException if the ranges make too many combinations
   */
  public static PolicyDiff of(Policy first, Policy second) {
    Diagrams diagrams = new Diagrams(MAX_EDGES);
    Diagrams.Node a = allowed(diagrams, first);
    Diagrams.Node b = allowed(diagrams, second);
    return new PolicyDiff(
        differences(diagrams, diagrams.without(a, b), first, second),
        differences(diagrams, diagrams.without(b, a), second, first));
  }

  /** Returns what the first allows and the second drops. */
  public List<Difference> onlyFirst() {
    return onlyFirst;
  }

  /** Returns what the second allows and the first drops. */
  public List<Difference> onlySecond() {
    return onlySecond;
  }

  private static List<Difference> differences(
      Diagrams diagrams, Diagrams.Node difference, Policy a, Policy b) {
    RuleIndex indexA = a.index();
    RuleIndex indexB = b.index();
    Map<List<Integer>, List<Box>> groups = new LinkedHashMap<>();
    diagrams.pieces(
        difference,
        (low, high) -> {
          for (Box box : boxes(low, high)) {
            long[] key = RuleIndex.key(Examples.of(box));
            groups
                .computeIfAbsent(
                    List.of(indexA.find(key), indexB.find(key)), pair -> new ArrayList<>())
                .add(box);
          }
          return true;
        });
    List<Difference> differences = new ArrayList<>();
    groups.forEach(
        (pair, boxes) ->
            differences.add(
                new Difference(
                    a.rules().get(pair.get(0)),
                    pair.get(1) < 0 ? Optional.empty() : Optional.of(b.rules().get(pair.get(1))),
                    boxes,
                    Examples.of(boxes.get(0)))));
    return differences;
  }

  private static Diagrams.Node allowed(Diagrams diagrams, Policy policy) {
    return diagrams.without(
        diagrams.union(boxes(policy, Side.PERMIT)), diagrams.union(boxes(policy, Side.FORBID)));
  }

  private static List<Box> boxes(Policy policy, Side side) {
    return policy.rules(side).stream().flatMap(rule -> rule.boxes().stream()).toList();
  }

  /** Returns the boxes of one piece of a diagram: its address ranges as prefixes. */
  static List<Box> boxes(long[] low, long[] high) {
    List<Box> boxes = new ArrayList<>();
    for (long number = low[Diagrams.CLASS]; number <= high[Diagrams.CLASS]; number++) {
      FlowClass flowClass = FlowClass.of((int) number);
      if (flowClass == FlowClass.ARP) {
        boxes.add(Box.ARP);
        continue;
      }
      // A type has 8 bits.
      if (flowClass.icmp() && low[Diagrams.DESTINATION_PORT] > 0xFF) {
        continue;
      }
      PortRange ports = range(low, high, Diagrams.DESTINATION_PORT);
      if (flowClass.icmp() && ports.high() >= 0xFF) {
        ports = ports.low() == 0 ? PortRange.ANY : new PortRange(ports.low(), 0xFF);
      }
      Family family = flowClass.family().orElseThrow();
      List<Prefix> sources = prefixes(family, low, high, Diagrams.SOURCE_HI, Diagrams.SOURCE_LO);
      for (Prefix destination :
          prefixes(family, low, high, Diagrams.DESTINATION_HI, Diagrams.DESTINATION_LO)) {
        for (Prefix source : sources) {
          boxes.add(
              new Box(
                  flowClass, destination, ports, source, range(low, high, Diagrams.SOURCE_PORT)));
        }
      }
    }
    return boxes;
  }

  private static PortRange range(long[] low, long[] high, int level) {
    return new PortRange((int) low[level], (int) high[level]);
  }

  private static List<Prefix> prefixes(Family family, long[] low, long[] high, int hi, int lo) {
    List<Prefix> prefixes = new ArrayList<>();
    boolean wholeLo = family == Family.IPV4 || low[lo] == 0 && high[lo] == -1L;
    if (wholeLo) {
      int width = family == Family.IPV4 ? 32 : 64;
      aligned(low[hi], high[hi], width)
          .forEach(part -> prefixes.add(new Prefix(family, part[0], 0, (int) part[1])));
      return prefixes;
    }
    for (long first = low[hi]; ; first++) {
      long half = first;
      aligned(low[lo], high[lo], 64)
          .forEach(part -> prefixes.add(new Prefix(family, half, part[0], 64 + (int) part[1])));
      if (first == high[hi]) {
        return prefixes;
      }
    }
  }

  /** Cuts a range into the fewest blocks whose size is a power of two that their start divides. */
  private static List<long[]> aligned(long low, long high, int width) {
    List<long[]> blocks = new ArrayList<>();
    long start = low;
    while (true) {
      int bits = start == 0 ? width : Math.min(width, Long.numberOfTrailingZeros(start));
      while (Long.compareUnsigned(last(start, bits), high) > 0) {
        bits--;
      }
      blocks.add(new long[] {start, width - bits});
      if (last(start, bits) == high) {
        return blocks;
      }
      start = last(start, bits) + 1;
    }
  }

  private static long last(long start, int bits) {
    return bits == 64 ? -1L : start | ((1L << bits) - 1);
  }
}
