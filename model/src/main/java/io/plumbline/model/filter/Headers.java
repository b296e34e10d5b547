package io.plumbline.model.filter;

import static io.plumbline.model.decision.Expr.constant;
import static io.plumbline.model.decision.Expr.hex;
import static io.plumbline.model.decision.Expr.length;
import static io.plumbline.model.decision.Expr.u16;
import static io.plumbline.model.decision.Expr.u32;
import static io.plumbline.model.decision.Expr.u8;

import io.plumbline.model.decision.Expr;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;

/**
 * Header fields and the tests that several programs share (traffico specification, section 0).
 * Offsets are counted from the Ethernet header: EtherType at 12; IPv4 at 14 (RFC 791 section 3.1);
 * ports behind the IPv4 header (RFC 9293, RFC 768).
 */
final class Headers {
  static final int ETHERNET_LENGTH = 14;
  static final int IPV4_MIN_LENGTH = 20;

  static final Expr ETHERTYPE = u16(constant(12)).named("eth.type");
  static final Expr IP_VERSION = u8(constant(14)).shiftRight(4).named("ip.version");
  static final Expr IP_IHL = u8(constant(14)).and(0x0F).named("ip.ihl");
  static final Expr IP_FRAG_OFFSET = u16(constant(20)).and(0x1FFF).named("ip.frag_offset");
  static final Expr IP_PROTOCOL = u8(constant(23)).named("ip.protocol");
  static final Expr IP_DADDR = u32(constant(30)).named("ip.daddr");

  /** Start of the transport header, by the IPv4 header's own word. */
  static final Expr L4 = IP_IHL.times(4).plus(ETHERNET_LENGTH).named("l4");

  static final Expr L4_SPORT = u16(L4).named("l4.sport");
  static final Expr L4_DPORT = u16(L4.plus(2)).named("l4.dport");

  static final Guard TRUNCATED_ETHERNET = length().lt(ETHERNET_LENGTH);
  static final Guard NOT_IPV4 = ETHERTYPE.ne(hex(EtherType.IPV4, 4));
  static final Guard TRUNCATED_IPV4 = length().lt(ETHERNET_LENGTH + IPV4_MIN_LENGTH);
  static final Guard BAD_IHL = IP_IHL.lt(5);

  /** The options that the header length promises are not all there. */
  static final Guard TRUNCATED_OPTIONS = length().lt(L4);

  /**
   * More fragments, don't fragment and the reserved bit do not count: a first fragment is not
   * "subsequent".
   */
  static final Guard SUBSEQUENT_FRAGMENT = IP_FRAG_OFFSET.ne(0);

  static final Guard NOT_TCP_OR_UDP =
      Guard.allOf(IP_PROTOCOL.ne(IpProtocol.TCP), IP_PROTOCOL.ne(IpProtocol.UDP));
  static final Guard TRUNCATED_PORTS = length().lt(L4.plus(4));

  private Headers() {}
}
