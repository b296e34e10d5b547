package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Action.NEXT;
import static io.plumbline.model.decision.Expr.input;
import static io.plumbline.model.filter.Headers.BAD_IHL;
import static io.plumbline.model.filter.Headers.L4_DPORT;
import static io.plumbline.model.filter.Headers.NOT_IPV4;
import static io.plumbline.model.filter.Headers.NOT_TCP_OR_UDP;
import static io.plumbline.model.filter.Headers.SUBSEQUENT_FRAGMENT;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;
import static io.plumbline.model.filter.Headers.TRUNCATED_IPV4;
import static io.plumbline.model.filter.Headers.TRUNCATED_OPTIONS;
import static io.plumbline.model.filter.Headers.TRUNCATED_PORTS;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code allow_port} (traffico specification, section a, allow_port). Protocols other than TCP and
 * UDP pass, their fragments included, because the protocol is tested before the fragment.
 */
public final class AllowPort {
  public static final ProgramSpec SPEC =
      ProgramSpec.chainable(
          "allow_port",
          Layer.L4,
          InputGrammar.PORT,
          "passes IPv4, untagged, but TCP and UDP only to one destination port",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, DROP, "the Ethernet header is cut")
              .then(
                  "not_ipv4_standalone",
                  Guard.allOf(NOT_IPV4, Guard.standalone()),
                  DROP,
                  "the frame is not IPv4")
              .then("not_ipv4_chained", NOT_IPV4, NEXT, "the frame is not IPv4: the next stage")
              .then("truncated_ipv4", TRUNCATED_IPV4, DROP, "the IPv4 header is cut")
              .then("bad_ihl", BAD_IHL, DROP, "the IPv4 header length is below 5 words")
              .then("truncated_options", TRUNCATED_OPTIONS, DROP, "the IPv4 options are cut")
              .then("not_tcp_or_udp", NOT_TCP_OR_UDP, NEXT, "the protocol is not TCP or UDP")
              .then(
                  "subsequent_fragment", SUBSEQUENT_FRAGMENT, DROP, "a later fragment has no port")
              .then("truncated_ports", TRUNCATED_PORTS, DROP, "the ports are cut")
              .then(
                  "allowed_port",
                  L4_DPORT.eq(input()),
                  NEXT,
                  "the destination port is the allowed one")
              .otherwise("other_port", DROP, "the destination port is not the allowed one"));

  private AllowPort() {}
}
