package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.ACCEPT;
import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Expr.choice;
import static io.plumbline.model.decision.Expr.constant;
import static io.plumbline.model.decision.Expr.hex;
import static io.plumbline.model.decision.Expr.length;
import static io.plumbline.model.decision.Expr.u16;
import static io.plumbline.model.decision.Expr.u8;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.ETHERTYPE;
import static io.plumbline.model.filter.Headers.IP_IHL;
import static io.plumbline.model.filter.Headers.IP_PROTOCOL;
import static io.plumbline.model.filter.Headers.IP_VERSION;
import static io.plumbline.model.filter.Headers.L4;
import static io.plumbline.model.filter.Headers.SUBSEQUENT_FRAGMENT;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_OPTIONS;

import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Expr;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.packet.Ipv6Extensions;
import io.plumbline.model.packet.Ipv6Extensions.Part;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Form;
import io.plumbline.model.ruleset.Values;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code intent} (traffico specification, section a, intent, and with IPv6 and ICMP beyond it):
 * what cannot be classified is dropped, then forbids drop, then permits allow, and the rest is
 * dropped.
 */
public final class Intent {
  /** What reports call the program. */
  public static final String NAME = "intent";

  /** What it does, in a line. */
  public static final String SUMMARY =
      "drops what a policy forbids or does not permit, and what cannot be classified";

  private static final int IPV6_LENGTH = 40;

  private static final Guard ARP = ETHERTYPE.eq(hex(EtherType.ARP, 4));
  private static final Guard IPV4 = ETHERTYPE.eq(hex(EtherType.IPV4, 4));
  private static final Guard IPV6 = ETHERTYPE.eq(hex(EtherType.IPV6, 4));

  private static final Expr WALK = new Expr.Ipv6Walk(Part.STATUS);
  private static final Expr IP6_PROTOCOL = new Expr.Ipv6Walk(Part.PROTOCOL);
  private static final Expr IP6_L4 = new Expr.Ipv6Walk(Part.OFFSET);

  private static final Expr TOTAL_LENGTH = u16(constant(16)).named("ip.total_length");
  private static final Expr PAYLOAD_LENGTH = u16(constant(18)).named("ip6.payload_length");
  private static final Expr IP6_VERSION = u8(constant(14)).shiftRight(4).named("ip6.version");

  private static final Expr PROTOCOL = choice(IPV4, IP_PROTOCOL, IP6_PROTOCOL).named("protocol");
  private static final Expr TRANSPORT = choice(IPV4, L4, IP6_L4).named("l4");

  /** Largest value of the length field of either IP header. */
  private static final int MAX_LENGTH_FIELD = 0xFFFF;

  /**
   * A TCP packet of more than 64 KiB, which Linux makes from segments (BIG TCP) and whose length
   * field holds 0: its length is that of the frame (kernel {@code include/linux/ip.h}, iph_totlen;
   * {@code include/net/ipv6.h}, ipv6_payload_len; RFC 2675 names the value 0).
   */
  private static final Guard BIG_TCP4 =
      Guard.allOf(
          TOTAL_LENGTH.eq(0),
          IP_PROTOCOL.eq(IpProtocol.TCP),
          constant(14 + MAX_LENGTH_FIELD).lt(length()));

  private static final Guard BIG_TCP6 =
      Guard.allOf(
          PAYLOAD_LENGTH.eq(0),
          IP6_PROTOCOL.eq(IpProtocol.TCP),
          constant(14 + IPV6_LENGTH + MAX_LENGTH_FIELD).lt(length()));

  /** End of the packet by its own length field. */
  private static final Expr END =
      choice(
              IPV4,
              choice(BIG_TCP4, length(), TOTAL_LENGTH.plus(14)),
              choice(BIG_TCP6, length(), PAYLOAD_LENGTH.plus(14 + IPV6_LENGTH)))
          .named("end");

  /** The shortest header of each protocol (RFC 9293, RFC 768, RFC 792, RFC 4443). */
  private static final Expr NEEDED =
      choice(PROTOCOL.eq(IpProtocol.TCP), constant(20), constant(8)).named("l4.min");

