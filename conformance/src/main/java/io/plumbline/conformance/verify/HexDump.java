package io.plumbline.conformance.verify;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.List;

/** A frame as hexadecimal lines, with its headers decoded as far as they go. */
public final class HexDump {
  private HexDump() {}

  /** Returns the dump, each line indented by two blanks. */
  public static String of(Packet packet) {
    byte[] bytes = packet.bytes();
    StringBuilder text = new StringBuilder();
    text.append(
        "  %d bytes%s: %s%n"
            .formatted(
                bytes.length,
                packet.outsideTag().map(t -> " + " + t + " outside").orElse(""),
                headers(packet)));
    for (int line = 0; line < bytes.length; line += 16) {
      text.append("  %04x ".formatted(line));
      for (int i = line; i < Math.min(line + 16, bytes.length); i++) {
        text.append(" %02x".formatted(bytes[i]));
      }
      text.append(System.lineSeparator());
    }
    return text.toString();
  }

  /** Returns the headers in one line. */
  public static String headers(Packet packet) {
    PacketView view = new PacketView();
    view.show(packet.withoutOutsideTag());
    List<String> parts = new ArrayList<>();
    try {
      int offset = 12;
      int type = view.u16(offset);
      parts.add("eth type 0x%04x".formatted(type));
      while (type == EtherType.VLAN || type == EtherType.QINQ) {
        parts.add("tag tci %d".formatted(view.u16(offset + 2)));
        offset += 4;
        type = view.u16(offset);
        parts.add("type 0x%04x".formatted(type));
      }
      if (type == EtherType.IPV4) {
        int l3 = offset + 2;
        int word = view.u8(l3);
        parts.add("ipv4 version %d ihl %d".formatted(word >> 4, word & 15));
        parts.add("fragment 0x%04x".formatted(view.u16(l3 + 6)));
        parts.add("protocol %d".formatted(view.u8(l3 + 9)));
        parts.add(
            "to %d.%d.%d.%d"
                .formatted(view.u8(l3 + 16), view.u8(l3 + 17), view.u8(l3 + 18), view.u8(l3 + 19)));
        int l4 = l3 + 4 * (word & 15);
        parts.add("ports %d > %d".formatted(view.u16(l4), view.u16(l4 + 2)));
      } else if (type == EtherType.IPV6) {
        int l3 = offset + 2;
        int next = view.u8(l3 + 6);
        parts.add("ipv6 version %d".formatted(view.u8(l3) >> 4));
        parts.add("next header %d".formatted(next));
        Prefix to = new Prefix(Family.IPV6, view.u64(l3 + 24), view.u64(l3 + 32), 128);
        parts.add("to " + to.address());
        if (next == IpProtocol.TCP || next == IpProtocol.UDP) {
          parts.add("ports %d > %d".formatted(view.u16(l3 + 40), view.u16(l3 + 42)));
        }
      }
    } catch (IndexOutOfBoundsException e) {
      parts.add("cut here");
    }
    return String.join(", ", parts);
  }
}
