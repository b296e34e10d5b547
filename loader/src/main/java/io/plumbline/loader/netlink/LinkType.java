package io.plumbline.loader.netlink;

import java.util.Map;
import java.util.Optional;

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

  private LinkType() {}

  /** Returns whether it is a loopback interface, which never leaves its network namespace. */
  public static boolean isLoopback(Link link) {
    return link.type() == LOOPBACK;
  }

  /**
   * Returns why the frames of an interface do not begin with an Ethernet header; empty if they do.
   */
  public static Optional<String> notEthernet(Link link) {
    if (!link.layer3() && (link.type() == ETHER || link.type() == LOOPBACK)) {
      return Optional.empty();
    }
    return Optional.of(
        "interface %s: link type %s (%d)%s: expected frames with an Ethernet header, types ETHER (1) and LOOPBACK (772)"
            .formatted(
                link.name(),
                NAMES.getOrDefault(link.type(), "unknown"),
                link.type(),
                link.layer3() ? " of a layer-3 tun device" : ""));
  }
}
