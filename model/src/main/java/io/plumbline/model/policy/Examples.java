package io.plumbline.model.policy;

/** Flows that stand for a set of them. */
public final class Examples {
  /** Documentation addresses (RFC 5737, RFC 3849), for where any will do. */
  private static final Prefix ANYWHERE_IPV4 = Prefix.ipv4(0xC000_0201);

  private static final Prefix ANYWHERE_IPV6 =
      new Prefix(Family.IPV6, 0x2001_0DB8_0000_0000L, 1, 128);
  private static final int SOURCE_PORT = 49152;
  private static final int PORT = 443;

  private Examples() {}

  /** Returns a usual flow of a box. */
  public static Flow of(Box box) {
    if (box.flowClass() == FlowClass.ARP) {
      return Flow.ARP;
    }
    Prefix to = address(box.destination());
    Prefix from = address(box.source());
    int port = box.flowClass().icmp() ? 8 : PORT;
    return new Flow(
        box.flowClass(),
        to.hi(),
        to.lo(),
        inside(box.destinationPorts(), port),
        from.hi(),
        from.lo(),
        box.flowClass().icmp() ? 0 : inside(box.sourcePorts(), SOURCE_PORT));
  }

  private static Prefix address(Prefix prefix) {
    Prefix usual = prefix.family() == Family.IPV4 ? ANYWHERE_IPV4 : ANYWHERE_IPV6;
    return prefix.contains(usual) ? usual : prefix;
  }

  private static int inside(PortRange range, int usual) {
    return range.contains(usual) ? usual : range.low();
  }

  /** Returns the flow of a box with the lowest addresses and ports. */
  static Flow low(Box box) {
    return corner(box, box.destinationPorts().low(), box.sourcePorts().low(), false);
  }

  /** Returns the flow of a box with the highest addresses and ports. */
  static Flow high(Box box) {
    return corner(box, box.destinationPorts().high(), box.sourcePorts().high(), true);
  }

  private static Flow corner(Box box, int port, int sourcePort, boolean last) {
    if (box.flowClass() == FlowClass.ARP) {
      return Flow.ARP;
    }
    return new Flow(
        box.flowClass(),
        last ? box.destination().lastHi() : box.destination().hi(),
        last ? box.destination().lastLo() : box.destination().lo(),
        box.flowClass().icmp() ? port & 0xFF : port,
        last ? box.source().lastHi() : box.source().hi(),
        last ? box.source().lastLo() : box.source().lo(),
        box.flowClass().icmp() ? 0 : sourcePort);
  }
}
