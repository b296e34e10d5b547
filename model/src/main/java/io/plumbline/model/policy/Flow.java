package io.plumbline.model.policy;

/**
 * What rules look at in one packet.
 *
 * @param destinationHi an IPv4 address, or the first half of an IPv6 address
 * @param destinationLo the second half of an IPv6 address
 * @param destinationPort of TCP and UDP; of ICMP the type; otherwise 0
 */
public record Flow(
    FlowClass flowClass,
    long destinationHi,
    long destinationLo,
    int destinationPort,
    long sourceHi,
    long sourceLo,
    int sourcePort) {
  /** Any ARP packet. */
  public static final Flow ARP = new Flow(FlowClass.ARP, 0, 0, 0, 0, 0, 0);

  /** Returns the flow whose fields are given in the order of the levels of {@link Diagrams}. */
  public static Flow of(long[] key) {
    return new Flow(
        FlowClass.of((int) key[0]), key[1], key[2], (int) key[3], key[4], key[5], (int) key[6]);
  }

  /** Returns the selector that matches just this flow. */
  @Override
  public String toString() {
    return flowClass.family().map(this::box).orElse(Box.ARP).toString();
  }

  /** Returns the selector that matches every flow to this one's destination and port. */
  public String destination() {
    return flowClass
        .family()
        .map(
            family ->
                new Box(
                    flowClass,
                    new Prefix(family, destinationHi, destinationLo, family.bits()),
                    PortRange.of(destinationPort),
                    Prefix.any(family),
                    PortRange.ANY))
        .orElse(Box.ARP)
        .toString();
  }

  private Box box(Family family) {
    return new Box(
        flowClass,
        new Prefix(family, destinationHi, destinationLo, family.bits()),
        PortRange.of(destinationPort),
        new Prefix(family, sourceHi, sourceLo, family.bits()),
        flowClass.icmp() ? PortRange.ANY : PortRange.of(sourcePort));
  }
}
