package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.ACCEPT;
import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Expr.input;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.IP_DADDR;
import static io.plumbline.model.filter.Headers.NOT_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code block_ipv4} (traffico specification, section a, block_ipv4). Every fragment of a packet to
 * the address is dropped; version and options are not looked at.
 */
public final class BlockIpv4 {
  public static final ProgramSpec SPEC =
      ProgramSpec.standalone(
          "block_ipv4",
          InputGrammar.IPV4_ADDRESS,
          "drops IPv4, untagged, to one address",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, ACCEPT, "the Ethernet header is cut")
              .then("not_ipv4", NOT_IPV4, ACCEPT, "the frame is not IPv4")
              .then("truncated_ipv4", TRUNCATED_IPV4, ACCEPT, "the IPv4 header is cut")
              .then("bad_ihl", BAD_IHL, ACCEPT, "the IPv4 header length is below 5 words")
              .then(
                  "blocked_address",
                  IP_DADDR.eq(input()),
                  DROP,
                  "the destination is the blocked address")
              .otherwise("other_address", ACCEPT, "the destination is another address"));

  private BlockIpv4() {}
}
