package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.model.hook.Hook;
import java.util.ArrayList;
import java.util.List;

/**
 * Start of tc programs: any part of the frame is linear, and a VLAN tag may be offloaded. Without
 * an Ethernet header the program sees the frame from byte 14 on, and its EtherType in the context.
 */
final class SkbTerms extends ContextTerms {
  /** The longest frame: kernel {@code GSO_MAX_SIZE}. */
  private static final int MAX_LENGTH = 524_280;

  private static final int ETHERTYPE_AT = 12;
  private static final int LEAST_ETHERTYPE = 0x600;

  private final Hook hook;

  SkbTerms(Terms terms, Hook hook) {
    super(terms, hook);
    this.hook = hook;
  }

  @Override
  List<String> assumptions() {
    List<String> all = new ArrayList<>();
    all.add(
        hook.hidden() == 0
            ? "frames of 0 to 524280 bytes (GSO_MAX_SIZE), any part of them linear"
            : "packets of 0 to 524266 bytes without an Ethernet header, any part of them linear");
    if (hook.hidden() > 0) {
      all.add("skb->protocol is an EtherType, 0x600 or more");
    }
    all.add("bpf_skb_pull_data succeeds for lengths up to the frame's (there is memory)");
    all.add("bpf_skb_load_bytes succeeds within the frame and fails beyond it");
    all.add("a VLAN tag outside the frame has the protocol 0x8100 or 0x88a8");
    return all;
  }

  @Override
  List<Term> conditions() {
    Term protocol = tagProtocol(terms);
    // Network order: 0x8100 and 0x88a8.
    Term known =
        terms.either(
            terms.eq(protocol, terms.constant(0x0081)), terms.eq(protocol, terms.constant(0xA888)));
    List<Term> all = new ArrayList<>();
    all.add(terms.ule(length(terms), terms.constant(MAX_LENGTH)));
    all.add(terms.ule(linear(terms), length(terms)));
    all.add(terms.either(terms.not(tagged(terms)), known));
    if (hook.hidden() > 0) {
      all.add(
          terms.ule(
              terms.constant(LEAST_ETHERTYPE >> 8), terms.frameByte(terms.constant(ETHERTYPE_AT))));
    }
    return all;
  }

  @Override
  Term readable() {
    return linear(terms);
  }

  @Override
  Term ifindex() {
    return terms.variable("skb.ifindex", 32);
  }

  @Override
  Term mark() {
    return terms.variable("skb.mark", 32);
  }

  @Override
  Term field(ContextType.Field field) {
    return switch (field.name()) {
      case "len" -> seen(terms);
      case "protocol" ->
          hook.hidden() == 0
              ? terms.variable("skb.protocol", 32)
              : terms.or(
                  terms.shl(terms.frameByte(terms.constant(ETHERTYPE_AT + 1)), terms.constant(8)),
                  terms.frameByte(terms.constant(ETHERTYPE_AT)));
      case "vlan_present" -> tag(terms);
      case "vlan_tci" -> tagControl(terms);
      case "vlan_proto" -> tagProtocol(terms);
      default -> terms.variable("skb." + field.name(), 8 * field.size());
    };
  }
}
