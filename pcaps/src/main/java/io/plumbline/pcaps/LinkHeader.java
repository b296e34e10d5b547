package io.plumbline.pcaps;

import io.plumbline.model.packet.EtherType;
import java.util.Arrays;

/**
 * Reads what a captured packet has before its payload, and makes the start of an Ethernet frame of
 * it. A packet that begins with its IP header becomes a frame of zero MAC addresses and its
 * EtherType; of an Ethernet frame with a switch's tag the tag is taken out. Whatever follows the
 * header is the payload and stays as it is.
 *
 * <p>A header that is cut, or too short for what it says, gives a frame that is cut: it ends before
 * the EtherType if that is not known. EtherType 0 stands for a protocol that has none, as the
 * kernel does ({@code ip_tunnel_parse_protocol}).
 *
 * <p>Layouts are those of https://www.tcpdump.org/linktypes.html. Numbers are big-endian. One
 * object reads any number of packets; reading allocates nothing.
 */
final class LinkHeader {
  private static final int MACS = 12;
  private static final int ETHERNET = 14;

  private static final int NO_TYPE = 0;
  private static final int NOT_KNOWN = -1;

  private static final int MPLS = 0x8847;
  private static final int PPPOE_DISCOVERY = 0x8863;
  private static final int PPPOE_SESSION = 0x8864;

  /** The kernel's EtherType of frames that go on with an LLC header (ETH_P_802_2). */
  private static final int LLC = 4;

  /** Address and control of PPP in HDLC-like framing (RFC 1662 section 3.1). */
  private static final int PPP_FRAMING = 0xFF03;

  /** Unnumbered information, the control of LLC and Q.922 frames that carry packets. */
  private static final int UI = 0x03;

  /** Network layer protocol identifiers (ISO/IEC TR 9577; RFC 2427). */
  private static final int NLPID_IPV4 = 0xCC;

  private static final int NLPID_IPV6 = 0x8E;
  private static final int NLPID_SNAP = 0x80;

  private static final int AF_INET = 2;

  /** The attribute of NFLOG that holds the packet (kernel {@code nfnetlink_log.h}). */
  private static final int NFULA_PAYLOAD = 9;

  private final byte[] frame = new byte[MACS + 4];
  private int frameLength;
  private int length;
  private int wholeFrame;
  private int wholeHeader;

  private byte[] data = new byte[0];
  private int from;
  private int captured;

  /** Reads the header of a packet of a link type whose {@link LinkType#layer} is not 0. */
  void read(int linkType, byte[] bytes, int offset, int capturedLength) {
    data = bytes;
    from = offset;
    captured = capturedLength;
    switch (linkType) {
      case LinkType.NULL, LinkType.LOOP -> ip(bsdFamily(), 4);
      case LinkType.SLIP -> ip(version(16), 16);
      case LinkType.PPP -> ppp(framing(0));
      case LinkType.RAW_12, LinkType.RAW_14, LinkType.RAW -> ip(version(0), 0);
      case LinkType.PPP_HDLC -> pppOrCiscoHdlc();
      case LinkType.PPP_ETHER -> pppoe();
      case LinkType.ATM_RFC1483 -> llc(0);
      case LinkType.C_HDLC -> ip(u16(2), 4);
      case LinkType.ATM_CLIP -> clip();
      case LinkType.FRELAY -> frameRelay();
      case LinkType.ENC -> ip(bsdFamily(), 12);
      case LinkType.LINUX_SLL -> ip(u16(14), 16);
      case LinkType.PFLOG -> ip(bsdFamily(u8(1)), Math.max(4, u8(0) + 3 & ~3));
      case LinkType.APPLE_IP_OVER_IEEE1394 -> ip(u16(16), 18);
      case LinkType.PPP_PPPD -> ppp(2);
      case LinkType.PPP_WITH_DIR -> ppp(framing(1));
      case LinkType.IPNET -> ip(family(u8(1), 26), 24);
      case LinkType.IPV4 -> ip(EtherType.IPV4, 0);
      case LinkType.IPV6 -> ip(EtherType.IPV6, 0);
      case LinkType.NFLOG -> nflog();
      case LinkType.IPOIB -> ip(u16(40), 44);
      case LinkType.LINUX_SLL2 -> ip(u16(0), 20);
      case LinkType.NETANALYZER, LinkType.DSA_TAG_BRCM_PREPEND -> ethernet(0, 4);
      case LinkType.DSA_TAG_BRCM -> ethernet(MACS, MACS + 4);
      case LinkType.DSA_TAG_DSA -> dsa(MACS);
      case LinkType.DSA_TAG_EDSA -> dsa(MACS + 4);
      default -> ethernet(0, 0);
    }
  }

