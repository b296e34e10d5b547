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
   * @param allowedByIndex its index in its policy
   * @param droppedBy the forbid that drops them in the other policy; none if no permit matches
   * @param droppedByIndex its index, or -1
   * @param boxes the packets, as selectors, pairwise disjoint: all of them, or as many as wanted
   * @param count how many selectors there are
   * @param example one of the packets
   */
  public record Difference(
      Rule allowedBy,
      int allowedByIndex,
      Optional<Rule> droppedBy,
      int droppedByIndex,
      List<Box> boxes,
      long count,
      Flow example) {
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
   * @param most how many selectors of each difference are wanted
   * @throws Diagrams.TooLargeException if the ranges make too many combinations
   */
  public static PolicyDiff of(Policy first, Policy second, int most) {
    Diagrams diagrams = new Diagrams(MAX_EDGES);
    Diagrams.Node a = allowed(diagrams, first);
    Diagrams.Node b = allowed(diagrams, second);
    return new PolicyDiff(
        differences(diagrams, diagrams.without(a, b), first, second, most),
        differences(diagrams, diagrams.without(b, a), second, first, most));
  }

  /** Returns what the first allows and the second drops. */
  public List<Difference> onlyFirst() {
    return onlyFirst;
  }

  /** Returns what the second allows and the first drops. */
  public List<Difference> onlySecond() {
    return onlySecond;
  }

  /** The selectors of one difference. */
  private static final class Group {
    final List<Box> boxes = new ArrayList<>();
    long count;
  }

  private static List<Difference> differences(
      Diagrams diagrams, Diagrams.Node difference, Policy a, Policy b, int most) {
    RuleIndex indexA = a.index();
    RuleIndex indexB = b.index();
    Map<Long, Group> groups = new LinkedHashMap<>();
    diagrams.pieces(
        difference,
        (low, high) -> {
          for (int number = (int) low[Diagrams.CLASS]; number <= high[Diagrams.CLASS]; number++) {
            FlowClass flowClass = FlowClass.of(number);
            List<Box> first = boxes(flowClass, low, high, 1);
            long[] key = RuleIndex.key(Examples.of(first.get(0)));
            long pair = (long) indexA.find(key) << 32 | indexB.find(key) + 1;
            Group group = groups.computeIfAbsent(pair, k -> new Group());
            int room = Math.max(most, 1) - group.boxes.size();
            if (room > 0) {
              group.boxes.addAll(boxes(flowClass, low, high, room));
            }
            group.count += count(flowClass, low, high);
          }
          return true;
        });
    List<Difference> differences = new ArrayList<>();
    groups.forEach(
        (pair, group) -> {
          int allowedBy = (int) (pair >>> 32);
          int droppedBy = (int) (long) pair - 1;
          differences.add(
              new Difference(
                  a.rules().get(allowedBy),
                  allowedBy,
                  droppedBy < 0 ? Optional.empty() : Optional.of(b.rules().get(droppedBy)),
                  droppedBy,
                  group.boxes,
                  group.count,
                  Examples.of(group.boxes.get(0))));
        });
    return differences;
  }

  private static Diagrams.Node allowed(Diagrams diagrams, Policy policy) {
    return diagrams.without(
        diagrams.union(boxes(policy, Side.PERMIT)), diagrams.union(boxes(policy, Side.FORBID)));
  }

  private static List<Box> boxes(Policy policy, Side side) {
    return policy.rules(side).stream().flatMap(rule -> rule.boxes().stream()).toList();
  }

  /** Returns the first boxes of one piece of a diagram: its address ranges as prefixes. */
  private static List<Box> boxes(FlowClass flowClass, long[] low, long[] high, int most) {
    if (flowClass == FlowClass.ARP) {
      return List.of(Box.ARP);
    }
    PortRange ports = range(low, high, Diagrams.DESTINATION_PORT);
    if (flowClass.icmp() && ports.low() == 0 && ports.high() == 0xFF) {
      ports = PortRange.ANY;
    }
    Family family = flowClass.family().orElseThrow();
    PortRange sourcePorts = range(low, high, Diagrams.SOURCE_PORT);
    List<Box> boxes = new ArrayList<>();
    List<Prefix> sources =
        prefixes(family, low, high, Diagrams.SOURCE_HI, Diagrams.SOURCE_LO, most);
    for (Prefix destination :
        prefixes(family, low, high, Diagrams.DESTINATION_HI, Diagrams.DESTINATION_LO, most)) {
      for (Prefix source : sources) {
        boxes.add(new Box(flowClass, destination, ports, source, sourcePorts));
        if (boxes.size() == most) {
          return boxes;
        }
      }
    }
    return boxes;
  }

  private static long count(FlowClass flowClass, long[] low, long[] high) {
    if (flowClass == FlowClass.ARP) {
      return 1;
    }
    Family family = flowClass.family().orElseThrow();
    return count(family, low, high, Diagrams.SOURCE_HI, Diagrams.SOURCE_LO)
        * count(family, low, high, Diagrams.DESTINATION_HI, Diagrams.DESTINATION_LO);
  }

  private static PortRange range(long[] low, long[] high, int level) {
    return new PortRange((int) low[level], (int) high[level]);
  }

  private static boolean isWhole(Family family, long[] low, long[] high, int lo) {
    return family == Family.IPV4 || low[lo] == 0 && high[lo] == -1L;
  }

  private static List<Prefix> prefixes(
      Family family, long[] low, long[] high, int hi, int lo, int most) {
    List<Prefix> prefixes = new ArrayList<>();
    if (isWhole(family, low, high, lo)) {
      int width = family == Family.IPV4 ? 32 : 64;
      for (Blocks b = new Blocks(low[hi], high[hi], width); b.next() && prefixes.size() < most; ) {
        prefixes.add(new Prefix(family, b.start, 0, width - b.bits));
      }
      return prefixes;
    }
    for (long half = low[hi]; prefixes.size() < most; half++) {
      for (Blocks b = new Blocks(low[lo], high[lo], 64); b.next() && prefixes.size() < most; ) {
        prefixes.add(new Prefix(family, half, b.start, 128 - b.bits));
      }
      if (half == high[hi]) {
        break;
      }
    }
    return prefixes;
  }

  private static long count(Family family, long[] low, long[] high, int hi, int lo) {
    boolean whole = isWhole(family, low, high, lo);
    int level = whole ? hi : lo;
    long count = 0;
    for (Blocks b = new Blocks(low[level], high[level], family == Family.IPV4 ? 32 : 64);
        b.next(); ) {
      count++;
    }
    return whole ? count : count * (high[hi] - low[hi] + 1);
  }

  /** Cuts a range into the fewest blocks whose size is a power of two that their start divides. */
  private static final class Blocks {
    private final long high;
    private final int width;
    private boolean done;
    private long following;

    /** Where the block begins. */
    long start;

    /** How many bits are free in it. */
    int bits;

    Blocks(long low, long high, int width) {
      this.following = low;
      this.high = high;
      this.width = width;
    }

    boolean next() {
      if (done) {
        return false;
      }
      start = following;
      bits = start == 0 ? width : Math.min(width, Long.numberOfTrailingZeros(start));
      while (Long.compareUnsigned(last(), high) > 0) {
        bits--;
      }
      done = last() == high;
      following = last() + 1;
      return true;
    }

    private long last() {
      return bits == 64 ? -1L : start | ((1L << bits) - 1);
    }
  }
}
