package io.plumbline.pcaps;

import java.util.Map;

/** Link types of captures (the tcpdump group's LINKTYPE registry). Only Ethernet frames are run. */
public final class LinkType {
  public static final int ETHERNET = 1;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(0, "NULL"),
          Map.entry(1, "ETHERNET"),
          Map.entry(9, "PPP"),
          Map.entry(50, "PPP_HDLC"),
          Map.entry(51, "PPP_ETHER"),
          Map.entry(100, "ATM_RFC1483"),
          Map.entry(101, "RAW"),
          Map.entry(104, "C_HDLC"),
          Map.entry(105, "IEEE802_11"),
          Map.entry(107, "FRELAY"),
          Map.entry(108, "LOOP"),
          Map.entry(113, "LINUX_SLL"),
          Map.entry(127, "IEEE802_11_RADIOTAP"),
          Map.entry(228, "IPV4"),
          Map.entry(229, "IPV6"),
          Map.entry(276, "LINUX_SLL2"));

  private LinkType() {}

  /** Returns the registry's name with the number, or the number alone. */
  public static String describe(int linkType) {
    String name = NAMES.get(linkType);
    return name == null ? Integer.toString(linkType) : name + " (" + linkType + ")";
  }
}
