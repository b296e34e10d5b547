package io.plumbline.loader.netlink;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Link types, which say what the frames of an interface begin with (kernel {@code if_arp.h},
 * ARPHRD_*).
 */
public final class LinkType {
  private static final int ETHER = 1;
  private static final int LOOPBACK = 772;

  /** Names for messages; every type that is not here is refused as well. */
  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(ETHER, "ETHER"),
          Map.entry(24, "IEEE1394"),
          Map.entry(32, "INFINIBAND"),
          Map.entry(256, "SLIP"),
          Map.entry(280, "CAN"),
          Map.entry(512, "PPP"),
          Map.entry(513, "HDLC"),
          Map.entry(519, "RAWIP"),
          Map.entry(768, "TUNNEL"),
          Map.entry(769, "TUNNEL6"),
          Map.entry(LOOPBACK, "LOOPBACK"),
          Map.entry(776, "SIT"),
          Map.entry(778, "IPGRE"),
          Map.entry(801, "IEEE80211"),
          Map.entry(803, "IEEE80211_RADIOTAP"),
          Map.entry(804, "IEEE802154"),
          Map.entry(820, "PHONET"),
          Map.entry(823, "IP6GRE"),
          Map.entry(824, "NETLINK"),
          Map.entry(825, "6LOWPAN"),
          Map.entry(826, "VSOCKMON"),
          Map.entry(0xFFFE, "NONE"),
          Map.entry(0xFFFF, "VOID"));

  private static final String TUN = "tun";

  /**
   * Types whose packets begin with the IP header at tc: PPP, RAWIP, TUNNEL, TUNNEL6, SIT and NONE
   * (WireGuard, xfrm). IPGRE is not among them: without a remote address the outer headers come
   * first (kernel {@code net/ipv4/ip_gre.c}, ipgre_header).
   */
  private static final Set<Integer> IP = Set.of(512, 519, 768, 769, 776, 0xFFFE);

  private LinkType() {}

  /** Returns whether it is a loopback interface, which never leaves its network namespace. */
  public static boolean isLoopback(Link link) {
    return link.type() == LOOPBACK;
  }

  /**
   * Returns the layer that the packets of an interface begin with: 2 (an Ethernet header) or 3 (an
   * IP header); empty if that is neither, or not known.
   */
  public static OptionalInt firstLayer(Link link) {
    if (link.layer3()) {
      return OptionalInt.of(3);
    }
    if (link.type() == ETHER || link.type() == LOOPBACK) {
      return OptionalInt.of(2);
    }
    // Another tun device is a tap: it has Ethernet headers, and its type is what somebody set.
    return IP.contains(link.type()) && !link.kind().equals(TUN)
        ? OptionalInt.of(3)
        : OptionalInt.empty();
  }

  /** Returns why filters cannot be attached to an interface; empty if they can. */
  public static Optional<String> unknownLayer(Link link) {
    return firstLayer(link).isPresent()
        ? Optional.empty()
        : Optional.of(
            "interface %s: link type %s: expected packets that begin with an Ethernet or an IP header"
                .formatted(link.name(), words(link)));
  }

  /** Returns an interface's link type, {@code NONE (65534)}. */
  public static String words(Link link) {
    return "%s (%d)%s"
        .formatted(
            NAMES.getOrDefault(link.type(), "unknown"),
            link.type(),
            link.layer3() ? " of a layer-3 tun device" : "");
  }
}
