package io.plumbline.pcaps;

import java.util.Map;

/** Link types of captures (the tcpdump group's LINKTYPE registry). Only Ethernet frames are run. */
public final class LinkType {
  public static final int ETHERNET = 1;

  private static final int LINUX_SLL = 113;
  private static final int LINUX_SLL2 = 276;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(0, "NULL"),
          Map.entry(1, "ETHERNET"),
          Map.entry(3, "AX25"),
          Map.entry(6, "IEEE802_5"),
          Map.entry(7, "ARCNET_BSD"),
          Map.entry(8, "SLIP"),
          Map.entry(9, "PPP"),
          Map.entry(10, "FDDI"),
          Map.entry(50, "PPP_HDLC"),
          Map.entry(51, "PPP_ETHER"),
          Map.entry(100, "ATM_RFC1483"),
          Map.entry(101, "RAW"),
          Map.entry(104, "C_HDLC"),
          Map.entry(105, "IEEE802_11"),
          Map.entry(107, "FRELAY"),
          Map.entry(108, "LOOP"),
          Map.entry(LINUX_SLL, "LINUX_SLL"),
          Map.entry(114, "LTALK"),
          Map.entry(117, "PFLOG"),
          Map.entry(119, "IEEE802_11_PRISM"),
          Map.entry(122, "IP_OVER_FC"),
          Map.entry(123, "SUNATM"),
          Map.entry(127, "IEEE802_11_RADIOTAP"),
          Map.entry(129, "ARCNET_LINUX"),
          Map.entry(138, "APPLE_IP_OVER_IEEE1394"),
          Map.entry(143, "DOCSIS"),
          Map.entry(163, "IEEE802_11_AVS"),
          Map.entry(166, "PPP_PPPD"),
          Map.entry(187, "BLUETOOTH_HCI_H4"),
          Map.entry(189, "USB_LINUX"),
          Map.entry(192, "PPI"),
          Map.entry(195, "IEEE802_15_4_WITHFCS"),
          Map.entry(201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
          Map.entry(204, "PPP_WITH_DIR"),
          Map.entry(220, "USB_LINUX_MMAPPED"),
          Map.entry(224, "FC_2"),
          Map.entry(227, "CAN_SOCKETCAN"),
          Map.entry(228, "IPV4"),
          Map.entry(229, "IPV6"),
          Map.entry(230, "IEEE802_15_4_NOFCS"),
          Map.entry(231, "DBUS"),
          Map.entry(239, "NFLOG"),
          Map.entry(240, "NETANALYZER"),
          Map.entry(242, "IPOIB"),
          Map.entry(247, "INFINIBAND"),
          Map.entry(249, "USBPCAP"),
          Map.entry(252, "WIRESHARK_UPPER_PDU"),
          Map.entry(253, "NETLINK"),
          Map.entry(258, "PKTAP"),
          Map.entry(LINUX_SLL2, "LINUX_SLL2"));

  private LinkType() {}

  /** Returns the registry's name with the number, or the number alone. */
  public static String describe(int linkType) {
    String name = NAMES.get(linkType);
    return name == null ? Integer.toString(linkType) : name + " (" + linkType + ")";
  }

  /** Returns the end of a message about a link type that is not supported, with the way out. */
  static String refuse(int linkType) {
    boolean cooked = linkType == LINUX_SLL || linkType == LINUX_SLL2;
    return describe(linkType)
        + ": expected ETHERNET (1): capture on "
        + (cooked
            ? "one Ethernet interface instead of 'any'"
            : "an interface with an Ethernet header");
  }
}
