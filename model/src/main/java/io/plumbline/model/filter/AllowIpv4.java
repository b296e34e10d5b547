package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.PASS;
import static io.plumbline.model.decision.Action.SHOT;
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
          "passes IPv4 packets to one address and to 127.0.0.0/8",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, SHOT, "the Ethernet header is cut")
              .then(
                  "not_ipv4_standalone",
                  Guard.allOf(NOT_IPV4, Guard.standalone()),
                  SHOT,
                  "the frame is not IPv4")
              .then("not_ipv4_chained", NOT_IPV4, PASS, "the frame is not IPv4: the next stage")
              .then("truncated_ipv4", TRUNCATED_IPV4, SHOT, "the IPv4 header is cut")
              .then("bad_version", IP_VERSION.ne(4), SHOT, "the IP version is not 4")
              .then("bad_ihl", BAD_IHL, SHOT, "the IPv4 header length is below 5 words")
              .then("truncated_options", TRUNCATED_OPTIONS, SHOT, "the IPv4 options are cut")
              .then(
                  "loopback", IP_DADDR.inPrefix(127 << 24, 8), PASS, "the destination is loopback")
              .then(
                  "allowed_address",
                  IP_DADDR.eq(input()),
                  PASS,
                  "the destination is the allowed address")
              .otherwise("other_address", SHOT, "the destination is another address"));

  private AllowIpv4() {}
}
