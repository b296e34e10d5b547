package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.model.hook.Hook;
import java.util.List;

/** Start of XDP programs: the whole frame is linear, and every VLAN tag is in its bytes. */
final class XdpTerms extends ContextTerms {
  private static final int MAX_LENGTH = 0xFFFF;

  XdpTerms(Terms terms) {
    super(terms, Hook.XDP);
  }

  @Override
  List<String> assumptions() {
    return List.of(
        "frames of 0 to 65535 bytes, all of them linear (the program is not for multi-buffer"
            + " frames)",
        "no VLAN tag outside the frame");
  }

  @Override
  List<Term> conditions() {
    return List.of(
        terms.ule(length(terms), terms.constant(MAX_LENGTH)),
        terms.eq(linear(terms), length(terms)),
        tagged(terms, false));
  }

  /** The same term as the length, so that no equation has to be put in everywhere. */
  @Override
  Term readable() {
    return length(terms);
  }

  @Override
  Term ifindex() {
    return terms.variable("xdp.ingress_ifindex", 32);
  }

  @Override
  Term mark() {
    return terms.constant(0);
  }

  @Override
  Term field(ContextType.Field field) {
    return terms.variable("xdp." + field.name(), 8 * field.size());
  }
}
