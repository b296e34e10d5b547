package io.plumbline.pcaps;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Optional;

/**
 * Builds frames header by header, in the order of the wire: {@code
 * eth().vlan(5).ipv4("192.0.2.1").tcp(1024, 443)}.
 *
 * <p>Each header sets the type field of the one before it. Any byte can be set afterwards, so that
 * malformed frames are as easy to write as good ones. Checksums are left zero: no program looks at
 * them.
 */
public final class PacketBuilder {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(64);
  private byte[] bytes = new byte[0];
  private int typeOffset = -1;
  private int ipv4Offset = -1;
  private Optional<VlanTag> outsideTag = Optional.empty();

  private PacketBuilder() {}

  /**
   * Starts with an Ethernet header of documentation addresses and EtherType 0x88B5 (local
   * experimental).
   */
  public static PacketBuilder eth() {
    PacketBuilder builder = new PacketBuilder();
    builder.append(0x02, 0, 0x5E, 0, 0x53, 1, 0x02, 0, 0x5E, 0, 0x53, 2, 0x88, 0xB5);
    builder.typeOffset = 12;
    return builder;
  }

  /** Sets the type field of the latest Ethernet or VLAN header. */
  public PacketBuilder type(int etherType) {
    return u16(typeOffset, etherType);
  }

  /** Adds an 802.1Q tag. */
  public PacketBuilder vlan(int tci) {
    return tag(EtherType.VLAN, tci);
  }

  /** Adds a tag of any protocol identifier. */
  public PacketBuilder tag(int tpid, int tci) {
    type(tpid);
    append(tci >>> 8, tci, 0x88, 0xB5);
    typeOffset = bytes.length - 2;
    return this;
  }

  /** Sets a VLAN tag outside the frame's bytes. */
  public PacketBuilder outsideTag(VlanTag tag) {
    outsideTag = Optional.of(tag);
    return this;
  }

  /** Adds an IPv4 header without options, from 192.0.2.1, with no payload protocol yet (253). */
  public PacketBuilder ipv4(int destination) {
    type(EtherType.IPV4);
    ipv4Offset = bytes.length;
    append(0x45, 0, 0, 40, 0, 1, 0, 0, 64, 253, 0, 0, 192, 0, 2, 1);
    append(destination >>> 24, destination >>> 16, destination >>> 8, destination);
    return this;
  }

  /** Adds an IPv4 header for a dotted quad. */
  public PacketBuilder ipv4(String destination) {
    String[] parts = destination.split("\\.", -1);
    int address = 0;
    for (String part : parts) {
      int octet = Integer.parseInt(part);
      if (octet < 0 || octet > 0xFF || parts.length != 4) {
        throw new NumberFormatException(destination + ": expected A.B.C.D");
      }
      address = address << 8 | octet;
    }
    return ipv4(address);
  }

  /** Sets the version nibble of the IPv4 header. */
  public PacketBuilder version(int version) {
    return u8(ipv4Offset, version << 4 | bytes[ipv4Offset] & 0x0F);
  }

  /**
   * Sets the header length nibble, and adds or keeps as many option bytes (NOP) as it promises;
   * call it before the payload.
   */
  public PacketBuilder ihl(int words) {
    u8(ipv4Offset, bytes[ipv4Offset] & 0xF0 | words);
    for (int i = 20; i < words * 4; i++) {
      append(1);
    }
    return this;
  }

  /**
   * Sets the flags and fragment offset field: offset in units of 8 bytes, or'ed with 0x2000 (MF),
   * 0x4000 (DF), 0x8000.
   */
  public PacketBuilder fragment(int field) {
    return u16(ipv4Offset + 6, field);
  }

  /** Sets the IPv4 protocol. */
  public PacketBuilder protocol(int protocol) {
    return u8(ipv4Offset + 9, protocol);
  }

  /** Sets the IPv4 source address. */
  public PacketBuilder source(int address) {
    return u16(ipv4Offset + 12, address >>> 16).u16(ipv4Offset + 14, address);
  }

  /** Adds a TCP header without options (SYN). */
  public PacketBuilder tcp(int sourcePort, int destinationPort) {
    protocolIfIpv4(IpProtocol.TCP);
    append(sourcePort >>> 8, sourcePort, destinationPort >>> 8, destinationPort);
    return append(0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xFF, 0xFF, 0, 0, 0, 0);
  }

  /** Adds a UDP header. */
  public PacketBuilder udp(int sourcePort, int destinationPort) {
    protocolIfIpv4(IpProtocol.UDP);
    append(sourcePort >>> 8, sourcePort, destinationPort >>> 8, destinationPort);
    return append(0, 8, 0, 0);
  }

  /** Adds an ICMP echo request header. */
  public PacketBuilder icmp() {
    protocolIfIpv4(IpProtocol.ICMP);
    return append(8, 0, 0, 0, 0, 1, 0, 1);
  }

  /** Adds an ARP request for IPv4 over Ethernet (RFC 826). */
  public PacketBuilder arp() {
    type(EtherType.ARP);
    append(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0x5E, 0, 0x53, 2, 192, 0, 2, 1);
    return append(0, 0, 0, 0, 0, 0, 192, 0, 2, 2);
  }

  /** Adds an IPv6 header (RFC 8200 section 3) between documentation addresses. */
  public PacketBuilder ipv6(int nextHeader) {
    type(EtherType.IPV6);
    append(0x60, 0, 0, 0, 0, 8, nextHeader, 64);
    append(0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    return append(0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
  }

  /** Adds zero bytes up to a frame length. */
  public PacketBuilder pad(int length) {
    return append(new int[Math.max(0, length - bytes.length)]);
  }

  /** Keeps the first bytes only. */
  public PacketBuilder cut(int length) {
    bytes = Arrays.copyOf(bytes, Math.min(length, bytes.length));
    out.reset();
    out.writeBytes(bytes);
    return this;
  }

  /** Adds bytes, the low eight bits of each number. */
  public PacketBuilder append(int... more) {
    for (int b : more) {
      out.write(b);
    }
    bytes = out.toByteArray();
    return this;
  }

  /** Sets one byte. */
  public PacketBuilder u8(int offset, int value) {
    bytes[offset] = (byte) value;
    out.reset();
    out.writeBytes(bytes);
    return this;
  }

  /** Sets two bytes, big-endian. */
  public PacketBuilder u16(int offset, int value) {
    return u8(offset, value >>> 8).u8(offset + 1, value);
  }

  /** Returns how many bytes there are. */
  public int length() {
    return bytes.length;
  }

  /** Returns the frame. */
  public Packet build() {
    Packet packet = Packet.of(bytes);
    return outsideTag.map(packet::withOutsideTag).orElse(packet);
  }

  private void protocolIfIpv4(int protocol) {
    if (ipv4Offset >= 0) {
      protocol(protocol);
    }
  }
}
