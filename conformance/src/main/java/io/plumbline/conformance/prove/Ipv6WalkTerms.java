package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.model.packet.Ipv6Extensions;
import io.plumbline.model.packet.Ipv6Extensions.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What {@link Ipv6Extensions} finds, in terms: RFC 8200 section 4 and RFC 4302 section 2, step by
 * step.
 */
final class Ipv6WalkTerms {
  private static final int HOP_BY_HOP = 0;
  private static final int ROUTING = 43;
  private static final int FRAGMENT = 44;
  private static final int AUTHENTICATION = 51;
  private static final int DESTINATION = 60;

  private final Terms terms;
  private final FrameTerms frame;
  private final List<Term> places = new ArrayList<>();

  Ipv6WalkTerms(Terms terms, FrameTerms frame) {
    this.terms = terms;
    this.frame = frame;
  }

  /**
   * Returns the length and the kind of each header and where it is, as long as the walk goes on.
   */
  List<Term> places() {
    return List.copyOf(places);
  }

  /** Returns each part of what is found. */
  Map<Part, Term> walk() {
    Term protocol = frame.bigEndian(terms.constant(14 + 6), 1);
    Term offset = terms.constant(14 + 40);
    Term going = terms.truth(true);
    Term status = terms.constant(Ipv6Extensions.FOUND);
    Term lastProtocol = protocol;
    Term lastOffset = offset;
    for (int i = 0; i < Ipv6Extensions.MAX; i++) {
      places.add(protocol);
      places.add(offset);
      Term truncated = terms.ult(frame.length(), terms.add(offset, terms.constant(8)));
      Term fragment = terms.eq(protocol, terms.constant(FRAGMENT));
      Term authentication = terms.eq(protocol, terms.constant(AUTHENTICATION));
      Term routing = terms.eq(protocol, terms.constant(ROUTING));
      Term later =
          terms.both(
              fragment,
              terms.ne(
                  terms.lshr(
                      frame.bigEndian(terms.add(offset, terms.constant(2)), 2), terms.constant(3)),
                  terms.constant(0)));
      Term left = frame.bigEndian(terms.add(offset, terms.constant(3)), 1);
      Term routed = terms.both(routing, terms.ne(left, terms.constant(0)));
      Term own = frame.bigEndian(terms.add(offset, terms.constant(1)), 1);
      Term length =
          terms.choice(
              fragment,
              terms.constant(8),
              terms.choice(
                  authentication,
                  terms.shl(terms.add(own, terms.constant(2)), terms.constant(2)),
                  terms.shl(terms.add(own, terms.constant(1)), terms.constant(3))));
      places.add(length);
      Term cut = terms.ult(frame.length(), terms.add(offset, length));
      Term ends =
          terms.choice(
              truncated,
              terms.constant(Ipv6Extensions.TRUNCATED),
              terms.choice(
                  later,
                  terms.constant(Ipv6Extensions.SUBSEQUENT_FRAGMENT),
                  terms.choice(
                      routed,
                      terms.constant(Ipv6Extensions.SOURCE_ROUTED),
                      terms.choice(
                          cut,
                          terms.constant(Ipv6Extensions.TRUNCATED),
                          terms.constant(Ipv6Extensions.FOUND)))));
      Term here = terms.both(going, isExtension(protocol, i));
      status = terms.choice(here, ends, status);
      places.add(
          terms.all(List.of(here, terms.not(truncated), terms.not(later), terms.not(routed))));
      going = terms.both(here, terms.eq(ends, terms.constant(Ipv6Extensions.FOUND)));
      places.add(going);
      protocol = frame.bigEndian(offset, 1);
      offset = terms.add(offset, length);
      lastProtocol = terms.choice(going, protocol, lastProtocol);
      lastOffset = terms.choice(going, offset, lastOffset);
    }
    places.add(protocol);
    places.add(offset);
    status =
        terms.choice(
            terms.both(going, isExtension(protocol, Ipv6Extensions.MAX)),
            terms.constant(Ipv6Extensions.TOO_MANY),
            status);
    return Map.of(Part.STATUS, status, Part.PROTOCOL, lastProtocol, Part.OFFSET, lastOffset);
  }

  private Term isExtension(Term protocol, int index) {
    Term any = terms.truth(false);
    for (int kind : new int[] {ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION}) {
      any = terms.either(any, terms.eq(protocol, terms.constant(kind)));
    }
    return index == 0 ? terms.either(any, terms.eq(protocol, terms.constant(HOP_BY_HOP))) : any;
  }
}
