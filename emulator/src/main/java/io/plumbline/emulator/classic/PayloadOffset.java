package io.plumbline.emulator.classic;

/**
 * Where a packet's payload begins, as {@code SKF_AD_PAY_OFFSET} says it (kernel {@code
 * net/core/flow_dissector.c}, {@code skb_get_poff}): behind the header of TCP, UDP, ICMP, IGMP,
 * DCCP or SCTP. Tags, ARP, IPv4, IPv6 with its extension headers, IP in IP, MPLS and GRE are
 * followed; unlike the kernel's, this does not look into GRE of version 1 (PPTP) and PPPoE.
 */
final class PayloadOffset {
  private static final int MAX_HEADERS = 15;
  private static final int IPV4 = 0x0800;
  private static final int ARP = 0x0806;
  private static final int RARP = 0x8035;
  private static final int VLAN = 0x8100;
  private static final int QINQ = 0x88A8;
  private static final int IPV6 = 0x86DD;
  private static final int MPLS = 0x8847;
  private static final int MPLS_MULTICAST = 0x8848;
  private static final int BRIDGED = 0x6558;
  private static final int TCP = 6;
  private static final int GRE_CHECKSUM = 0x8000;
  private static final int GRE_ROUTING = 0x4000;
  private static final int GRE_KEY = 0x2000;
  private static final int GRE_SEQUENCE = 0x1000;
  private static final int GRE_VERSION = 7;

  private final byte[] packet;
  private int at;
  private int headers;
  private int protocol;
  private boolean laterFragment;

  private PayloadOffset(byte[] packet, boolean tagged, int networkOffset) {
    this.packet = packet;
    this.at = networkOffset;
    headers = tagged ? 1 : 0;
  }

  /**
   * Returns the offset; 0 if the kernel finds none.
   *
   * @param tagged whether there is a tag outside the bytes: it counts as a header
   */
  static int of(byte[] packet, int etherType, boolean tagged, int networkOffset) {
    PayloadOffset walk = new PayloadOffset(packet, tagged, networkOffset);
    return walk.network(etherType) ? walk.behindTransport() : 0;
  }

  private boolean has(int bytes) {
    return at >= 0 && at + bytes <= packet.length;
  }

  private int u8(int offset) {
    return packet[at + offset] & 0xFF;
  }

  private int u16(int offset) {
    return u8(offset) << 8 | u8(offset + 1);
  }

  /** Goes to the transport header; whether there is a way. */
  private boolean network(int etherType) {
    switch (etherType) {
      case VLAN, QINQ -> {
        if (!has(4)) {
          return false;
        }
        int inner = u16(2);
        at += 4;
        return ++headers > MAX_HEADERS || network(inner);
      }
      case ARP, RARP -> {
        return true;
      }
      case MPLS, MPLS_MULTICAST -> {
        at += 4;
        return true;
      }
      case IPV4 -> {
        if (!has(20) || (u8(0) & 15) < 5) {
          return false;
        }
        int fragment = u16(6) & 0x3FFF;
        protocol = u8(9);
        at += (u8(0) & 15) * 4;
        laterFragment = (fragment & 0x1FFF) != 0;
        return fragment != 0 || transport(false);
      }
      case IPV6 -> {
        if (!has(40)) {
          return false;
        }
        protocol = u8(6);
        at += 40;
        return transport(true);
      }
      default -> {
        return false;
      }
    }
  }

  private boolean transport(boolean ipv6) {
    while (true) {
      switch (protocol) {
        case 0, 43, 60 -> {
          if (!ipv6) {
            return true;
          }
          if (!has(2)) {
            return false;
          }
          protocol = u8(0);
          at += (u8(1) + 1) * 8;
        }
        case 44 -> {
          if (!ipv6) {
            return true;
          }
          if (!has(8)) {
            return false;
          }
          protocol = u8(0);
          laterFragment = (u16(2) & 0xFFF8) != 0;
          at += 8;
          return true;
        }
        case 4, 41, 137 -> {
          int inner = protocol == 4 ? IPV4 : protocol == 41 ? IPV6 : MPLS;
          return ++headers > MAX_HEADERS || network(inner);
        }
        case 47 -> {
          return gre();
        }
        default -> {
          return true;
        }
      }
      if (++headers > MAX_HEADERS) {
        return true;
      }
    }
  }

  private boolean gre() {
    if (!has(4)) {
      return false;
    }
    int flags = u16(0);
    int inner = u16(2);
    if ((flags & GRE_ROUTING) != 0 || (flags & GRE_VERSION) != 0) {
      return true;
    }
    int behind = (flags & GRE_CHECKSUM) != 0 ? 8 : 4;
    if ((flags & GRE_KEY) != 0) {
      behind += 4;
      if (!has(behind)) {
        return false;
      }
    }
    behind += (flags & GRE_SEQUENCE) != 0 ? 4 : 0;
    if (inner == BRIDGED) {
      if (!has(behind + 14)) {
        return false;
      }
      inner = u16(behind + 12);
      behind += 14;
    }
    at += behind;
    return ++headers > MAX_HEADERS || network(inner);
  }

  private int behindTransport() {
    at = Math.min(at & 0xFFFF, packet.length);
    if (laterFragment) {
      return at;
    }
    return at
        + switch (protocol) {
          case TCP -> has(13) ? Math.max(20, (u8(12) & 0xF0) >> 2) : 0;
          case 1, 2, 17, 58, 136 -> 8;
          case 33, 132 -> 12;
          default -> 0;
        };
  }
}
