package io.plumbline.model.ruleset;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sets of flows, and maps from flows to numbers, as decision diagrams over intervals: a level for
 * each number of a flow's key, and at each level the values cut into intervals with different
 * continuations (Gouda and Liu, "Firewall design: consistency, completeness, and compactness",
 * ICDCS 2004). Equal diagrams are one object, so equality of sets is identity.
 *
 * <p>A set is a map whose only number is 0. Not safe for several threads at once.
 */
public final class FlowDiagram {
  /** The number of a flow that has none. */
  public static final int NONE = Integer.MAX_VALUE;

  /** Too many distinct combinations to hold. */
  public static final class TooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooLargeException() {
      super("policy: too many distinct combinations of its ranges", null, false, false);
    }
  }

  /** A diagram, or a part of one below its first level. */
  public static final class Node {
    private final int id;
    private final int label;
    private final long[] starts;
    private final Node[] children;

    private Node(int id, int label, long[] starts, Node[] children) {
      this.id = id;
      this.label = label;
      this.starts = starts;
      this.children = children;
    }

    private boolean leaf() {
      return starts.length == 0;
    }

    /** Returns the index of the interval that holds a value, compared unsigned. */
    private int find(long value) {
      int low = 0;
      int high = starts.length - 1;
      while (low < high) {
        int middle = (low + high + 1) >>> 1;
        if (Long.compareUnsigned(starts[middle], value) <= 0) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      return low;
    }

    /** Returns the number of a flow, given by its key. */
    public int lookup(long[] key) {
      Node node = this;
      for (int level = 0; !node.leaf(); level++) {
        node = node.children[node.find(key[level])];
      }
      return node.label;
    }
  }

  /** Receives the pieces of a set: the lowest and highest value of each level, both included. */
  public interface Piece {
    /** Receives one piece; false stops. The arrays are reused. */
    boolean accept(long[] low, long[] high);
  }

  /** What makes a node: equal contents are one node. */
  private static final class Content {
    final long[] starts;
    final Node[] children;
    final int hash;

    Content(long[] starts, Node[] children) {
      this.starts = starts;
      this.children = children;
      long h = starts.length;
      for (int i = 0; i < starts.length; i++) {
        h = (h ^ starts[i]) * 0x9E3779B97F4A7C15L;
        h = (h ^ h >>> 32 ^ children[i].id) * 0xD6E8FEB86659FD93L;
      }
      hash = (int) (h ^ h >>> 32);
    }

    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Content other
          && hash == other.hash
          && Arrays.equals(children, other.children)
          && Arrays.equals(starts, other.starts);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  private final FieldTable table;
  private final Map<Content, Node> unique = new HashMap<>();
  private final Map<Integer, Node> leaves = new HashMap<>();
  private Map<Long, Node> memo = new HashMap<>();
  private final long maxEdges;
  private long edges;
  private int nextId;
  private final Node none = leaf(NONE);

  /**
   * Starts without diagrams.
   *
   * @param maxEdges how many intervals all diagrams made here may have in sum
   */
  public FlowDiagram(FieldTable table, long maxEdges) {
    this.table = table;
    this.maxEdges = maxEdges;
  }

  /** Returns the empty set. */
  public Node empty() {
    return none;
  }

  private Node leaf(int label) {
    return leaves.computeIfAbsent(
        label, key -> new Node(nextId++, label, new long[0], new Node[0]));
  }

  /** Returns the map that gives every flow of a region a number, and the others none. */
  public Node of(FlowRegion region, int label) {
    Node node = leaf(label);
    for (int level = table.levels() - 1; level >= 0; level--) {
      node = interval(region.low(level), region.high(level), node);
    }
    return node;
  }

  private Node interval(long low, long high, Node inside) {
    boolean fromZero = low == 0;
    boolean toEnd = high == -1L;
    int n = 1 + (fromZero ? 0 : 1) + (toEnd ? 0 : 1);
    long[] starts = new long[n];
    Node[] children = new Node[n];
    int i = 0;
    if (!fromZero) {
      children[i++] = none;
    }
    starts[i] = low;
    children[i++] = inside;
    if (!toEnd) {
      starts[i] = high + 1;
      children[i] = none;
    }
    return node(starts, children, n);
  }

  /** Returns the one node of a content, neighbouring intervals with one child merged. */
  private Node node(long[] starts, Node[] children, int size) {
    int n = 0;
    for (int i = 0; i < size; i++) {
      if (n == 0 || children[i] != children[n - 1]) {
        starts[n] = starts[i];
        children[n++] = children[i];
      }
    }
    if (n == 1 && children[0] == none) {
      return none;
    }
    Content content = new Content(Arrays.copyOf(starts, n), Arrays.copyOf(children, n));
    Node known = unique.get(content);
    if (known == null) {
      edges += n;
      if (edges > maxEdges) {
        throw new TooLargeException();
      }
      known = new Node(nextId++, NONE, content.starts, content.children);
      unique.put(content, known);
    }
    return known;
  }

  /** Returns the map that gives each flow the smaller of two numbers; of sets, the union. */
  public Node min(Node a, Node b) {
    memo = new HashMap<>();
    return combineMin(a, b);
  }

  private Node combineMin(Node a, Node b) {
    if (a == b || b == none) {
      return a;
    }
    if (a == none) {
      return b;
    }
    if (a.leaf()) {
      return a.label <= b.label ? a : b;
    }
    long key = a.id < b.id ? pair(a, b) : pair(b, a);
    Node known = memo.get(key);
    if (known != null) {
      return known;
    }
    int most = a.starts.length + b.starts.length;
    long[] starts = new long[most];
    Node[] children = new Node[most];
    int n = 0;
    int i = 0;
    int j = 0;
    while (i < a.starts.length || j < b.starts.length) {
      int order =
          i == a.starts.length
              ? 1
              : j == b.starts.length ? -1 : Long.compareUnsigned(a.starts[i], b.starts[j]);
      starts[n] = order <= 0 ? a.starts[i] : b.starts[j];
      i += order <= 0 ? 1 : 0;
      j += order >= 0 ? 1 : 0;
      children[n++] = combineMin(a.children[i - 1], b.children[j - 1]);
    }
    Node result = node(starts, children, n);
    memo.put(key, result);
    return result;
  }

  /** Returns one number for two nodes; the odd factor spreads the numbers and keeps them apart. */
  private static long pair(Node a, Node b) {
    return ((long) a.id << 32 | b.id) * 0x9E3779B97F4A7C15L;
  }

  /** Returns the part of a map whose flows have no number in another. */
  public Node without(Node a, Node b) {
    memo = new HashMap<>();
    return combineWithout(a, b);
  }

  private Node combineWithout(Node a, Node b) {
    if (a == none || b == none) {
      return a;
    }
    if (a == b || a.leaf()) {
      return none;
    }
    long key = pair(a, b);
    Node known = memo.get(key);
    if (known != null) {
      return known;
    }
    long[] starts = new long[a.starts.length + 16];
    Node[] children = new Node[starts.length];
    int n = 0;
    for (int i = 0; i < a.starts.length; i++) {
      Node child = a.children[i];
      long start = a.starts[i];
      boolean last = i + 1 == a.starts.length;
      // Visit only the intervals of b that overlap this one: b may be much larger than a.
      int j = child == none ? 0 : b.find(start);
      while (true) {
        if (n == starts.length) {
          starts = Arrays.copyOf(starts, 2 * n);
          children = Arrays.copyOf(children, 2 * n);
        }
        starts[n] = start;
        children[n++] = child == none ? none : combineWithout(child, b.children[j]);
        j++;
        if (child == none
            || j == b.starts.length
            || !last && Long.compareUnsigned(b.starts[j], a.starts[i + 1]) >= 0) {
          break;
        }
        start = b.starts[j];
      }
    }
    Node result = node(starts, children, n);
    memo.put(key, result);
    return result;
  }

  /** Returns the union of regions. */
  public Node union(List<FlowRegion> regions) {
    return regions.isEmpty() ? none : union(regions, 0, regions.size());
  }

  private Node union(List<FlowRegion> regions, int from, int to) {
    if (to - from == 1) {
      return of(regions.get(from), 0);
    }
    int middle = (from + to) >>> 1;
    return min(union(regions, from, middle), union(regions, middle, to));
  }

  /** Returns all flows. */
  public Node all() {
    Node all = none;
    for (int c = 0; c < table.classes(); c++) {
      all = min(all, of(table.any(c), 0));
    }
    return all;
  }

  /**
   * Returns the map that gives each flow the position, in the order of {@link RuleSet#inOrder}, of
   * the rule that decides it.
   */
  public Node deciding(RuleSet rules) {
    return rules.inOrder().isEmpty() ? none : deciding(rules, 0, rules.inOrder().size());
  }

  private Node deciding(RuleSet rules, int from, int to) {
    if (to - from == 1) {
      Node node = none;
      for (FlowRegion region : rules.inOrder().get(from).regions()) {
        node = min(node, of(region, from));
      }
      return node;
    }
    int middle = (from + to) >>> 1;
    return min(deciding(rules, from, middle), deciding(rules, middle, to));
  }

  /** Returns the flows that a rule set accepts. */
  public Node accepted(RuleSet rules) {
    return accepted(rules, deciding(rules));
  }

  /** Returns the flows that a rule set accepts, given its map of {@link #deciding}. */
  Node accepted(RuleSet rules, Node deciding) {
    memo = new HashMap<>();
    Node byRules = combineAccepted(rules, deciding);
    return rules.defaultEffect() == Effect.DROP ? byRules : min(byRules, without(all(), deciding));
  }

  private Node combineAccepted(RuleSet rules, Node node) {
    if (node == none) {
      return none;
    }
    if (node.leaf()) {
      return rules.inOrder().get(node.label).effect() == Effect.ACCEPT ? leaf(0) : none;
    }
    Node known = memo.get((long) node.id);
    if (known != null) {
      return known;
    }
    Node[] children = new Node[node.children.length];
    for (int i = 0; i < children.length; i++) {
      children[i] = combineAccepted(rules, node.children[i]);
    }
    Node result = node(node.starts.clone(), children, children.length);
    memo.put((long) node.id, result);
    return result;
  }

  /** Passes every piece of a set, pairwise disjoint. */
  public void pieces(Node set, Piece piece) {
    pieces(set, 0, new long[table.levels()], new long[table.levels()], piece);
  }

  private boolean pieces(Node node, int level, long[] low, long[] high, Piece piece) {
    if (node == none) {
      return true;
    }
    if (node.leaf()) {
      return piece.accept(low, high);
    }
    for (int i = 0; i < node.starts.length; i++) {
      low[level] = node.starts[i];
      high[level] = i + 1 < node.starts.length ? node.starts[i + 1] - 1 : -1L;
      if (!pieces(node.children[i], level + 1, low, high, piece)) {
        return false;
      }
    }
    return true;
  }
}