  /** The clauses before the rules; the order is that of the counters too. */
  private static final List<Clause> CLASSIFICATION =
      List.of(
          shot("truncated_ethernet", TRUNCATED_ETHERNET, "the Ethernet header is cut"),
          shot("truncated_arp", Guard.allOf(ARP, length().lt(22)), "the ARP header is cut"),
          shot(
              "truncated_arp_addresses",
              Guard.allOf(
                  ARP,
                  length()
                      .lt(
                          u8(constant(18))
                              .named("arp.hln")
                              .plus(u8(constant(19)).named("arp.pln"))
                              .times(2)
                              .plus(22))),
              "the ARP addresses are cut"),
          shot(
              "unsupported_ethertype",
              Guard.allOf(ARP.not(), IPV4.not(), IPV6.not()),
              "the frame is not ARP, IPv4 or IPv6"),
          shot("truncated_ipv4", Guard.allOf(IPV4, TRUNCATED_IPV4), "the IPv4 header is cut"),
          shot("bad_ipv4_version", Guard.allOf(IPV4, IP_VERSION.ne(4)), "the IP version is not 4"),
          shot("bad_ihl", Guard.allOf(IPV4, BAD_IHL), "the IPv4 header length is below 5 words"),
          shot(
              "short_total_length",
              Guard.allOf(IPV4, TOTAL_LENGTH.lt(IP_IHL.times(4)), BIG_TCP4.not()),
              "the IPv4 total length is below the header length"),
          shot("truncated_options", Guard.allOf(IPV4, TRUNCATED_OPTIONS), "the options are cut"),
          shot(
              "truncated_ipv6",
              Guard.allOf(IPV6, length().lt(14 + IPV6_LENGTH)),
              "the IPv6 header is cut"),
          shot("bad_ipv6_version", Guard.allOf(IPV6, IP6_VERSION.ne(6)), "the IP version is not 6"),
          walked("truncated_extension", Ipv6Extensions.TRUNCATED, "an extension header is cut"),
          walked(
              "source_routed",
              Ipv6Extensions.SOURCE_ROUTED,
              "a routing header names further destinations"),
          walked(
              "too_many_extensions",
              Ipv6Extensions.TOO_MANY,
              "there are more than 8 extension headers"),
          shot(
              "unsupported_protocol",
              Guard.anyOf(
                  Guard.allOf(
                      IPV4,
                      IP_PROTOCOL.ne(IpProtocol.TCP),
                      IP_PROTOCOL.ne(IpProtocol.UDP),
                      IP_PROTOCOL.ne(IpProtocol.ICMP)),
                  Guard.allOf(
                      IPV6,
                      WALK.eq(Ipv6Extensions.FOUND),
                      IP6_PROTOCOL.ne(IpProtocol.TCP),
                      IP6_PROTOCOL.ne(IpProtocol.UDP),
                      IP6_PROTOCOL.ne(IpProtocol.ICMPV6))),
              "the protocol is not TCP, UDP or the ICMP of its IP version"),
          shot(
              "subsequent_fragment",
              Guard.anyOf(
                  Guard.allOf(IPV4, SUBSEQUENT_FRAGMENT),
                  Guard.allOf(IPV6, WALK.eq(Ipv6Extensions.SUBSEQUENT_FRAGMENT))),
              "a later fragment has no port"),
          shot(
              "short_l4_length",
              Guard.allOf(ARP.not(), END.lt(TRANSPORT.plus(NEEDED))),
              "the packet's own length has no room for the transport header"),
          shot(
              "truncated_l4",
              Guard.allOf(ARP.not(), length().lt(TRANSPORT.plus(NEEDED))),
              "the transport header is cut"));

  private static final List<Clause> WITHOUT_ETHERNET =
      CLASSIFICATION.stream().map(Intent::withoutEthernet).toList();

  private static final Clause NO_PERMIT =
      new Clause("no_permit", Guard.always(), DROP, "no permit matches");

  private Intent() {}

  /** Returns the clauses that decide before any rule does. */
  public static List<Clause> classification() {
    return CLASSIFICATION;
  }

  /** Returns what coverage counts: those clauses, and one each for forbids, permits and neither. */
  public static List<Clause> outline() {
    List<Clause> clauses = new ArrayList<>(CLASSIFICATION);
    clauses.add(new Clause("forbid", ETHERTYPE.eq(0), DROP, "a forbid matches"));
    clauses.add(new Clause("permit", ETHERTYPE.eq(0), ACCEPT, "a permit matches"));
    clauses.add(NO_PERMIT);
    return clauses;
  }

