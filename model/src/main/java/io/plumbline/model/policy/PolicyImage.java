package io.plumbline.model.policy;

import static io.plumbline.model.policy.IntentFields.destination;
import static io.plumbline.model.policy.IntentFields.destinationPorts;
import static io.plumbline.model.policy.IntentFields.flowClass;
import static io.plumbline.model.policy.IntentFields.source;

import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that the kernel program {@code intent} reads for a policy: what {@code
 * bpf/src/main/c/intent.h} describes. Numbers are in host order, addresses in network order.
 *
 * @param table rows of four words
 * @param endpoints key and value of each exact endpoint
 * @param prefixes key and value of each prefix
 * @param lines how many counters each CPU has: clauses before the rules, rules, and "no rule"
 */
public record PolicyImage(
    byte[] table, List<Image.Entry> endpoints, List<Image.Entry> prefixes, int lines) {
  /** How many clauses decide before the rules: {@code CLAUSES} of intent.h. */
  public static final int CLAUSES = 18;

  /** Size of a row of the table. */
  public static final int ROW_BYTES = 16;

  /** Size of an endpoint's key. */
  public static final int ENDPOINT_BYTES = 24;

  /** Size of a prefix's key. */
  public static final int PREFIX_BYTES = 24;

  /** The most rows that a table may have. */
  public static final int MAX_ROWS = 1 << 22;

  /** The most prefixes, each within the one before, that a packet can be in. */
  public static final int MAX_CHAIN = 512;

  private static final int NO_RULE = -1;
  private static final int HAS_SOURCES = 0x8000_0000;
  private static final int SOURCE_SCOPE = 0x8000_0000;
  private static final int FIRST_NODE = 2;

  /** A region of a rule at one node: keys and source ports from and to. */
  private record Part(int rule, int low, int high, PortRange sourcePorts) {}

  /** A prefix that has rules of its own. */
  private static final class Node {
    final Prefix prefix;
    final List<Part> parts = new ArrayList<>();
    final TreeMap<Prefix, Node> sources = new TreeMap<>(Prefix.ORDER);
    int index;
    int next;
    int least;
    int depth;

    Node(Prefix prefix) {
      this.prefix = prefix;
    }
  }

  /**
   * Lowers a policy.
   *
   * @throws PolicyException if it comes to more than the kernel's tables can hold
   */
  public static PolicyImage of(Policy policy) throws PolicyException {
    return new Lowering(policy).image();
  }

  private static final class Lowering {
    private final Policy policy;
    private final Map<ByteBuffer, Integer> endpoints = new LinkedHashMap<>();
    private final TreeMap<Prefix, Node> nodes = new TreeMap<>(Prefix.ORDER);
    private final List<Image.Entry> prefixes = new ArrayList<>();
    private final List<int[]> rows = new ArrayList<>();
    private final Map<List<Integer>, Integer> sourcePortSets = new HashMap<>();
    private int arpRule = NO_RULE;

    Lowering(Policy policy) {
      this.policy = policy;
    }

    PolicyImage image() throws PolicyException {
      for (int rule = 0; rule < policy.rules().size(); rule++) {
        for (FlowRegion region : policy.rules().get(rule).regions()) {
          place(rule, region);
        }
      }
      rows.add(new int[4]);
      rows.add(new int[4]);
      List<Node> all = number();
      int leastBehindPrefixes = NO_RULE;
      for (Node node : all) {
        intervals(node);
        leastBehindPrefixes = smaller(leastBehindPrefixes, node.least);
      }
      int lines = CLAUSES + policy.rules().size() + 1;
      rows.set(0, new int[] {policy.rules().size(), policy.forbids(), arpRule, lines});
      rows.set(1, new int[] {endpoints.isEmpty() ? 0 : 1, leastBehindPrefixes, 0, 0});
      ByteBuffer table =
          ByteBuffer.allocate(rows.size() * ROW_BYTES).order(ByteOrder.nativeOrder());
      rows.forEach(row -> table.putInt(row[0]).putInt(row[1]).putInt(row[2]).putInt(row[3]));
      List<Image.Entry> exact = new ArrayList<>();
      endpoints.forEach(
          (key, rule) -> {
            byte[] bytes = new byte[ENDPOINT_BYTES];
            key.duplicate().get(bytes);
            exact.add(new Image.Entry(bytes, rule));
          });
      return new PolicyImage(table.array(), exact, prefixes, lines);
    }

    private void place(int rule, FlowRegion region) {
      if (flowClass(region) == FlowClass.ARP) {
        arpRule = smaller(arpRule, rule);
        return;
      }
      boolean anySource = source(region).length() == 0;
      if (destination(region).single()
          && destinationPorts(region).single()
          && anySource
          && IntentFields.sourcePorts(region).equals(PortRange.ANY)) {
        endpoints.merge(endpointKey(region), rule, Math::min);
        return;
      }
      Node node = nodes.computeIfAbsent(destination(region), Node::new);
      if (!anySource) {
        node = node.sources.computeIfAbsent(source(region), Node::new);
      }
      int protocol = flowClass(region).protocol() << 16;
      node.parts.add(
          new Part(
              rule,
              protocol | destinationPorts(region).low(),
              protocol | destinationPorts(region).high(),
              IntentFields.sourcePorts(region)));
    }

    private static ByteBuffer endpointKey(FlowRegion region) {
      ByteBuffer key = ByteBuffer.allocate(ENDPOINT_BYTES).order(ByteOrder.nativeOrder());
      key.putInt(scope(destination(region)));
      address(key, destination(region));
      key.putShort((short) destinationPorts(region).low());
      key.put((byte) flowClass(region).protocol()).put((byte) 0);
      return key.rewind();
    }

    private static int scope(Prefix prefix) {
      return prefix.family() == Family.IPV4 ? 4 : 6;
    }

    private static void address(ByteBuffer key, Prefix prefix) {
      ByteOrder order = key.order();
      key.order(ByteOrder.BIG_ENDIAN);
      if (prefix.family() == Family.IPV4) {
        key.putInt((int) prefix.hi()).putInt(0).putLong(0);
      } else {
        key.putLong(prefix.hi()).putLong(prefix.lo());
      }
      key.order(order);
    }

    private void prefix(int scope, Prefix prefix, int node) {
      ByteBuffer key = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.nativeOrder());
      key.putInt(32 + prefix.length()).putInt(scope);
      address(key, prefix);
      prefixes.add(new Image.Entry(key.array(), node));
    }

    /**
     * Gives each node its row, the node after it, and the smallest rule from there on. Behind a
     * source prefix comes the next wider one of the same destination, and behind the widest the
     * next wider destination.
     */
    private List<Node> number() throws PolicyException {
      List<Node> all = new ArrayList<>();
      int index = FIRST_NODE;
      List<Node> around = new ArrayList<>();
      for (Node node : nodes.values()) {
        node.index = index++;
        prefix(scope(node.prefix), node.prefix, node.index);
        all.add(node);
        Node parent = enclosing(around, node);
        chain(node, parent);
        int deepest = node.depth - 1;
        int least = node.least;
        List<Node> sourcesAround = new ArrayList<>();
        for (Node source : node.sources.values()) {
          source.index = index++;
          prefix(SOURCE_SCOPE | node.index, source.prefix, source.index);
          all.add(source);
          Node wider = enclosing(sourcesAround, source);
          chain(source, wider == null ? parent : wider);
          deepest = Math.max(deepest, source.depth);
          least = smaller(least, source.least);
        }
        node.depth = 1 + deepest;
        node.least = least;
        if (node.depth > MAX_CHAIN) {
          throw new PolicyException(
              Position.option("policy"),
              "prefixes around %s: %d, each in the next: expected at most %d"
                  .formatted(node.prefix, node.depth, MAX_CHAIN));
        }
      }
      for (Node node : all) {
        rows.add(new int[] {node.next, 0, 0, node.least});
      }
      return all;
    }

    /** Returns the narrowest node that encloses another, and makes that one the last in line. */
    private static @Nullable Node enclosing(List<Node> around, Node node) {
      while (!around.isEmpty() && !around.get(around.size() - 1).prefix.contains(node.prefix)) {
        around.remove(around.size() - 1);
      }
      Node parent = around.isEmpty() ? null : around.get(around.size() - 1);
      around.add(node);
      return parent;
    }

    private static void chain(Node node, @Nullable Node next) {
      node.next = next == null ? 0 : next.index;
      node.least = next == null ? NO_RULE : next.least;
      node.depth = 1 + (next == null ? 0 : next.depth);
      for (Part part : node.parts) {
        node.least = smaller(node.least, part.rule);
      }
    }

    /** Cuts a node's keys into intervals of one answer each. */
    private void intervals(Node node) throws PolicyException {
      List<int[]> intervals = new ArrayList<>();
      if (!node.parts.isEmpty()) {
        TreeSet<Integer> starts = new TreeSet<>();
        starts.add(0);
        for (Part part : node.parts) {
          starts.add(part.low);
          starts.add(part.high + 1);
        }
        List<Part> waiting = new ArrayList<>(node.parts);
        waiting.sort(Comparator.comparingInt(part -> part.low));
        PriorityQueue<Part> open = new PriorityQueue<>(Comparator.comparingInt(part -> part.rule));
        List<Part> openPorts = new ArrayList<>();
        int taken = 0;
        int[] last = new int[0];
        for (int start : starts) {
          while (taken < waiting.size() && waiting.get(taken).low <= start) {
            Part part = waiting.get(taken++);
            if (part.sourcePorts.equals(PortRange.ANY)) {
              open.add(part);
            } else {
              openPorts.add(part);
            }
          }
          while (!open.isEmpty() && open.peek().high < start) {
            open.remove();
          }
          openPorts.removeIf(part -> part.high < start);
          Part first = open.peek();
          int rule = first == null ? NO_RULE : first.rule;
          int[] ports = sourcePorts(openPorts, rule);
          if (last.length == 0 || last[1] != rule || last[2] != ports[0] || last[3] != ports[1]) {
            last = new int[] {start, rule, ports[0], ports[1]};
            intervals.add(last);
          }
        }
      }
      int[] row = rows.get(node.index);
      row[1] = rows.size();
      row[2] = intervals.size() | (node.sources.isEmpty() ? 0 : HAS_SOURCES);
      intervals.forEach(this::add);
      if (rows.size() > MAX_ROWS) {
        throw new PolicyException(
            Position.option("policy"),
            "port ranges: more than %d table rows: expected fewer overlapping ranges"
                .formatted(MAX_ROWS));
      }
    }

    /** Returns first row and number of rows for parts that ask for source ports. */
    private int[] sourcePorts(List<Part> parts, int rule) {
      TreeSet<Integer> starts = new TreeSet<>();
      for (Part part : parts) {
        if (Integer.compareUnsigned(part.rule, rule) < 0) {
          starts.add(part.sourcePorts.low());
          starts.add(part.sourcePorts.high() + 1);
        }
      }
      if (starts.isEmpty()) {
        return new int[2];
      }
      starts.add(0);
      List<Integer> flat = new ArrayList<>();
      for (int start : starts) {
        int best = NO_RULE;
        for (Part part : parts) {
          if (part.sourcePorts.contains(Math.min(start, 0xFFFF)) && start <= 0xFFFF) {
            best = smaller(best, part.rule);
          }
        }
        flat.add(start);
        flat.add(best);
      }
      int count = flat.size() / 2;
      Integer known = sourcePortSets.get(flat);
      if (known == null) {
        known = rows.size();
        sourcePortSets.put(flat, known);
        for (int i = 0; i < count; i++) {
          add(new int[] {flat.get(2 * i), flat.get(2 * i + 1), 0, 0});
        }
      }
      return new int[] {known, count};
    }

    private void add(int[] row) {
      rows.add(row);
    }

    private static int smaller(int a, int b) {
      return Integer.compareUnsigned(a, b) < 0 ? a : b;
    }
  }

  /** Returns what engines install at a hook. */
  public Image image(Hook hook) {
    return new Image(
        Image.Program.reading("intent", hook, Map.of()),
        List.of(),
        Optional.of(
            new Image.Tables(
                "active",
                List.of(
                    Image.Table.array("tables", ROW_BYTES, table),
                    Image.Table.keyed("endpoints", Image.Kind.HASH, ENDPOINT_BYTES, endpoints),
                    Image.Table.keyed("prefixes", Image.Kind.LPM_TRIE, PREFIX_BYTES, prefixes),
                    Image.Table.counters("counters", lines)))),
        Optional.of(new Image.Need("policies", "bpf_loop", "5.17")));
  }

  /** Returns the rows, endpoints and prefixes as lines a person can read. */
  public String text() {
    StringBuilder text = new StringBuilder();
    ByteBuffer words = ByteBuffer.wrap(table).order(ByteOrder.nativeOrder());
    text.append("table: %d rows of 4 words%n".formatted(table.length / ROW_BYTES));
    for (int row = 0; row < table.length / ROW_BYTES; row++) {
      text.append(
          "%6d  %10s %10s %10s %10s%n"
              .formatted(
                  row,
                  word(words.getInt(row * ROW_BYTES)),
                  word(words.getInt(row * ROW_BYTES + 4)),
                  word(words.getInt(row * ROW_BYTES + 8)),
                  word(words.getInt(row * ROW_BYTES + 12))));
    }
    text.append("endpoints: %d%n".formatted(endpoints.size()));
    endpoints.forEach(entry -> text.append("  ").append(entry).append(System.lineSeparator()));
    text.append("prefixes: %d%n".formatted(prefixes.size()));
    prefixes.forEach(entry -> text.append("  ").append(entry).append(System.lineSeparator()));
    return text.toString();
  }

  private static String word(int value) {
    return value == NO_RULE ? "-" : Integer.toUnsignedString(value);
  }
}
