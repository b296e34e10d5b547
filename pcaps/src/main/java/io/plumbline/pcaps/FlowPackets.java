package io.plumbline.pcaps;

import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.policy.Family;
import io.plumbline.model.policy.Flow;

/** Well-formed frames of flows. */
public final class FlowPackets {
  private static final int IPV6_LENGTH = 40;

  private FlowPackets() {}

  /** Returns the smallest well-formed frame of a flow: headers, and no payload. */
  public static PacketBuilder of(Flow flow) {
    if (flow.flowClass().family().isEmpty()) {
      return PacketBuilder.eth().arp();
    }
    return flow.flowClass().family().get() == Family.IPV4 ? ipv4(flow, 5) : ipv6(flow);
  }

  /**
   * Returns the frame of an IPv4 flow whose header has options.
   *
   * @param words length of the header in units of 4 bytes, 5..15
   */
  public static PacketBuilder ipv4(Flow flow, int words) {
    PacketBuilder builder = PacketBuilder.eth().ipv4((int) flow.destinationHi());
    builder.source((int) flow.sourceHi()).ihl(words);
    transport(builder.protocol(flow.flowClass().protocol()), flow);
    return builder.u16(14 + 2, builder.length() - 14);
  }

  private static PacketBuilder ipv6(Flow flow, int... extensions) {
    int protocol = flow.flowClass().protocol();
    PacketBuilder builder =
        PacketBuilder.eth().ipv6(extensions.length == 0 ? protocol : extensions[0]);
    for (int i = 0; i < 8; i++) {
      int shift = 56 - 8 * i;
      builder.u8(14 + 8 + i, (int) (flow.sourceHi() >>> shift) & 0xFF);
      builder.u8(14 + 16 + i, (int) (flow.sourceLo() >>> shift) & 0xFF);
      builder.u8(14 + 24 + i, (int) (flow.destinationHi() >>> shift) & 0xFF);
      builder.u8(14 + 32 + i, (int) (flow.destinationLo() >>> shift) & 0xFF);
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
    int protocol = flow.flowClass().protocol();
    if (protocol == IpProtocol.TCP || protocol == IpProtocol.UDP) {
      int s = flow.sourcePort();
      int d = flow.destinationPort();
      if (protocol == IpProtocol.TCP) {
        builder.tcp(s, d);
      } else {
        builder.udp(s, d);
      }
    } else {
      builder.append(flow.destinationPort(), 0, 0, 0, 0, 1, 0, 1);
    }
  }
}
