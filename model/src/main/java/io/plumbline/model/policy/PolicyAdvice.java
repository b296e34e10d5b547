package io.plumbline.model.policy;

import static io.plumbline.model.policy.IntentFields.destination;
import static io.plumbline.model.policy.IntentFields.destinationPorts;
import static io.plumbline.model.policy.IntentFields.flowClass;
import static io.plumbline.model.policy.IntentFields.source;
import static io.plumbline.model.policy.IntentFields.sourcePorts;

import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowDiagram;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Something that a policy's author probably did not intend, although every rule can decide.
 *
 * @param policy the section
 * @param rule the first rule of the section that it is about
 * @param text the problem and the remedy
 * @param dropped the policy that drops the example
 * @param example a flow that is needed and dropped; empty if flows cannot show it
 */
public record PolicyAdvice(
    Policy policy, Rule rule, String text, Policy dropped, Optional<Flow> example) {
  private static final long MAX_EDGES = 40_000_000;

  /** First port of clients (IANA; also within Linux's default range). */
  private static final int CLIENT_PORT = 49152;

  private static final int ECHO_REQUEST = 8;
  private static final int ECHO_REPLY = 0;
  private static final int ECHO_REQUEST_IPV6 = 128;
  private static final int ECHO_REPLY_IPV6 = 129;
  private static final int SOLICITATION = 135;

  /** ff02::1:ff00:1, the solicited-node address of 2001:db8::1 (RFC 4291 section 2.7.1). */
  private static final Flow NEIGHBOUR_SOLICITATION =
      IntentFields.flow(
          FlowClass.ICMP6,
          0xFF02_0000_0000_0000L,
          0x0000_0001_FF00_0001L,
          SOLICITATION,
          0x2001_0DB8_0000_0000L,
          2,
          0);

  /**
   * Returns what to warn of, section by section.
   *
   * @param sections the policies of one file
   * @throws FlowDiagram.TooLargeException if the ranges make too many combinations
   */
  public static List<PolicyAdvice> warnings(List<Policy> sections) {
    List<PolicyAdvice> advice = new ArrayList<>();
    for (Policy policy : sections) {
      resolution(policy, advice);
      for (Policy other : sections) {
        if (other != policy) {
          replies(policy, other).ifPresent(advice::add);
        }
      }
    }
    return advice;
  }

  /** Returns what is worth knowing, but need not be changed. */
  public static List<PolicyAdvice> notes(List<Policy> sections) {
    List<PolicyAdvice> advice = new ArrayList<>();
    for (Policy policy : sections) {
      List<Rule> wide = permits(policy).stream().filter(PolicyAdvice::hasFragments).toList();
      if (!wide.isEmpty()) {
        advice.add(
            new PolicyAdvice(
                policy,
                wide.get(0),
                "later fragments are dropped all the same: they have no ports to judge"
                    + more(wide.size()),
                policy,
                Optional.empty()));
      }
    }
    return advice;
  }

  /** Returns the permits in the order of the file. */
  private static List<Rule> permits(Policy policy) {
    List<Rule> permits = new ArrayList<>(policy.rules(Effect.ACCEPT));
    permits.sort(
        Comparator.<Rule>comparingInt(rule -> rule.position().line())
            .thenComparingInt(rule -> rule.position().column()));
    return permits;
  }

  /** Returns whether a rule seems to permit whole datagrams: no port or type is named. */
  private static boolean hasFragments(Rule rule) {
    return switch (rule.selector().kind()) {
      case TCP, UDP, ICMP, ICMP6, IP ->
          rule.selector().ports().isEmpty() && rule.selector().fromPorts().isEmpty();
      case ARP, NDP, DNS -> false;
    };
  }

  private static String more(int rules) {
    return rules == 1 ? "" : " (and %d more)".formatted(rules - 1);
  }

  /** Adds missing address resolution; beside ndp, a rule for any host may be for IPv6 only. */
  private static void resolution(Policy policy, List<PolicyAdvice> advice) {
    boolean arp = policy.allows(IntentFields.ARP);
    boolean ndp = policy.allows(NEIGHBOUR_SOLICITATION);
    boolean ndpOnly =
        first(policy, rule -> rule.selector().kind() == Selector.Kind.NDP).isPresent();
    if (!arp) {
      first(policy, rule -> names(rule, Family.IPV4) || !ndpOnly && isOf(rule, Family.IPV4))
          .ifPresent(
              rule ->
                  advice.add(
                      missing(
                          policy, rule, "IPv4 needs address resolution: arp", IntentFields.ARP)));
    }
    if (!ndp) {
      first(policy, rule -> names(rule, Family.IPV6))
          .ifPresent(
              rule ->
                  advice.add(
                      missing(
                          policy,
                          rule,
                          "IPv6 needs neighbour discovery: ndp",
                          NEIGHBOUR_SOLICITATION)));
    }
  }

  private static PolicyAdvice missing(Policy policy, Rule rule, String need, Flow example) {
    return new PolicyAdvice(
        policy, rule, "%s is not permitted".formatted(need), policy, Optional.of(example));
  }

  private static Optional<Rule> first(Policy policy, Predicate<Rule> which) {
    return permits(policy).stream().filter(which).findFirst();
  }

  private static boolean isOf(Rule rule, Family family) {
    return rule.regions().stream()
        .anyMatch(region -> flowClass(region).family().equals(Optional.of(family)));
  }

  /** Returns whether a rule is about one version of IP, by an address or its protocol. */
  private static boolean names(Rule rule, Family family) {
    return rule.selector().kind() != Selector.Kind.NDP
        && rule.regions().stream()
            .filter(region -> flowClass(region).family().equals(Optional.of(family)))
            .anyMatch(
                region ->
                    rule.selector().kind() == Selector.Kind.ICMP
                        || rule.selector().kind() == Selector.Kind.ICMP6
                        || destination(region).length() > 0
                        || source(region).length() > 0);
  }

  /** Returns whether one section permits requests whose replies the other drops. */
  private static Optional<PolicyAdvice> replies(Policy policy, Policy other) {
    FlowDiagram diagrams = new FlowDiagram(IntentFields.TABLE, MAX_EDGES);
    FlowDiagram.Node allowed = diagrams.accepted(other.ruleSet());
    FlowDiagram.Node replies =
        diagrams.union(
            other.rules(Effect.ACCEPT).stream()
                .flatMap(rule -> rule.regions().stream())
                .flatMap(region -> reply(region).stream())
                .toList());
    int count = 0;
    Optional<PolicyAdvice> found = Optional.empty();
    for (Rule rule : permits(policy)) {
      // A rule that lets replies to the other section pass is not about requests.
      Optional<FlowRegion> dropped =
          rule.regions().stream()
              .filter(region -> isApart(diagrams, region, replies))
              .flatMap(region -> reply(region).stream())
              .filter(region -> isApart(diagrams, region, allowed))
              .findFirst();
      if (dropped.isPresent()) {
        count++;
        if (found.isEmpty()) {
          found =
              Optional.of(
                  new PolicyAdvice(
                      policy,
                      rule,
                      "no reply passes at %s: rules know no connections"
                          .formatted(other.direction().word()),
                      other,
                      Optional.of(dropped.get().example())));
        }
      }
    }
    String others = more(count);
    return found.map(
        one -> new PolicyAdvice(one.policy, one.rule, one.text + others, other, one.example));
  }

  private static boolean isApart(FlowDiagram diagrams, FlowRegion region, FlowDiagram.Node set) {
    FlowDiagram.Node node = diagrams.union(List.of(region));
    return diagrams.without(node, set) == node;
  }

  /** Returns the replies to a region of requests, to a usual client's port if any is permitted. */
  private static Optional<FlowRegion> reply(FlowRegion region) {
    Optional<PortRange> ports =
        switch (flowClass(region)) {
          case ARP -> Optional.empty();
          case TCP4, UDP4, TCP6, UDP6 ->
              Optional.of(
                  sourcePorts(region).contains(CLIENT_PORT)
                      ? PortRange.of(CLIENT_PORT)
                      : sourcePorts(region));
          case ICMP4 -> echo(region, ECHO_REQUEST, ECHO_REPLY);
          case ICMP6 -> echo(region, ECHO_REQUEST_IPV6, ECHO_REPLY_IPV6);
        };
    Prefix clients = source(region);
    Prefix servers = destination(region);
    PortRange from = flowClass(region).icmp() ? PortRange.ANY : destinationPorts(region);
    return ports.map(to -> IntentFields.region(flowClass(region), clients, to, servers, from));
  }

  private static Optional<PortRange> echo(FlowRegion region, int request, int reply) {
    return destinationPorts(region).contains(request)
        ? Optional.of(PortRange.of(reply))
        : Optional.empty();
  }

  @Override
  public String toString() {
    return "%s: %s: %s".formatted(rule.position(), rule, text);
  }
}
