package io.plumbline.model.policy;

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
      new Flow(
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
   * @throws Diagrams.TooLargeException if the ranges make too many combinations
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
    List<Rule> permits = new ArrayList<>(policy.rules(Side.PERMIT));
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
    boolean arp = policy.allows(Flow.ARP);
    boolean ndp = policy.allows(NEIGHBOUR_SOLICITATION);
    boolean ndpOnly =
        first(policy, rule -> rule.selector().kind() == Selector.Kind.NDP).isPresent();
    if (!arp) {
      first(policy, rule -> names(rule, Family.IPV4) || !ndpOnly && isOf(rule, Family.IPV4))
          .ifPresent(
              rule ->
                  advice.add(
                      missing(policy, rule, "IPv4 needs address resolution: arp", Flow.ARP)));
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
    return rule.boxes().stream()
        .anyMatch(box -> box.flowClass().family().equals(Optional.of(family)));
  }

  /** Returns whether a rule is about one version of IP, by an address or its protocol. */
  private static boolean names(Rule rule, Family family) {
    return rule.selector().kind() != Selector.Kind.NDP
        && rule.boxes().stream()
            .filter(box -> box.flowClass().family().equals(Optional.of(family)))
            .anyMatch(
                box ->
                    rule.selector().kind() == Selector.Kind.ICMP
                        || rule.selector().kind() == Selector.Kind.ICMP6
                        || box.destination().length() > 0
                        || box.source().length() > 0);
  }

  /** Returns whether one section permits requests whose replies the other drops. */
  private static Optional<PolicyAdvice> replies(Policy policy, Policy other) {
    Diagrams diagrams = new Diagrams(MAX_EDGES);
    Diagrams.Node allowed =
        diagrams.without(
            diagrams.union(boxes(other, Side.PERMIT)), diagrams.union(boxes(other, Side.FORBID)));
    Diagrams.Node replies =
        diagrams.union(
            boxes(other, Side.PERMIT).stream().flatMap(box -> reply(box).stream()).toList());
    int count = 0;
    Optional<PolicyAdvice> found = Optional.empty();
    for (Rule rule : permits(policy)) {
      // A rule that lets replies to the other section pass is not about requests.
      Optional<Box> dropped =
          rule.boxes().stream()
              .filter(box -> isApart(diagrams, box, replies))
              .flatMap(box -> reply(box).stream())
              .filter(box -> isApart(diagrams, box, allowed))
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
                      Optional.of(Examples.of(dropped.get()))));
        }
      }
    }
    String others = more(count);
    return found.map(
        one -> new PolicyAdvice(one.policy, one.rule, one.text + others, other, one.example));
  }

  private static boolean isApart(Diagrams diagrams, Box box, Diagrams.Node set) {
    Diagrams.Node node = diagrams.union(List.of(box));
    return diagrams.without(node, set) == node;
  }

  private static List<Box> boxes(Policy policy, Side side) {
    return policy.rules(side).stream().flatMap(rule -> rule.boxes().stream()).toList();
  }

  /** Returns the replies to a box of requests, to a usual client's port if any is permitted. */
  private static Optional<Box> reply(Box box) {
    Optional<PortRange> ports =
        switch (box.flowClass()) {
          case ARP -> Optional.empty();
          case TCP4, UDP4, TCP6, UDP6 ->
              Optional.of(
                  box.sourcePorts().contains(CLIENT_PORT)
                      ? PortRange.of(CLIENT_PORT)
                      : box.sourcePorts());
          case ICMP4 -> echo(box, ECHO_REQUEST, ECHO_REPLY);
          case ICMP6 -> echo(box, ECHO_REQUEST_IPV6, ECHO_REPLY_IPV6);
        };
    Prefix clients = box.source();
    Prefix servers = box.destination();
    PortRange from = box.flowClass().icmp() ? PortRange.ANY : box.destinationPorts();
    return ports.map(to -> new Box(box.flowClass(), clients, to, servers, from));
  }

  private static Optional<PortRange> echo(Box box, int request, int reply) {
    return box.destinationPorts().contains(request)
        ? Optional.of(PortRange.of(reply))
        : Optional.empty();
  }

  @Override
  public String toString() {
    return "%s: %s: %s".formatted(rule.position(), rule, text);
  }
}
