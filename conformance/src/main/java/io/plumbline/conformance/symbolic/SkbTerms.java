package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.model.hook.Hook;
import java.util.List;

/** Start of tc programs: any part of the frame is linear, and a VLAN tag may be offloaded. */
final class SkbTerms extends ContextTerms {
  /** The longest frame: kernel {@code GSO_MAX_SIZE}. */
  private static final int MAX_LENGTH = 524_280;

  SkbTerms(Terms terms) {
    super(terms, Hook.TC);
  }

  @Override
  List<String> assumptions() {
    return List.of(
        "frames of 0 to 524280 bytes (GSO_MAX_SIZE), any part of them linear",
        "bpf_skb_pull_data succeeds for lengths up to the frame's (there is memory)",
        "bpf_skb_load_bytes succeeds within the frame and fails beyond it",
        "a VLAN tag outside the frame has the protocol 0x8100 or 0x88a8");
  }

  @Override
  List<Term> conditions() {
    Term protocol = tagProtocol(terms);
    // Network order: 0x8100 and 0x88a8.
    Term known =
        terms.either(
            terms.eq(protocol, terms.constant(0x0081)), terms.eq(protocol, terms.constant(0xA888)));
    return List.of(
        terms.ule(length(terms), terms.constant(MAX_LENGTH)),
        terms.ule(linear(terms), length(terms)),
        terms.either(terms.not(tagged(terms)), known));
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
      case "len" -> length(terms);
      case "vlan_present" -> tag(terms);
      case "vlan_tci" -> tagControl(terms);
      case "vlan_proto" -> tagProtocol(terms);
      default -> terms.variable("skb." + field.name(), 8 * field.size());
    };
  }
}
