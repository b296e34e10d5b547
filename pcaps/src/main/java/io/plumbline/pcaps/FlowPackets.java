package io.plumbline.pcaps;

import static io.plumbline.model.policy.IntentFields.DESTINATION;
import static io.plumbline.model.policy.IntentFields.DESTINATION_PORT;
import static io.plumbline.model.policy.IntentFields.SOURCE;
import static io.plumbline.model.policy.IntentFields.SOURCE_PORT;
import static io.plumbline.model.policy.IntentFields.flowClass;

import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Flow;

/** Well-formed frames of flows. */
public final class FlowPackets {
  private static final int IPV6_LENGTH = 40;

  private FlowPackets() {}

  /** Returns the smallest well-formed frame of a flow: headers, and no payload. */
  public static PacketBuilder of(Flow flow) {
    if (flowClass(flow).family().isEmpty()) {
      return PacketBuilder.eth().arp();
    }
    return flowClass(flow).family().get() == Family.IPV4 ? ipv4(flow, 5) : ipv6(flow);
  }

  /**
   * Returns the frame of an IPv4 flow whose header has options.
   *
   * @param words length of the header in units of 4 bytes, 5..15
   */
  public static PacketBuilder ipv4(Flow flow, int words) {
    PacketBuilder builder = PacketBuilder.eth().ipv4((int) flow.get(DESTINATION));
    builder.source((int) flow.get(SOURCE)).ihl(words);
    transport(builder.protocol(flowClass(flow).protocol()), flow);
    return builder.u16(14 + 2, builder.length() - 14);
  }

  private static PacketBuilder ipv6(Flow flow, int... extensions) {
    int protocol = flowClass(flow).protocol();
    PacketBuilder builder =
        PacketBuilder.eth().ipv6(extensions.length == 0 ? protocol : extensions[0]);
    for (int i = 0; i < 8; i++) {
      int shift = 56 - 8 * i;
      builder.u8(14 + 8 + i, (int) (flow.get(SOURCE) >>> shift) & 0xFF);
      builder.u8(14 + 16 + i, (int) (flow.lower(SOURCE) >>> shift) & 0xFF);
      builder.u8(14 + 24 + i, (int) (flow.get(DESTINATION) >>> shift) & 0xFF);
      builder.u8(14 + 32 + i, (int) (flow.lower(DESTINATION) >>> shift) & 0xFF);
    }
    for (int i = 0; i < extensions.length; i++) {
      builder.append(i + 1 < extensions.length ? extensions[i + 1] : protocol, 0, 0, 0, 0, 0, 0, 0);
    }
    transport(builder, flow);
    return builder.u16(14 + 4, builder.length() - 14 - IPV6_LENGTH);
  }

  /**
   * Returns the frame of an IPv6 flow behind extension headers of 8 bytes, zero but for their next
   * header.
   */
  public static PacketBuilder behindExtensions(Flow flow, int... extensions) {
    return ipv6(flow, extensions);
  }

  private static void transport(PacketBuilder builder, Flow flow) {
    int protocol = flowClass(flow).protocol();
    if (protocol == IpProtocol.TCP || protocol == IpProtocol.UDP) {
      int s = (int) flow.get(SOURCE_PORT);
      int d = (int) flow.get(DESTINATION_PORT);
      if (protocol == IpProtocol.TCP) {
        builder.tcp(s, d);
      } else {
        builder.udp(s, d);
      }
    } else {
      builder.append((int) flow.get(DESTINATION_PORT), 0, 0, 0, 0, 1, 0, 1);
    }
  }
}
