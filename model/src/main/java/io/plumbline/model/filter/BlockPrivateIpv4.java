package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.ACCEPT;
import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.IP_DADDR;
import static io.plumbline.model.filter.Headers.IP_PROTOCOL;
import static io.plumbline.model.filter.Headers.L4_SPORT;
import static io.plumbline.model.filter.Headers.NOT_IPV4;
import static io.plumbline.model.filter.Headers.SUBSEQUENT_FRAGMENT;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_PORTS;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code block_private_ipv4} (traffico specification, section a, block_private_ipv4). Private means
 * RFC 1918 section 3; the exemption is for TCP from source port 22, to any port.
 */
public final class BlockPrivateIpv4 {
  private static final Guard PRIVATE =
      Guard.anyOf(
          IP_DADDR.inPrefix(10 << 24, 8),
          IP_DADDR.inPrefix(172 << 24 | 16 << 16, 12),
          IP_DADDR.inPrefix(192 << 24 | 168 << 16, 16));
  private static final Guard TCP = IP_PROTOCOL.eq(IpProtocol.TCP);

  public static final ProgramSpec SPEC =
      ProgramSpec.standalone(
          "block_private_ipv4",
          InputGrammar.NONE,
          "drops IPv4, untagged, to private addresses, except TCP from source port 22",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, ACCEPT, "the Ethernet header is cut")
              .then("not_ipv4", NOT_IPV4, ACCEPT, "the frame is not IPv4")
              .then("truncated_ipv4", TRUNCATED_IPV4, ACCEPT, "the IPv4 header is cut")
              .then("bad_ihl", BAD_IHL, ACCEPT, "the IPv4 header length is below 5 words")
              .then(
                  "subsequent_fragment",
                  SUBSEQUENT_FRAGMENT,
                  ACCEPT,
                  "later fragments pass, to private addresses too")
              .then("public_address", PRIVATE.not(), ACCEPT, "the destination is not private")
              .then("icmp", IP_PROTOCOL.eq(IpProtocol.ICMP), DROP, "ICMP to a private address")
              .then(
                  "truncated_tcp",
                  Guard.allOf(TCP, TRUNCATED_PORTS),
                  ACCEPT,
                  "the TCP ports are cut")
              .then("ssh_reply", Guard.allOf(TCP, L4_SPORT.eq(22)), ACCEPT, "TCP from port 22")
              .otherwise("private_address", DROP, "the destination is private"));

  private BlockPrivateIpv4() {}
}
