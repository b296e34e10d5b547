package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Collects rules as written and normalises them. */
public final class PolicyBuilder {
  private static final PortRange DNS_PORT = PortRange.of(53);
  private static final PortRange NDP_TYPES = new PortRange(133, 136);
  private static final Comparator<Box> BOX_ORDER =
      Comparator.comparingInt(Box::predicates)
          .thenComparing(Box::destination, Prefix.ORDER)
          .thenComparing(Box::flowClass)
          .thenComparing(b -> b.destinationPorts().low())
          .thenComparing(b -> b.destinationPorts().high());

  /** Tells the addresses of a host name; empty if it has none. */
  public interface Resolver {
    List<Prefix> resolve(String name);
  }

  private final String name;
  private final Direction direction;
  private final Optional<Resolver> resolver;
  private final List<Rule> rules = new ArrayList<>();
  private long boxCount;
  private final Map<String, List<Host>> groups = new LinkedHashMap<>();
  private final Map<String, List<Prefix>> resolutions = new LinkedHashMap<>();

  /**
   * Starts a policy.
   *
   * @param resolver asked for host names; without one they are refused
   */
  public PolicyBuilder(String name, Direction direction, Optional<Resolver> resolver) {
    this.name = name;
    this.direction = direction;
    this.resolver = resolver;
  }

  /** Defines a group of hosts, before the rules that name it; one of that name is replaced. */
  public PolicyBuilder group(String group, List<Host> hosts) {
    groups.put(group, List.copyOf(hosts));
    return this;
  }

  /** Adds a rule. */
  public PolicyBuilder rule(Side side, String text, Position position) throws PolicyException {
    return rule(side, "", "", text, position);
  }

  /** Adds a rule with its author's name and comment. */
  public PolicyBuilder rule(
      Side side, String ruleName, String comment, String text, Position position)
      throws PolicyException {
    return rule(side, ruleName, comment, SelectorParser.parse(text, position), position);
  }

  /** Adds a rule of a selector already taken apart. */
  PolicyBuilder rule(
      Side side, String ruleName, String comment, Selector selector, Position position)
      throws PolicyException {
    if (rules.size() == Policy.MAX_RULES) {
      throw new PolicyException(
          position, "rules: more than %d: expected fewer".formatted(Policy.MAX_RULES));
    }
    List<Box> boxes = boxes(selector, position);
    boxCount += boxes.size();
    if (boxCount > Policy.MAX_BOXES) {
      throw tooMany(position);
    }
    rules.add(new Rule(side, ruleName, comment, selector, position, boxes));
    return this;
  }

  /** Returns the policy of the rules added, in canonical order. */
  public Policy build() {
    List<Rule> sorted = new ArrayList<>(rules);
    sorted.sort(canonicalOrder());
    return new Policy(name, direction, sorted, resolutions);
  }

  /**
   * Forbids first; then by number of predicates, destination address, protocol (TCP, UDP, then
   * those of several), ports; a strict policy comes out in the order that traffico's explain has.
   */
  private static Comparator<Rule> canonicalOrder() {
    return Comparator.comparing(Rule::side)
        .thenComparing(r -> r.boxes().get(0).predicates())
        .thenComparing(r -> r.boxes().get(0).destination(), Prefix.ORDER)
        .thenComparing(r -> rank(r.selector().kind()))
        .thenComparing(r -> r.boxes().get(0), BOX_ORDER)
        .thenComparing(r -> r.selector().toString());
  }

  private static int rank(Kind kind) {
    return switch (kind) {
      case ARP, NDP -> 0;
      case TCP -> 1;
      case UDP -> 2;
      case DNS -> 3;
      case ICMP, ICMP6 -> 4;
      case IP -> 5;
    };
  }