  /** Returns the bytes that the frame begins with, of which {@link #frameLength} count. */
  byte[] frame() {
    return frame;
  }

  /** Returns how many bytes of the frame stand for the header. */
  int frameLength() {
    return frameLength;
  }

  /** Returns how many bytes the header has in the capture; the payload follows. */
  int length() {
    return length;
  }

  /**
   * Returns the length of the frame.
   *
   * @param wire that of the packet, at least what was captured of it
   */
  int wireLength(int wire) {
    int payload = Math.max(captured - length, wire - Math.min(wholeHeader, wire));
    return Math.max(frameLength, wholeFrame) + Math.min(payload, Integer.MAX_VALUE - MACS - 4);
  }

  /** Takes a packet with an EtherType, or {@link #NOT_KNOWN}, after a header. */
  private void ip(int type, int header) {
    wholeFrame = ETHERNET;
    wholeHeader = header;
    length = Math.min(header, captured);
    Arrays.fill(frame, 0, MACS, (byte) 0);
    frame[MACS] = (byte) (type >>> 8);
    frame[MACS + 1] = (byte) type;
    frameLength = type == NOT_KNOWN ? MACS : ETHERNET;
    if (type == NOT_KNOWN) {
      // Nothing can follow an unknown EtherType.
      length = captured;
    }
  }

  /** Takes an Ethernet frame of which the first bytes are kept up to one place, from another on. */
  private void ethernet(int kept, int header) {
    wholeFrame = kept;
    wholeHeader = header;
    length = Math.min(header, captured);
    frameLength = Math.min(kept, captured);
    if (frameLength > 0) {
      System.arraycopy(data, from, frame, 0, frameLength);
    }
  }

  /** Takes a tag of Marvell switches out, with the VLAN in it as the kernel does (tag_dsa.c). */
  private void dsa(int tag) {
    ethernet(MACS, tag + 4);
    if (captured >= tag + 4 && (u8(tag) & 0x20) != 0) {
      frame[MACS] = (byte) (EtherType.VLAN >>> 8);
      frame[MACS + 1] = (byte) EtherType.VLAN;
      frame[MACS + 2] = (byte) (u8(tag + 2) & ~0x10 | (u8(tag + 1) & 1) << 4);
      frame[MACS + 3] = (byte) u8(tag + 3);
      wholeFrame = MACS + 4;
      frameLength = MACS + 4;
    }
  }

  /** Returns the EtherType of an IP packet by its version. */
  private int version(int offset) {
    int first = u8(offset);
    if (first == NOT_KNOWN) {
      return NOT_KNOWN;
    }
    return switch (first >>> 4) {
      case 4 -> EtherType.IPV4;
      case 6 -> EtherType.IPV6;
      default -> NO_TYPE;
    };
  }

  /** Returns the EtherType of a family in the first four bytes, in the byte order of its writer. */
  private int bsdFamily() {
    if (captured < 4) {
      return NOT_KNOWN;
    }
    int high = u16(0);
    int low = u16(2);
    return high == 0
        ? bsdFamily(low)
        : low == 0 ? bsdFamily(Short.reverseBytes((short) high) & 0xFFFF) : NO_TYPE;
  }

  /** Returns the EtherType of a family of NetBSD and OpenBSD, FreeBSD or Darwin. */
  private static int bsdFamily(int family) {
    return family == 28 || family == 30 ? EtherType.IPV6 : family(family, 24);
  }

  private static int family(int family, int ipv6) {
    if (family == NOT_KNOWN) {
      return NOT_KNOWN;
    }
    return family == AF_INET ? EtherType.IPV4 : family == ipv6 ? EtherType.IPV6 : NO_TYPE;
  }

  /** Returns where a PPP header begins, after the framing if it is there. */
  private int framing(int offset) {
    return u16(offset) == PPP_FRAMING ? offset + 2 : offset;
  }

  /** Reads the protocol of PPP, which may be compressed to a byte (RFC 1661 sections 2, 6.5). */
  private void ppp(int offset) {
    boolean compressed = u8(offset) != NOT_KNOWN && (u8(offset) & 1) == 1;
    int protocol = compressed ? u8(offset) : u16(offset);
    ip(pppType(protocol), offset + (compressed ? 1 : 2));
  }

