package io.plumbline.model.policy;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Packets of one class whose addresses and ports lie in ranges: the normal form of every selector.
 *
 * @param flowClass the class
 * @param destination where to; of ARP, not looked at
 * @param destinationPorts of TCP and UDP; of ICMP the message type; of ARP, not looked at
 * @param source where from
 * @param sourcePorts of TCP and UDP
 */
public record Box(
    FlowClass flowClass,
    Prefix destination,
    PortRange destinationPorts,
    Prefix source,
    PortRange sourcePorts) {
  /** All ARP packets. */
  public static final Box ARP =
      new Box(FlowClass.ARP, Prefix.ANY_IPV4, PortRange.ANY, Prefix.ANY_IPV4, PortRange.ANY);

  /** Returns whether a packet, given by its fields, is in it. */
  public boolean contains(Flow flow) {
    return flow.flowClass() == flowClass
        && (flowClass == FlowClass.ARP
            || destination.contains(flow.destinationHi(), flow.destinationLo())
                && destinationPorts.contains(flow.destinationPort())
                && source.contains(flow.sourceHi(), flow.sourceLo())
                && sourcePorts.contains(flow.sourcePort()));
  }

  /** Returns the selector that matches just these packets. */
  @Override
  public String toString() {
    if (flowClass == FlowClass.ARP) {
      return "arp";
    }
    return flowClass.word()
        + "/"
        + endpoint(destination, destinationPorts)
        + (source.length() == 0 && sourcePorts.equals(PortRange.ANY)
            ? ""
            : " from " + endpoint(source, sourcePorts));
  }

  private static String endpoint(Prefix prefix, PortRange ports) {
    return prefix + (ports.equals(PortRange.ANY) ? "" : ":" + ports);
  }

  /** Returns how many things the box demands of a packet: the class counts as one or two. */
  int predicates() {
    if (flowClass == FlowClass.ARP) {
      return 1;
    }
    return 2
        + (destination.length() > 0 ? 1 : 0)
        + (destinationPorts.equals(PortRange.ANY) ? 0 : 1)
        + (source.length() > 0 ? 1 : 0)
        + (sourcePorts.equals(PortRange.ANY) ? 0 : 1);
  }

  /** Returns the selectors of several boxes, with commas between. */
  public static String join(List<Box> boxes) {
    return boxes.stream().map(Box::toString).collect(Collectors.joining(", "));
  }
}