  private List<Box> boxes(Selector selector, Position position) throws PolicyException {
    if (selector.kind() == Kind.ARP) {
      return List.of(Box.ARP);
    }
    List<Prefix> destinations = prefixes(selector.to(), position);
    List<Prefix> sources = prefixes(selector.from(), position);
    List<PortRange> ports =
        switch (selector.kind()) {
          case DNS -> List.of(DNS_PORT);
          case NDP -> List.of(NDP_TYPES);
          case IP, ARP -> List.of(PortRange.ANY);
          case TCP, UDP, ICMP, ICMP6 -> orAny(selector.ports());
        };
    List<PortRange> sourcePorts = orAny(selector.fromPorts());
    long most = (long) destinations.size() * sources.size();
    if (most > Policy.MAX_BOXES || most * ports.size() * sourcePorts.size() > Policy.MAX_BOXES) {
      throw tooMany(position);
    }
    Set<Box> boxes = new LinkedHashSet<>();
    for (FlowClass flowClass : classes(selector.kind())) {
      Family family = flowClass.family().orElseThrow();
      for (Prefix destination : destinations) {
        for (Prefix source : sources) {
          if (destination.family() == family && source.family() == family) {
            for (PortRange port : ports) {
              for (PortRange sourcePort : sourcePorts) {
                boxes.add(new Box(flowClass, destination, port, source, sourcePort));
              }
            }
          }
        }
      }
    }
    if (boxes.isEmpty()) {
      throw new PolicyException(
          position,
          "%s: no packet can match: source and destination are of different families, or of another than the protocol's"
              .formatted(selector));
    }
    List<Box> sorted = new ArrayList<>(boxes);
    sorted.sort(BOX_ORDER);
    return sorted;
  }

  private static PolicyException tooMany(Position position) {
    return new PolicyException(
        position,
        "policy: more than %d combinations of protocol, address and port range: expected fewer"
            .formatted(Policy.MAX_BOXES));
  }

  private static List<PortRange> orAny(List<PortRange> ports) {
    return ports.isEmpty() ? List.of(PortRange.ANY) : ports;
  }

  private static List<FlowClass> classes(Kind kind) {
    return switch (kind) {
      case ARP -> List.of(FlowClass.ARP);
      case NDP, ICMP6 -> List.of(FlowClass.ICMP6);
      case DNS -> List.of(FlowClass.TCP4, FlowClass.UDP4, FlowClass.TCP6, FlowClass.UDP6);
      case TCP -> List.of(FlowClass.TCP4, FlowClass.TCP6);
      case UDP -> List.of(FlowClass.UDP4, FlowClass.UDP6);
      case ICMP -> List.of(FlowClass.ICMP4);
      case IP ->
          List.of(
              FlowClass.TCP4,
              FlowClass.UDP4,
              FlowClass.ICMP4,
              FlowClass.TCP6,
              FlowClass.UDP6,
              FlowClass.ICMP6);
    };
  }

  private List<Prefix> prefixes(Host host, Position position) throws PolicyException {
    if (host instanceof Host.Any) {
      return List.of(Prefix.ANY_IPV4, Prefix.ANY_IPV6);
    }
    if (host instanceof Host.Net net) {
      return List.of(net.prefix());
    }
    if (host instanceof Host.Name named) {
      return resolve(named.name(), position);
    }
    Host.Group group = (Host.Group) host;
    List<Host> members = groups.get(group.name());
    if (members == null) {
      throw new PolicyException(
          position,
          "group: '@%s': expected one that is defined: %s"
              .formatted(group.name(), groups.isEmpty() ? "there is none" : groups.keySet()));
    }
    Set<Prefix> all = new LinkedHashSet<>();
    for (Host member : members) {
      all.addAll(prefixes(member, position));
    }
    return List.copyOf(all);
  }

  private List<Prefix> resolve(String host, Position position) throws PolicyException {
    List<Prefix> known = resolutions.get(host);
    if (known != null) {
      return known;
    }
    if (resolver.isEmpty()) {
      throw new PolicyException(
          position,
          "host name: '%s': names are resolved only when asked to: expected --resolve, or an address"
              .formatted(host));
    }
    List<Prefix> found = resolver.get().resolve(host);
    if (found.isEmpty()) {
      throw new PolicyException(
          position, "host name: '%s': expected a name that has an address".formatted(host));
    }
    resolutions.put(host, List.copyOf(found));
    return found;
  }
}