  /**
   * Returns the same at a hook. Where packets have no Ethernet header there is no ARP: what says
   * that it is, is neither IPv4 nor IPv6.
   */
  public static List<Clause> classification(Hook hook) {
    return hook.firstLayer() == 3 ? WITHOUT_ETHERNET : CLASSIFICATION;
  }

  private static Clause withoutEthernet(Clause clause) {
    return switch (clause.name()) {
      case "truncated_arp", "truncated_arp_addresses" ->
          shot(clause.name(), Guard.always().not(), clause.meaning());
      case "unsupported_ethertype" ->
          shot(
              clause.name(), Guard.allOf(IPV4.not(), IPV6.not()), "the packet is not IPv4 or IPv6");
      default -> clause;
    };
  }

  /** Returns a list that runs those clauses only; the last stands for all rules. */
  static DecisionList classifier(Hook hook) {
    List<Clause> clauses = new ArrayList<>(classification(hook));
    clauses.add(new Clause("classified", Guard.always(), ACCEPT, "the packet can be classified"));
    return new DecisionList(clauses);
  }

  /** Returns the whole decision list of a policy: each rule is a clause. */
  public static DecisionList decisions(Policy policy, Hook hook) {
    List<Clause> clauses = new ArrayList<>(classification(hook));
    clauses.addAll(rules(policy));
    return new DecisionList(clauses);
  }

  /** Returns a clause for each rule, and the last, which drops. */
  public static List<Clause> rules(Policy policy) {
    List<Clause> clauses = new ArrayList<>();
    int number = 0;
    Effect effect = Effect.DROP;
    for (Rule rule : policy.rules()) {
      number = rule.effect() == effect ? number + 1 : 1;
      effect = rule.effect();
      String name = rule.name().isEmpty() ? "" : " \"" + rule.name() + "\"";
      clauses.add(
          new Clause(
              Rule.word(effect) + "_" + number,
              new Guard.Named(FlowRegion.join(rule.regions()), guard(rule)),
              effect == Effect.DROP ? DROP : ACCEPT,
              rule + name + " (" + rule.position() + ")"));
    }
    clauses.add(NO_PERMIT);
    return clauses;
  }

  private static Guard guard(Rule rule) {
    return new Guard.AnyOf(rule.regions().stream().map(Intent::guard).toList());
  }

  private static Guard guard(FlowRegion region) {
    FlowClass flowClass = IntentFields.flowClass(region);
    if (flowClass.family().isEmpty()) {
      return ARP;
    }
    List<Guard> all = new ArrayList<>();
    all.add(flowClass.family().get() == Family.IPV4 ? IPV4 : IPV6);
    all.add(PROTOCOL.eq(flowClass.protocol()));
    for (Form.Base base : Form.Base.values()) {
      for (Field field : region.table().fields()) {
        Form form = field.form(region.flowClass());
        form.location()
            .filter(at -> at.base() == base)
            .ifPresent(at -> addRanges(all, form, at, region.get(field)));
      }
    }
    return new Guard.AllOf(all);
  }

  /** Adds a range for each load of at most 8 bytes. */
  private static void addRanges(List<Guard> to, Form form, Form.Location at, Values values) {
    int bytes = Math.min(8, form.bits() / 8);
    for (int part = 0; part < form.bits() / 8 / bytes; part++) {
      String half = form.bits() <= 64 ? "" : part == 0 ? ".hi" : ".lo";
      Expr value = new Expr.Load(offset(at, bytes * part), bytes).named(at.header() + half);
      to.add(value.inRange(values.low(part), values.high(part)));
    }
  }

  private static Expr offset(Form.Location at, int furtherBytes) {
    int bytes = at.offsetBytes() + furtherBytes;
    return switch (at.base()) {
      case FRAME -> constant(bytes);
      case TRANSPORT -> bytes == 0 ? TRANSPORT : TRANSPORT.plus(bytes);
    };
  }

  private static Clause shot(String name, Guard guard, String meaning) {
    return new Clause(name, guard, DROP, meaning);
  }

  private static Clause walked(String name, int status, String meaning) {
    return shot(name, Guard.allOf(IPV6, WALK.eq(status)), meaning);
  }
}
