package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.ACCEPT;
import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Expr.input;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.L4_DPORT;
import static io.plumbline.model.filter.Headers.NOT_IPV4;
import static io.plumbline.model.filter.Headers.NOT_TCP_OR_UDP;
import static io.plumbline.model.filter.Headers.SUBSEQUENT_FRAGMENT;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_PORTS;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code block_port} (traffico specification, section a, block_port). Fails open: what has no
 * readable port passes.
 */
public final class BlockPort {
  public static final ProgramSpec SPEC =
      ProgramSpec.standalone(
          "block_port",
          InputGrammar.PORT,
          "drops TCP and UDP over IPv4, untagged, to one destination port",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, ACCEPT, "the Ethernet header is cut")
              .then("not_ipv4", NOT_IPV4, ACCEPT, "the frame is not IPv4")
              .then("truncated_ipv4", TRUNCATED_IPV4, ACCEPT, "the IPv4 header is cut")
              .then("bad_ihl", BAD_IHL, ACCEPT, "the IPv4 header length is below 5 words")
              .then(
                  "subsequent_fragment",
                  SUBSEQUENT_FRAGMENT,
                  ACCEPT,
                  "a later fragment has no port")
              .then("not_tcp_or_udp", NOT_TCP_OR_UDP, ACCEPT, "the protocol is not TCP or UDP")
              .then("truncated_ports", TRUNCATED_PORTS, ACCEPT, "the ports are cut")
              .then(
                  "blocked_port",
                  L4_DPORT.eq(input()),
                  DROP,
                  "the destination port is the blocked one")
              .otherwise("other_port", ACCEPT, "the destination port is another one"));

  private BlockPort() {}
}
