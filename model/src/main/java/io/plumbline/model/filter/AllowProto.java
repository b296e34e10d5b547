package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Action.NEXT;
import static io.plumbline.model.decision.Expr.choice;
import static io.plumbline.model.decision.Expr.constant;
import static io.plumbline.model.decision.Expr.hex;
import static io.plumbline.model.decision.Expr.length;
import static io.plumbline.model.decision.Expr.u16;
import static io.plumbline.model.decision.Expr.u8;
import static io.plumbline.model.filter.Headers.ETHERTYPE;
import static io.plumbline.model.filter.Headers.IPV4_MIN_LENGTH;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Expr;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code allow_proto} (traffico specification, section a, allow_proto). Looks behind at most two
 * VLAN tags (IEEE 802.1Q-2022 clause 9.5: 0x8100 and 0x88A8); 0x9100 is not a tag. Version and
 * fragments are not looked at.
 */
public final class AllowProto {
  private static final Expr SECOND_TYPE = u16(constant(16)).named("vlan.type");
  private static final Expr THIRD_TYPE = u16(constant(20)).named("vlan2.type");
  private static final Guard TAGGED = isTag(ETHERTYPE);
  private static final Guard TAGGED_TWICE = Guard.allOf(TAGGED, isTag(SECOND_TYPE));

  /** The EtherType behind the tags. */
  private static final Expr INNER_TYPE =
      choice(TAGGED_TWICE, THIRD_TYPE, choice(TAGGED, SECOND_TYPE, ETHERTYPE)).named("inner.type");

  private static final Expr L3 =
      choice(TAGGED_TWICE, constant(22), choice(TAGGED, constant(18), constant(14))).named("l3");
  private static final Expr IHL = u8(L3).and(0x0F).named("ip.ihl");
  private static final Expr PROTOCOL = u8(L3.plus(9)).named("ip.protocol");
  private static final Guard NOT_IPV4 = INNER_TYPE.ne(hex(EtherType.IPV4, 4));

  public static final ProgramSpec SPEC =
      ProgramSpec.chainable(
          "allow_proto",
          Layer.L3,
          InputGrammar.PROTOCOLS,
          "passes IPv4, under at most two VLAN tags, whose protocol is in a set",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, DROP, "the Ethernet header is cut")
              .then(
                  "truncated_tag",
                  Guard.allOf(TAGGED, length().lt(18)),
                  DROP,
                  "the first VLAN tag is cut")
              .then(
                  "truncated_second_tag",
                  Guard.allOf(TAGGED_TWICE, length().lt(22)),
                  DROP,
                  "the second VLAN tag is cut")
              .then("third_tag", isTag(INNER_TYPE), DROP, "there are more than two VLAN tags")
              .then(
                  "not_ipv4_standalone",
                  Guard.allOf(NOT_IPV4, Guard.standalone()),
                  DROP,
                  "the frame is not IPv4")
              .then("not_ipv4_chained", NOT_IPV4, NEXT, "the frame is not IPv4: the next stage")
              .then(
                  "truncated_ipv4",
                  length().lt(L3.plus(IPV4_MIN_LENGTH)),
                  DROP,
                  "the IPv4 header is cut")
              .then("bad_ihl", IHL.lt(5), DROP, "the IPv4 header length is below 5 words")
              .then(
                  "truncated_options",
                  length().lt(L3.plus(IHL.times(4))),
                  DROP,
                  "the IPv4 options are cut")
              .then("allowed_protocol", PROTOCOL.inAllowed(), NEXT, "the protocol is allowed")
              .otherwise("other_protocol", DROP, "the protocol is not allowed"));

  private AllowProto() {}

  private static Guard isTag(Expr type) {
    return Guard.anyOf(type.eq(hex(EtherType.VLAN, 4)), type.eq(hex(EtherType.QINQ, 4)));
  }
}
