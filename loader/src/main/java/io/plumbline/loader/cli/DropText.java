package io.plumbline.loader.cli;

import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.DropEvents.Event;
import io.plumbline.loader.json.Json;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Prefix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;

/** Drops as text, JSON, CSV and pcap. */
final class DropText {
  static final String CSV_HEAD =
      "time,ifname,direction,program,protocol,source,sourcePort,destination,destinationPort,length,reason,suppressed,verdict\n";

  private static final int ETHERNET = 14;
  private static final int IPV6_BYTES = 40;
  private static final int SNAP_LENGTH = 65535;

  private DropText() {}

  /**
   * What a packet is, as far as its first bytes say.
   *
   * @param protocol {@code tcp}, {@code udp}, a number, or {@code ethertype 0x...}
   */
  record Flow(
      String protocol, String source, int sourcePort, String destination, int destinationPort) {
    String text() {
      return source.isEmpty()
          ? protocol
          : "%s %s -> %s"
              .formatted(protocol, end(source, sourcePort), end(destination, destinationPort));
    }

    private static String end(String address, int port) {
      String host = address.contains(":") && port >= 0 ? "[" + address + "]" : address;
      return port < 0 ? host : host + ":" + port;
    }
  }

  static Flow flow(Packet packet) {
    byte[] b = packet.bytes();
    if (b.length < ETHERNET) {
      return new Flow("truncated", "", -1, "", -1);
    }
    int type = packet.outsideTag().map(VlanTag::tpid).orElse(u16(b, 12));
    if (type == 0x0806) {
      return new Flow("arp", "", -1, "", -1);
    }
    if (type == 0x0800 && b.length >= ETHERNET + 20) {
      int l4 = ETHERNET + (b[ETHERNET] & 0x0F) * 4;
      boolean later = (u16(b, ETHERNET + 6) & 0x1FFF) != 0;
      return flow(b, b[ETHERNET + 9] & 0xFF, later ? b.length : l4, ETHERNET + 12, 4);
    }
    if (type == 0x86DD && b.length >= ETHERNET + IPV6_BYTES) {
      return flow(b, b[ETHERNET + 6] & 0xFF, ETHERNET + IPV6_BYTES, ETHERNET + 8, 16);
    }
    return new Flow("ethertype 0x%04x".formatted(type), "", -1, "", -1);
  }

  private static Flow flow(byte[] b, int protocol, int l4, int addresses, int size) {
    boolean ports = (protocol == 6 || protocol == 17) && b.length >= l4 + 4;
    String name =
        switch (protocol) {
          case 1 -> "icmp";
          case 6 -> "tcp";
          case 17 -> "udp";
          case 58 -> "icmp6";
          default -> "ip-" + protocol;
        };
    return new Flow(
        name,
        address(b, addresses, size),
        ports ? u16(b, l4) : -1,
        address(b, addresses + size, size),
        ports ? u16(b, l4 + 2) : -1);
  }

  private static String address(byte[] b, int at, int size) {
    ByteBuffer bytes = ByteBuffer.wrap(b, at, size);
    return size == 4
        ? Prefix.ipv4(bytes.getInt()).address()
        : new Prefix(Family.IPV6, bytes.getLong(), bytes.getLong(), 128).address();
  }

  private static int u16(byte[] b, int at) {
    return (b[at] & 0xFF) << 8 | b[at + 1] & 0xFF;
  }

  /** Returns what became of a packet: in observe mode it was not dropped. */
  static String verdict(Attachment attachment) {
    return attachment.observing() ? "would_drop" : "drop";
  }

  /**
   * Returns an event as a line for people.
   *
   * @param missed how many drops there were since the last event that were not shown
   */
  static String text(Attachment attachment, Event event, DropReason reason, long missed) {
    String why = reason.of(event.packet());
    return "%s %s %s %s %s %d bytes%s%s%s%n"
        .formatted(
            event.time(),
            attachment.ifname(),
            attachment.direction().word(),
            verdict(attachment),
            flow(event.packet()).text(),
            event.length(),
            event.packet().outsideTag().map(tag -> " " + tag).orElse(""),
            why.isEmpty() ? "" : " " + why,
            missed == 0 ? "" : " (%d more not shown)".formatted(missed));
  }

  static Json json(Attachment attachment, Event event, DropReason reason, long missed) {
    Flow flow = flow(event.packet());
    return Json.Obj.of(
        "time", event.time().toString(),
        "ifname", attachment.ifname(),
        "direction", attachment.direction().word(),
        "program", attachment.name(),
        "id", attachment.programId(),
        "protocol", flow.protocol,
        "source", flow.source,
        "sourcePort", port(flow.sourcePort),
        "destination", flow.destination,
        "destinationPort", port(flow.destinationPort),
        "length", event.length(),
        "vlan", event.packet().outsideTag().map(VlanTag::toString).orElse(""),
        "reason", reason.of(event.packet()),
        "suppressed", missed,
        "verdict", verdict(attachment));
  }

  private static Json port(int port) {
    return port < 0 ? new Json.Null() : Json.of(port);
  }

  static String csv(Attachment attachment, Event event, DropReason reason, long missed) {
    Flow flow = flow(event.packet());
    List<Object> fields =
        List.of(
            event.time(),
            attachment.ifname(),
            attachment.direction().word(),
            attachment.name(),
            flow.protocol,
            flow.source,
            flow.sourcePort < 0 ? "" : flow.sourcePort,
            flow.destination,
            flow.destinationPort < 0 ? "" : flow.destinationPort,
            event.length(),
            reason.of(event.packet()),
            missed,
            verdict(attachment));
    return fields.stream().map(DropText::quoted).collect(Collectors.joining(",")) + "\n";
  }

  /** Quotes a field as RFC 4180 says, where it has to be. */
  private static String quoted(Object field) {
    String text = field.toString();
    return text.matches("[^,\"\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
  }

  /** Returns the beginning of a classic capture file of Ethernet frames, in nanoseconds. */
  static byte[] pcapHeader() {
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0xA1B23C4D)
        .putShort((short) 2)
        .putShort((short) 4)
        .putLong(0)
        .putInt(SNAP_LENGTH)
        .putInt(1)
        .array();
  }

  /** Returns a packet's record; a tag outside the frame goes where it stands on the wire. */
  static byte[] pcapRecord(Event event) {
    byte[] bytes = event.packet().bytes();
    int length = event.packet().wireLength();
    if (event.packet().outsideTag().isPresent() && bytes.length >= ETHERNET) {
      int tag = event.packet().outsideTag().get().word();
      bytes =
          ByteBuffer.allocate(bytes.length + 4)
              .put(bytes, 0, 12)
              .putInt(tag)
              .put(bytes, 12, bytes.length - 12)
              .array();
      length += 4;
    }
    Instant time = event.time();
    return ByteBuffer.allocate(16 + bytes.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt((int) time.getEpochSecond())
        .putInt(time.getNano())
        .putInt(bytes.length)
        .putInt(length)
        .put(bytes)
        .array();
  }
}
