package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;

/**
 * A frame as decision lists see it, in terms: what {@link io.plumbline.model.packet.PacketView}
 * shows of one. A VLAN tag outside the bytes stands behind the MAC addresses.
 */
final class FrameTerms {
  private static final int TAG_OFFSET = 12;
  private static final int TAG_LENGTH = 4;
  private static final int ETHERNET_LENGTH = 14;

  private final Terms terms;
  private final Term tagged;
  private final Term length;
  private final Term tag;

  /** Makes the terms of any frame. */
  FrameTerms(Terms terms) {
    this(terms, true);
  }

  /**
   * Makes the terms of a frame.
   *
   * @param tags whether it may have a tag outside its bytes
   */
  FrameTerms(Terms terms, boolean tags) {
    this.terms = terms;
    Term untagged = ContextTerms.length(terms);
    tagged =
        !tags
            ? terms.truth(false)
            : terms.both(
                ContextTerms.tagged(terms), terms.ule(terms.constant(ETHERNET_LENGTH), untagged));
    length = terms.choice(tagged, terms.add(untagged, terms.constant(TAG_LENGTH)), untagged);
    // The context has the protocol in network order, and the tag's other half in host order.
    Term protocol = ContextTerms.tagProtocol(terms);
    Term high = terms.and(protocol, terms.constant(0xFF));
    Term low = terms.lshr(protocol, terms.constant(8));
    Term tpid = terms.or(terms.shl(high, terms.constant(8)), low);
    tag = terms.or(terms.shl(tpid, terms.constant(16)), ContextTerms.tagControl(terms));
  }

  /** Returns the frame's length, a tag outside the bytes included. */
  Term length() {
    return length;
  }

  /** Returns the number in so many bytes, the first the highest. */
  Term bigEndian(Term offset, int bytes) {
    Term all = terms.constant(0);
    for (int i = 0; i < bytes; i++) {
      Term at = terms.add(offset, terms.constant(i));
      all = terms.or(terms.shl(all, terms.constant(8)), u8(at));
    }
    return all;
  }

  private Term u8(Term offset) {
    Term plain = terms.frameByte(offset);
    if (offset.isConst() && offset.value() < TAG_OFFSET) {
      return plain;
    }
    Term behind = terms.frameByte(terms.sub(offset, terms.constant(TAG_LENGTH)));
    Term last = terms.constant(TAG_OFFSET + TAG_LENGTH - 1);
    Term shift =
        terms.shl(terms.and(terms.sub(last, offset), terms.constant(3)), terms.constant(3));
    Term inTag = terms.and(terms.lshr(tag, shift), terms.constant(0xFF));
    Term shown =
        terms.choice(
            terms.ult(offset, terms.constant(TAG_OFFSET)),
            plain,
            terms.choice(terms.ule(offset, last), inTag, behind));
    return terms.choice(tagged, shown, plain);
  }
}
