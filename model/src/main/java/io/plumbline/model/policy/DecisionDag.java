package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.FlowRegion;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
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
      String end = rule.effect() == Effect.DROP ? "FORBID" : "ALLOW";
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
    FlowRegion first = rule.regions().get(0);
    List<String> predicates = new ArrayList<>();
    predicates.add("ethertype is " + each(rule, DecisionDag::family));
    // The specification asks for the protocol after the destination.
    demand(rule, IntentFields.DESTINATION).ifPresent(predicates::add);
    predicates.add("protocol is " + each(rule, DecisionDag::protocol));
    for (Field field : first.table().fields()) {
      if (field != IntentFields.CLASS && field != IntentFields.DESTINATION) {
        demand(rule, field).ifPresent(predicates::add);
      }
    }
    return predicates;
  }

  private static Optional<String> demand(Rule rule, Field field) {
    FlowRegion first = rule.regions().get(0);
    return first.isAny(field)
        ? Optional.empty()
        : Optional.of(
            field.form(first.flowClass()).name()
                + " is "
                + each(rule, region -> field.text(region.get(field))));
  }

  private static String family(FlowRegion region) {
    return IntentFields.destination(region).family() == Family.IPV4 ? "IPv4" : "IPv6";
  }

  private static String protocol(FlowRegion region) {
    return IntentFields.flowClass(region).word().toUpperCase(Locale.ROOT);
  }

  private static String each(Rule rule, Function<FlowRegion, String> word) {
    Set<String> words =
        rule.regions().stream().map(word).collect(Collectors.toCollection(LinkedHashSet::new));
    return String.join(" or ", words);
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
