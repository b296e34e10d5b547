package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Action.NEXT;
import static io.plumbline.model.decision.Expr.input;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.IP_DADDR;
import static io.plumbline.model.filter.Headers.IP_VERSION;
import static io.plumbline.model.filter.Headers.NOT_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_OPTIONS;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code allow_ipv4} (traffico specification, section a, allow_ipv4). The only one of these that
 * looks at the version nibble; fragments are judged by their address like any packet, and loopback
 * (RFC 1122 section 3.2.1.3) always passes.
 */
public final class AllowIpv4 {
  public static final ProgramSpec SPEC =
      ProgramSpec.chainable(
          "allow_ipv4",
          Layer.L3,
          InputGrammar.IPV4_ADDRESS,
          "passes IPv4, untagged, to one address and to 127.0.0.0/8",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, DROP, "the Ethernet header is cut")
              .then(
                  "not_ipv4_standalone",
                  Guard.allOf(NOT_IPV4, Guard.standalone()),
                  DROP,
                  "the frame is not IPv4")
              .then("not_ipv4_chained", NOT_IPV4, NEXT, "the frame is not IPv4: the next stage")
              .then("truncated_ipv4", TRUNCATED_IPV4, DROP, "the IPv4 header is cut")
              .then("bad_version", IP_VERSION.ne(4), DROP, "the IP version is not 4")
              .then("bad_ihl", BAD_IHL, DROP, "the IPv4 header length is below 5 words")
              .then("truncated_options", TRUNCATED_OPTIONS, DROP, "the IPv4 options are cut")
              .then(
                  "loopback", IP_DADDR.inPrefix(127 << 24, 8), NEXT, "the destination is loopback")
              .then(
                  "allowed_address",
                  IP_DADDR.eq(input()),
                  NEXT,
                  "the destination is the allowed address")
              .otherwise("other_address", DROP, "the destination is another address"));

  private AllowIpv4() {}
}
