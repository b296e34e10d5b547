package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The fewest rules that permit what was seen and the address resolution that it needs, and, unless
 * prefixes are widened, nothing else: ports of one destination make one rule, and destinations with
 * the same ports make one group.
 */
public final class PolicySuggestion {
  private final int ipv4Length;
  private final int ipv6Length;
  private final boolean groups;
  private final Map<Kind, Map<Prefix, Set<Integer>>> seen = new TreeMap<>();
  private boolean arp;
  private boolean ndp;

  /**
   * Starts with nothing seen.
   *
   * @param ipv4Length destinations are widened to prefixes of this length; 32 for none
   * @param ipv6Length the same for IPv6; 128 for none
   * @param groups whether destinations with the same ports become a group
   */
  public PolicySuggestion(int ipv4Length, int ipv6Length, boolean groups) {
    this.ipv4Length = ipv4Length;
    this.ipv6Length = ipv6Length;
    this.groups = groups;
  }

  /** Adds a flow that is to be permitted. */
  public void add(Flow flow) {
    FlowClass flowClass = IntentFields.flowClass(flow);
    if (flowClass == FlowClass.ARP) {
      arp = true;
      return;
    }
    int port = (int) flow.get(IntentFields.DESTINATION_PORT);
    if (flowClass == FlowClass.ICMP6 && port >= 133 && port <= 136) {
      ndp = true;
      return;
    }
    Kind kind =
        switch (flowClass) {
          case TCP4, TCP6 -> Kind.TCP;
          case UDP4, UDP6 -> Kind.UDP;
          case ICMP4 -> Kind.ICMP;
          case ICMP6, ARP -> Kind.ICMP6;
        };
    Prefix address = IntentFields.destination(flow.region());
    Prefix destination = address.widened(address.family() == Family.IPV4 ? ipv4Length : ipv6Length);
    seen.computeIfAbsent(kind, key -> new TreeMap<>(Prefix.ORDER))
        .computeIfAbsent(destination, key -> new TreeSet<>())
        .add(port);
  }

  /** Returns the policy as a file, with comments for the person who is to edit it. */
  public String yaml(Direction direction, String comment) {
    takeDns();
    Map<String, List<Prefix>> named = new LinkedHashMap<>();
    List<String> rules = new ArrayList<>();
    resolution("arp", arp, Family.IPV4, rules);
    resolution("ndp", ndp, Family.IPV6, rules);
    seen.forEach((kind, hosts) -> rules.addAll(rules(kind, hosts, named)));
    StringBuilder text = new StringBuilder();
    text.append("# ").append(comment).append("\nversion: 1\n");
    if (!named.isEmpty()) {
      text.append("groups:\n");
      named.forEach(
          (name, members) -> text.append("  %s: %s%n".formatted(name, quoted(members).toString())));
    }
    text.append(direction.word()).append(":\n  permit:");
    text.append(rules.isEmpty() ? " []\n" : "\n");
    rules.forEach(rule -> text.append("    - ").append(rule).append('\n'));
    return text.toString();
  }

  /** Permits address resolution; a warm cache hides from a short capture that it is needed. */
  private void resolution(String rule, boolean wasSeen, Family family, List<String> rules) {
    boolean needed =
        seen.values().stream()
            .flatMap(hosts -> hosts.keySet().stream())
            .anyMatch(host -> host.family() == family);
    if (wasSeen) {
      rules.add(rule);
    } else if (needed) {
      rules.add(
          "%s # not in the capture, but rules for %s need it"
              .formatted(rule, family == Family.IPV4 ? "IPv4" : "IPv6"));
    }
  }

  /** Makes port 53 of TCP and UDP at one destination one rule. */
  private void takeDns() {
    Map<Prefix, Set<Integer>> tcp = seen.getOrDefault(Kind.TCP, Map.of());
    Map<Prefix, Set<Integer>> udp = seen.getOrDefault(Kind.UDP, Map.of());
    Map<Prefix, Set<Integer>> dns = new TreeMap<>(Prefix.ORDER);
    for (Map.Entry<Prefix, Set<Integer>> entry : tcp.entrySet()) {
      Set<Integer> other = udp.getOrDefault(entry.getKey(), Set.of());
      if (entry.getValue().contains(53) && other.contains(53)) {
        entry.getValue().remove(53);
        other.remove(53);
        dns.put(entry.getKey(), new TreeSet<>());
      }
    }
    tcp.values().removeIf(Set::isEmpty);
    udp.values().removeIf(Set::isEmpty);
    if (!dns.isEmpty()) {
      seen.put(Kind.DNS, dns);
    }
  }

  private List<String> rules(
      Kind kind, Map<Prefix, Set<Integer>> hosts, Map<String, List<Prefix>> named) {
    Map<List<PortRange>, List<Prefix>> byPorts = new LinkedHashMap<>();
    hosts.forEach(
        (host, ports) ->
            byPorts
                .computeIfAbsent(
                    SelectorParser.merge(ports.stream().map(PortRange::of).toList()),
                    key -> new ArrayList<>())
                .add(host));
    List<String> rules = new ArrayList<>();
    byPorts.forEach(
        (ports, members) -> {
          if (groups && members.size() > 1) {
            String name = kind.word() + "-" + (named.size() + 1);
            named.put(name, members);
            rules.add(rule(kind, new Host.Group(name), ports));
          } else {
            members.forEach(host -> rules.add(rule(kind, new Host.Net(host), ports)));
          }
        });
    return rules;
  }

  private static String rule(Kind kind, Host host, List<PortRange> ports) {
    // A plain scalar may hold brackets and colons within a word, as all selectors do.
    return new Selector(kind, host, ports, new Host.Any(), List.of()).toString();
  }

  private static List<String> quoted(List<Prefix> prefixes) {
    return prefixes.stream().map(prefix -> "\"" + prefix + "\"").toList();
  }
}
