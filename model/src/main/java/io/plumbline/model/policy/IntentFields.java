package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.FieldTable;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Form;
import io.plumbline.model.ruleset.Form.Base;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.model.ruleset.ValueRange;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * The fields of intent policies: a row for each, with its location in the headers of each class.
 * Offsets are those of RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768 and
 * RFC 792.
 */
public final class IntentFields {
  /** A {@link FlowClass} by its number. */
  public static final Field CLASS =
      Field.enumeration(
          "class",
          Arrays.stream(FlowClass.values())
              .map(flowClass -> flowClass.name().toLowerCase(Locale.ROOT))
              .toList());

  public static final Field DESTINATION =
      Field.prefix("destination", forms(c -> address(c, "destination", 30, 38, "daddr")));

  /** Of ICMP, the message type. */
  public static final Field DESTINATION_PORT =
      Field.range("destination port", forms(IntentFields::destinationPort));

  public static final Field SOURCE =
      Field.prefix("source", forms(c -> address(c, "source", 26, 22, "saddr")));

  public static final Field SOURCE_PORT =
      Field.range("source port", forms(IntentFields::sourcePort));

  /** All fields, in the order of decision diagrams. */
  public static final FieldTable TABLE =
      new FieldTable(
          List.of(CLASS, DESTINATION, DESTINATION_PORT, SOURCE, SOURCE_PORT), IntentFields::text);

  /** All ARP packets. */
  public static final FlowRegion ALL_ARP = TABLE.any(FlowClass.ARP.index());

  /** Any ARP packet. */
  public static final Flow ARP = ALL_ARP.lowest();

  private IntentFields() {}

  private static List<Form> forms(Function<FlowClass, Form> form) {
    return Arrays.stream(FlowClass.values()).map(form).toList();
  }

  /** Examples are documentation addresses (RFC 5737, RFC 3849). */
  private static Form address(FlowClass flowClass, String name, int ipv4, int ipv6, String header) {
    return flowClass
        .family()
        .map(
            family ->
                switch (family) {
                  case IPV4 ->
                      Form.of(name, 32)
                          .at(Base.FRAME, ipv4, "ip." + header)
                          .example(0xC000_0201L, 0);
                  case IPV6 ->
                      Form.of(name, 128)
                          .at(Base.FRAME, ipv6, "ip6." + header)
                          .example(0x2001_0DB8_0000_0000L, 1);
                })
        .orElse(Form.NONE);
  }

  private static Form destinationPort(FlowClass flowClass) {
    return switch (flowClass) {
      case ARP -> Form.NONE;
      case TCP4, UDP4, TCP6, UDP6 ->
          Form.of("destination port", 16).at(Base.TRANSPORT, 2, "dport").example(443, 0);
      case ICMP4, ICMP6 -> Form.of("type", 8).at(Base.TRANSPORT, 0, "icmp.type").example(8, 0);
    };
  }

  private static Form sourcePort(FlowClass flowClass) {
    return switch (flowClass) {
      case ARP, ICMP4, ICMP6 -> Form.NONE;
      case TCP4, UDP4, TCP6, UDP6 ->
          Form.of("source port", 16).at(Base.TRANSPORT, 0, "sport").example(49152, 0);
    };
  }

  /**
   * Returns the packets of a class with given addresses and ports.
   *
   * @param ports of ICMP, message types; {@link PortRange#ANY} for all
   * @param sourcePorts not looked at if the class has none
   */
  public static FlowRegion region(
      FlowClass flowClass,
      Prefix destination,
      PortRange ports,
      Prefix source,
      PortRange sourcePorts) {
    int c = flowClass.index();
    return new FlowRegion(
        TABLE,
        ValueRange.of(c),
        destination,
        ports.equals(PortRange.ANY) ? DESTINATION_PORT.any(c) : ports.values(),
        source,
        sourcePorts.equals(PortRange.ANY) ? SOURCE_PORT.any(c) : sourcePorts.values());
  }

  /**
   * Returns a flow.
   *
   * @param destinationHi an IPv4 address, or the first half of an IPv6 address
   * @param destinationLo the second half of an IPv6 address
   * @param destinationPort of TCP and UDP; of ICMP the type
   */
  public static Flow flow(
      FlowClass flowClass,
      long destinationHi,
      long destinationLo,
      int destinationPort,
      long sourceHi,
      long sourceLo,
      int sourcePort) {
    long[] key = new long[TABLE.levels()];
    key[0] = flowClass.index();
    put(key, DESTINATION, destinationHi, destinationLo);
    key[TABLE.level(DESTINATION_PORT)] = destinationPort;
    put(key, SOURCE, sourceHi, sourceLo);
    key[TABLE.level(SOURCE_PORT)] = sourcePort;
    return new Flow(TABLE, key);
  }

  private static void put(long[] key, Field field, long hi, long lo) {
    key[TABLE.level(field)] = hi;
    key[TABLE.level(field) + 1] = lo;
  }

  /** Returns the class of a flow. */
  public static FlowClass flowClass(Flow flow) {
    return FlowClass.of(flow.flowClass());
  }

  /** Returns the class of a region. */
  public static FlowClass flowClass(FlowRegion region) {
    return FlowClass.of(region.flowClass());
  }

  /** Returns the destinations of a region; of ARP, every IPv4 address. */
  public static Prefix destination(FlowRegion region) {
    return (Prefix) region.get(DESTINATION);
  }

  /** Returns the sources of a region; of ARP, every IPv4 address. */
  public static Prefix source(FlowRegion region) {
    return (Prefix) region.get(SOURCE);
  }

  /** Returns the destination ports of a region, or its message types. */
  public static PortRange destinationPorts(FlowRegion region) {
    return ports(region, DESTINATION_PORT);
  }

  /** Returns the source ports of a region; {@link PortRange#ANY} if its class has none. */
  public static PortRange sourcePorts(FlowRegion region) {
    return ports(region, SOURCE_PORT);
  }

  private static PortRange ports(FlowRegion region, Field field) {
    return region.isAny(field) ? PortRange.ANY : PortRange.of((ValueRange) region.get(field));
  }

  /** Returns the region of every flow with the destination and port of this one. */
  public static FlowRegion toDestination(Flow flow) {
    int c = flow.flowClass();
    return flow.region().with(SOURCE, SOURCE.any(c)).with(SOURCE_PORT, SOURCE_PORT.any(c));
  }

  /** Returns the number of a region's predicates: an IP packet's class is two, ARP one. */
  static int predicates(FlowRegion region) {
    return (flowClass(region) == FlowClass.ARP ? 1 : 2) + region.demands();
  }

  /** Returns the selector that matches just the packets of a region. */
  public static String text(FlowRegion region) {
    FlowClass flowClass = flowClass(region);
    if (flowClass == FlowClass.ARP) {
      return flowClass.word();
    }
    String from =
        region.isAny(SOURCE) && region.isAny(SOURCE_PORT)
            ? ""
            : " from " + endpoint(region, SOURCE, SOURCE_PORT);
    return flowClass.word() + "/" + endpoint(region, DESTINATION, DESTINATION_PORT) + from;
  }

  private static String endpoint(FlowRegion region, Field address, Field port) {
    return region.get(address) + (region.isAny(port) ? "" : ":" + region.get(port));
  }
}