  private static int pppType(int protocol) {
    return switch (protocol) {
      case NOT_KNOWN -> NOT_KNOWN;
      case 0x0021 -> EtherType.IPV4;
      case 0x0057 -> EtherType.IPV6;
      case 0x0281 -> MPLS;
      default -> NO_TYPE;
    };
  }

  private void pppOrCiscoHdlc() {
    int address = u8(0);
    if (address == 0x0F || address == 0x8F) {
      ip(u16(2), 4);
    } else {
      ppp(framing(0));
    }
  }

  /** Takes what is no IP packet with its PPPoE header, by the EtherType for that (RFC 2516). */
  private void pppoe() {
    int code = u8(1);
    int type = code == 0 ? pppType(u16(6)) : NO_TYPE;
    if (code == NOT_KNOWN || type == NOT_KNOWN) {
      ip(NOT_KNOWN, 8);
    } else if (type == NO_TYPE) {
      ip(code == 0 ? PPPOE_SESSION : PPPOE_DISCOVERY, 0);
    } else {
      ip(type, 8);
    }
  }

  /** Reads LLC with SNAP, or with the identifier of an IP version (RFC 2684 section 5). */
  private void llc(int offset) {
    int access = u16(offset);
    int control = u8(offset + 2);
    if (control == NOT_KNOWN) {
      ip(NOT_KNOWN, offset + 3);
    } else if (access == 0xAAAA && control == UI) {
      snap(offset + 3);
    } else if (access == 0xFEFE && control == UI && isIp(u8(offset + 3))) {
      ip(nlpidType(u8(offset + 3)), offset + 4);
    } else {
      ip(LLC, offset);
    }
  }

  /** Reads an organisation's code, and the EtherType if it is that of Ethernet. */
  private void snap(int offset) {
    int type = u16(offset + 3);
    boolean ethernet = u8(offset) == 0 && u16(offset + 1) == 0;
    ip(type == NOT_KNOWN || ethernet ? type : NO_TYPE, offset + 5);
  }

  private static boolean isIp(int nlpid) {
    return nlpid == NLPID_IPV4 || nlpid == NLPID_IPV6;
  }

  private static int nlpidType(int nlpid) {
    return nlpid == NLPID_IPV4 ? EtherType.IPV4 : EtherType.IPV6;
  }

  /** Takes an IP packet with LLC and SNAP, or without (RFC 2225). */
  private void clip() {
    if (u16(0) == 0xAAAA) {
      llc(0);
    } else {
      ip(version(0), 0);
    }
  }

  /** Reads an address of 2 to 4 bytes, and RFC 2427's header or Cisco's, which is an EtherType. */
  private void frameRelay() {
    int address = 2;
    while (address < 4 && u8(address - 1) != NOT_KNOWN && (u8(address - 1) & 1) == 0) {
      address++;
    }
    int control = u8(address);
    if (control != UI) {
      ip(u16(address), address + 2);
      return;
    }
    int identifier = u8(address + 1) == 0 ? address + 2 : address + 1;
    int nlpid = u8(identifier);
    if (nlpid == NLPID_SNAP) {
      snap(identifier + 1);
    } else if (isIp(nlpid)) {
      ip(nlpidType(nlpid), identifier + 1);
    } else {
      ip(nlpid == NOT_KNOWN ? NOT_KNOWN : NO_TYPE, identifier + 1);
    }
  }

  /**
   * Looks for the packet among attributes; their numbers are in the byte order of the writer, and
   * none has a type above 255.
   */
  private void nflog() {
    int type = u8(0) == 3 ? EtherType.ARP : family(u8(0), 10);
    int at = 4;
    while (captured - at >= 4) {
      int size = u16(at);
      int kind = u16(at + 2);
      if (kind > 0xFF) {
        size = Short.reverseBytes((short) size) & 0xFFFF;
        kind = Short.reverseBytes((short) kind) & 0xFFFF;
      }
      if (kind == NFULA_PAYLOAD) {
        ip(type, at + 4);
        return;
      }
      at += Math.max(4, size + 3 & ~3);
    }
    ip(type, Math.max(4, captured));
  }

  /** Returns a byte of the packet, or {@link #NOT_KNOWN} if it was not captured. */
  private int u8(int offset) {
    return offset < captured ? data[from + offset] & 0xFF : NOT_KNOWN;
  }

  private int u16(int offset) {
    return offset + 1 < captured ? u8(offset) << 8 | u8(offset + 1) : NOT_KNOWN;
  }
}
