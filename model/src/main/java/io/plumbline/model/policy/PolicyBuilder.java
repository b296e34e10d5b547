package io.plumbline.model.policy;

import static io.plumbline.model.policy.IntentFields.destinationPorts;
import static io.plumbline.model.policy.IntentFields.region;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
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
  private static final Comparator<FlowRegion> REGION_ORDER =
      Comparator.comparingInt(IntentFields::predicates)
          .thenComparing(IntentFields::destination, Prefix.ORDER)
          .thenComparing(FlowRegion::flowClass)
          .thenComparing(r -> destinationPorts(r).low())
          .thenComparing(r -> destinationPorts(r).high());

  /** Tells the addresses of a host name; empty if it has none. */
  public interface Resolver {
    List<Prefix> resolve(String name);
  }

  private final String name;
  private final Direction direction;
  private final Optional<Resolver> resolver;
  private final List<Rule> rules = new ArrayList<>();
  private long regionCount;
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
  public PolicyBuilder rule(Effect effect, String text, Position position) throws PolicyException {
    return rule(effect, "", "", text, position);
  }

  /** Adds a rule with its author's name and comment. */
  public PolicyBuilder rule(
      Effect effect, String ruleName, String comment, String text, Position position)
      throws PolicyException {
    return rule(effect, ruleName, comment, SelectorParser.parse(text, position), position);
  }

  /** Adds a rule of a selector already taken apart. */
  PolicyBuilder rule(
      Effect effect, String ruleName, String comment, Selector selector, Position position)
      throws PolicyException {
    if (rules.size() == Policy.MAX_RULES) {
      throw new PolicyException(
          position, "rules: more than %d: expected fewer".formatted(Policy.MAX_RULES));
    }
    List<FlowRegion> regions = regions(selector, position);
    regionCount += regions.size();
    if (regionCount > Policy.MAX_REGIONS) {
      throw tooMany(position);
    }
    rules.add(new Rule(effect, ruleName, comment, selector, position, regions));
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
    return Comparator.comparing(Rule::effect)
        .thenComparing(r -> IntentFields.predicates(r.regions().get(0)))
        .thenComparing(r -> IntentFields.destination(r.regions().get(0)), Prefix.ORDER)
        .thenComparing(r -> rank(r.selector().kind()))
        .thenComparing(r -> r.regions().get(0), REGION_ORDER)
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

  private List<FlowRegion> regions(Selector selector, Position position) throws PolicyException {
    if (selector.kind() == Kind.ARP) {
      return List.of(IntentFields.ALL_ARP);
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
    if (most > Policy.MAX_REGIONS
        || most * ports.size() * sourcePorts.size() > Policy.MAX_REGIONS) {
      throw tooMany(position);
    }
    Set<FlowRegion> regions = new LinkedHashSet<>();
    for (FlowClass flowClass : classes(selector.kind())) {
      Family family = flowClass.family().orElseThrow();
      for (Prefix destination : destinations) {
        for (Prefix source : sources) {
          if (destination.family() == family && source.family() == family) {
            for (PortRange port : ports) {
              for (PortRange sourcePort : sourcePorts) {
                regions.add(region(flowClass, destination, port, source, sourcePort));
              }
            }
          }
        }
      }
    }
    if (regions.isEmpty()) {
      throw new PolicyException(
          position,
          "%s: no packet can match: %s"
              .formatted(
                  selector,
                  most == 0
                      ? "a group in it has no hosts"
                      : "source and destination are of different families, or of another than the protocol's"));
    }
    List<FlowRegion> sorted = new ArrayList<>(regions);
    sorted.sort(REGION_ORDER);
    return sorted;
  }

  private static PolicyException tooMany(Position position) {
    return new PolicyException(
        position,
        "policy: more than %d combinations of protocol, address and port range: expected fewer"
            .formatted(Policy.MAX_REGIONS));
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
