package io.plumbline.pcaps;

import java.util.Map;

/**
 * Link types of captures (the tcpdump group's LINKTYPE registry). Those are read whose packets are
 * Ethernet frames or hold IP packets after a short header ({@link LinkHeader}).
 */
public final class LinkType {
  public static final int ETHERNET = 1;

  static final int NULL = 0;
  static final int SLIP = 8;
  static final int PPP = 9;

  /** What some systems write for {@link #RAW} (BSD/OS and others; OpenBSD). */
  static final int RAW_12 = 12;

  static final int RAW_14 = 14;
  static final int PPP_HDLC = 50;
  static final int PPP_ETHER = 51;
  static final int ATM_RFC1483 = 100;
  static final int RAW = 101;
  static final int C_HDLC = 104;
  static final int ATM_CLIP = 106;
  static final int FRELAY = 107;
  static final int LOOP = 108;
  static final int ENC = 109;
  static final int LINUX_SLL = 113;
  static final int PFLOG = 117;
  static final int APPLE_IP_OVER_IEEE1394 = 138;
  static final int PPP_PPPD = 166;
  static final int PPP_WITH_DIR = 204;
  static final int IPNET = 226;
  static final int IPV4 = 228;
  static final int IPV6 = 229;
  static final int NFLOG = 239;
  static final int NETANALYZER = 240;
  static final int IPOIB = 242;
  static final int LINUX_SLL2 = 276;
  static final int DSA_TAG_BRCM = 281;
  static final int DSA_TAG_BRCM_PREPEND = 282;
  static final int DSA_TAG_DSA = 284;
  static final int DSA_TAG_EDSA = 285;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(NULL, "NULL"),
          Map.entry(ETHERNET, "ETHERNET"),
          Map.entry(3, "AX25"),
          Map.entry(6, "IEEE802_5"),
          Map.entry(7, "ARCNET_BSD"),
          Map.entry(SLIP, "SLIP"),
          Map.entry(PPP, "PPP"),
          Map.entry(10, "FDDI"),
          Map.entry(RAW_12, "RAW"),
          Map.entry(RAW_14, "RAW"),
          Map.entry(PPP_HDLC, "PPP_HDLC"),
          Map.entry(PPP_ETHER, "PPP_ETHER"),
          Map.entry(ATM_RFC1483, "ATM_RFC1483"),
          Map.entry(RAW, "RAW"),
          Map.entry(C_HDLC, "C_HDLC"),
          Map.entry(105, "IEEE802_11"),
          Map.entry(ATM_CLIP, "ATM_CLIP"),
          Map.entry(FRELAY, "FRELAY"),
          Map.entry(LOOP, "LOOP"),
          Map.entry(ENC, "ENC"),
          Map.entry(LINUX_SLL, "LINUX_SLL"),
          Map.entry(114, "LTALK"),
          Map.entry(PFLOG, "PFLOG"),
          Map.entry(119, "IEEE802_11_PRISM"),
          Map.entry(122, "IP_OVER_FC"),
          Map.entry(123, "SUNATM"),
          Map.entry(127, "IEEE802_11_RADIOTAP"),
          Map.entry(129, "ARCNET_LINUX"),
          Map.entry(APPLE_IP_OVER_IEEE1394, "APPLE_IP_OVER_IEEE1394"),
          Map.entry(143, "DOCSIS"),
          Map.entry(163, "IEEE802_11_AVS"),
          Map.entry(PPP_PPPD, "PPP_PPPD"),
          Map.entry(187, "BLUETOOTH_HCI_H4"),
          Map.entry(189, "USB_LINUX"),
          Map.entry(192, "PPI"),
          Map.entry(195, "IEEE802_15_4_WITHFCS"),
          Map.entry(201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
          Map.entry(PPP_WITH_DIR, "PPP_WITH_DIR"),
          Map.entry(220, "USB_LINUX_MMAPPED"),
          Map.entry(224, "FC_2"),
          Map.entry(IPNET, "IPNET"),
          Map.entry(227, "CAN_SOCKETCAN"),
          Map.entry(IPV4, "IPV4"),
          Map.entry(IPV6, "IPV6"),
          Map.entry(230, "IEEE802_15_4_NOFCS"),
          Map.entry(231, "DBUS"),
          Map.entry(NFLOG, "NFLOG"),
          Map.entry(NETANALYZER, "NETANALYZER"),
          Map.entry(IPOIB, "IPOIB"),
          Map.entry(247, "INFINIBAND"),
          Map.entry(249, "USBPCAP"),
          Map.entry(252, "WIRESHARK_UPPER_PDU"),
          Map.entry(253, "NETLINK"),
          Map.entry(258, "PKTAP"),
          Map.entry(271, "VSOCK"),
          Map.entry(LINUX_SLL2, "LINUX_SLL2"),
          Map.entry(DSA_TAG_BRCM, "DSA_TAG_BRCM"),
          Map.entry(DSA_TAG_BRCM_PREPEND, "DSA_TAG_BRCM_PREPEND"),
          Map.entry(DSA_TAG_DSA, "DSA_TAG_DSA"),
          Map.entry(DSA_TAG_EDSA, "DSA_TAG_EDSA"));

  private LinkType() {}

  /** Returns the registry's name with the number, or the number alone. */
  public static String describe(int linkType) {
    String name = NAMES.get(linkType);
    return name == null ? Integer.toString(linkType) : name + " (" + linkType + ")";
  }

  /**
   * Returns the layer that packets begin with: 2 (Ethernet) or 3 (IP), or 0 if they are not read.
   */
  static int layer(int linkType) {
    return switch (linkType) {
      case ETHERNET, NETANALYZER, DSA_TAG_BRCM, DSA_TAG_BRCM_PREPEND, DSA_TAG_DSA, DSA_TAG_EDSA ->
          2;
      case NULL,
          SLIP,
          PPP,
          RAW_12,
          RAW_14,
          PPP_HDLC,
          PPP_ETHER,
          ATM_RFC1483,
          RAW,
          C_HDLC,
          ATM_CLIP,
          FRELAY,
          LOOP,
          ENC,
          LINUX_SLL,
          PFLOG,
          APPLE_IP_OVER_IEEE1394,
          PPP_PPPD,
          PPP_WITH_DIR,
          IPNET,
          IPV4,
          IPV6,
          NFLOG,
          IPOIB,
          LINUX_SLL2 ->
          3;
      default -> 0;
    };
  }

  /** Returns the end of a message about a link type that is not supported, with the way out. */
  static String refuse(int linkType) {
    boolean wireless =
        switch (linkType) {
          case 105, 119, 127, 163, 192 -> true;
          default -> false;
        };
    return describe(linkType)
        + ": expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture "
        + (wireless ? "without monitor mode" : "on a network interface with such packets");
  }
}
