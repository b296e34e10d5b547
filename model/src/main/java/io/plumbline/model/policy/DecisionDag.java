package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Kind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A policy as a decision DAG (traffico specification, section d, "Lowering"): each rule is a chain
 * of its predicates, forbids first; a predicate that holds leads on, one that does not to the next
 * rule, and what cannot be told drops.
 */
public record DecisionDag(List<Node> nodes) {
  /** Where an edge leads when no node is there. */
  public static final String DROP = "DROP";

  public DecisionDag {
    nodes = List.copyOf(nodes);
  }

  /**
   * One predicate.
   *
   * @param rule the rule it belongs to
   * @param predicate what it asks
   * @param onTrue a node, {@code FORBID} or {@code ALLOW}
   * @param onFalse a node or {@code DROP}
   */
  public record Node(String name, Rule rule, String predicate, String onTrue, String onFalse) {}

  /** Returns the DAG of a policy. */
  public static DecisionDag of(Policy policy) {
    List<List<String>> chains = new ArrayList<>();
    policy.rules().forEach(rule -> chains.add(predicates(rule)));
    List<Node> nodes = new ArrayList<>();
    int first = 0;
    for (int i = 0; i < chains.size(); i++) {
      List<String> chain = chains.get(i);
      Rule rule = policy.rules().get(i);
      String next = i + 1 < chains.size() ? "n" + (first + chain.size()) : DROP;
      String end = rule.side() == Side.FORBID ? "FORBID" : "ALLOW";
      for (int p = 0; p < chain.size(); p++) {
        String then = p + 1 < chain.size() ? "n" + (first + p + 1) : end;
        nodes.add(new Node("n" + (first + p), rule, chain.get(p), then, next));
      }
      first += chain.size();
    }
    return new DecisionDag(nodes);
  }

  private static List<String> predicates(Rule rule) {
    if (rule.selector().kind() == Kind.ARP) {
      return List.of("ethertype is ARP");
    }
    List<String> predicates = new ArrayList<>();
    predicates.add("ethertype is " + each(rule, box -> family(box)));
    Set<String> destinations = set(rule, box -> box.destination().toString());
    if (rule.boxes().get(0).destination().length() > 0) {
      predicates.add("destination is " + String.join(" or ", destinations));
    }
    predicates.add(
        "protocol is "
            + each(rule, box -> box.flowClass().word().toUpperCase(java.util.Locale.ROOT)));
    if (!rule.boxes().get(0).destinationPorts().equals(PortRange.ANY)) {
      String word = rule.boxes().get(0).flowClass().icmp() ? "type is " : "destination port is ";
      predicates.add(word + each(rule, box -> box.destinationPorts().toString()));
    }
    if (rule.boxes().get(0).source().length() > 0) {
      predicates.add("source is " + each(rule, box -> box.source().toString()));
    }
    if (!rule.boxes().get(0).sourcePorts().equals(PortRange.ANY)) {
      predicates.add("source port is " + each(rule, box -> box.sourcePorts().toString()));
    }
    return predicates;
  }

  private static String family(Box box) {
    return box.destination().family() == Family.IPV4 ? "IPv4" : "IPv6";
  }

  private static String each(Rule rule, java.util.function.Function<Box, String> word) {
    return String.join(" or ", set(rule, word));
  }

  private static Set<String> set(Rule rule, java.util.function.Function<Box, String> word) {
    return rule.boxes().stream().map(word).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Returns one line a node. */
  public String text() {
    StringBuilder text = new StringBuilder();
    text.append("decision dag: %d nodes; what cannot be told drops%n".formatted(nodes.size()));
    for (Node node : nodes) {
      text.append(
          "%-5s %s: true -> %s, false -> %s  [%s]%n"
              .formatted(node.name, node.predicate, node.onTrue, node.onFalse, node.rule));
    }
    return text.toString();
  }

  /** Returns the graph for Graphviz. */
  public String dot() {
    StringBuilder text = new StringBuilder("digraph policy {\n");
    text.append("  node [shape=box, fontname=\"monospace\"];\n");
    text.append("  FORBID [shape=octagon, color=red];\n  ALLOW [shape=oval, color=green];\n");
    text.append("  DROP [shape=octagon];\n");
    for (Node node : nodes) {
      text.append("  %s [label=\"%s\"];%n".formatted(node.name, node.predicate));
      text.append("  %s -> %s [label=\"true\"];%n".formatted(node.name, node.onTrue));
      text.append(
          "  %s -> %s [label=\"false\", style=dashed];%n".formatted(node.name, node.onFalse));
    }
    return text.append("}\n").toString();
  }
}
