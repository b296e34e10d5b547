package io.plumbline.pcaps;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.program.Input;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Frames that stand on the edges of what programs distinguish: every EtherType, protocol, port and
 * address that the inputs name and their neighbours, every header cut at every byte, header lengths
 * 0..15, fragments, and up to three VLAN tags, in the frame or outside. Deterministic: the same
 * inputs and seed give the same frames.
 */
public final class PacketGenerator {
  private static final int[] FRAGMENTS = {
    0, 1, 0x00FF, 0x0100, 0x1FFF, 0x2000, 0x2001, 0x4000, 0x8000, 0xE000, 0xFFFF
  };
  private static final int[][] TAG_STACKS = {
    {},
    {0x8100},
    {0x88A8},
    {0x9100},
    {0x88A8, 0x8100},
    {0x8100, 0x8100},
    {0x8100, 0x88A8},
    {0x8100, 0x9100},
    {0x88A8, 0x8100, 0x8100},
    {0x8100, 0x8100, 0x88A8}
  };

  private final List<Integer> etherTypes =
      new ArrayList<>(
          List.of(
              0,
              0x05DC,
              0x05FF,
              0x0600,
              0x07FF,
              EtherType.IPV4,
              0x0801,
              0x0008,
              EtherType.ARP,
              EtherType.IPV6,
              EtherType.VLAN,
              EtherType.QINQ,
              0x9100,
              0x8863,
              0x88B5,
              0xFFFF));
  private final List<Integer> addresses =
      new ArrayList<>(
          List.of(
              0,
              -1,
              10 << 24,
              (10 << 24) - 1,
              (11 << 24) - 1,
              11 << 24,
              0xAC0FFFFF,
              0xAC000000,
              0xAC100000,
              0xAC110001,
              0xAC1FFFFF,
              0xAC200000,
              0xC0A7FFFF,
              0xC0A80000,
              0xC0A80100,
              0xC0A8FFFF,
              0xC0A90000,
              0x7EFFFFFF,
              0x7F000000,
              0x7F000001,
              0x7F010000,
              0x7FFFFFFF,
              0x80000000,
              0xC0000201,
              0xE0000001));
  private final List<Integer> protocols =
      new ArrayList<>(
          List.of(
              IpProtocol.TCP, IpProtocol.UDP, IpProtocol.ICMP, 0, 5, 7, 16, 18, 47, 64, 132, 255));
  private final List<Integer> ports =
      new ArrayList<>(List.of(0, 1, 21, 22, 23, 52, 53, 54, 80, 443, 5632, 13568, 65534, 65535));

  /** The port of frames that are about something else. */
  private int plainPort = 53;

  /** Makes a generator for programs with these inputs. */
  public PacketGenerator(List<Input> inputs) {
    for (Input input : inputs) {
      if (input instanceof Input.Ipv4Address ip) {
        around(addresses, ip.address());
        addresses.add(Integer.reverseBytes(ip.address()));
        addresses.add(ip.address() ^ 0x80000000);
        addresses.add(ip.address() ^ 0x00010000);
        addresses.add(ip.address() ^ 0x00000100);
      } else if (input instanceof Input.Port port) {
        plainPort = port.port();
        around(ports, port.port());
        ports.add(Short.toUnsignedInt(Short.reverseBytes((short) port.port())));
        ports.add(port.port() ^ 0x0100);
      } else if (input instanceof Input.EtherTypes types) {
        types.allowed().forEach(type -> around(etherTypes, type));
      } else if (input instanceof Input.Protocols list) {
        list.allowed().forEach(protocol -> around(protocols, protocol));
      }
    }
    etherTypes.replaceAll(type -> type & 0xFFFF);
    ports.replaceAll(port -> port & 0xFFFF);
    protocols.replaceAll(protocol -> protocol & 0xFF);
  }

  private static void around(List<Integer> values, int value) {
    values.addAll(List.of(value, value - 1, value + 1));
  }

  /**
   * Appends every systematic frame: each property's whole range with the others at a plain value,
   * and the pairs that matter.
   */
  public void systematic(PacketBatch batch) {
    for (int type : etherTypes) {
      for (int[] stack : TAG_STACKS) {
        addAllTags(batch, tags(stack).type(type).pad(60));
        addAllTags(batch, tags(stack).ipv4(addresses.get(0)).tcp(22, ports.get(0)).type(type));
      }
    }
    for (int address : addresses) {
      for (int protocol : protocols) {
        addAllTags(batch, PacketBuilder.eth().ipv4(address).tcp(22, 53).protocol(protocol));
        addAllTags(
            batch,
            PacketBuilder.eth().ipv4(address).udp(1024, 53).protocol(protocol).fragment(185));
      }
      batch.add(PacketBuilder.eth().ipv4(0xC0000263).source(address).udp(1024, 53).build());
      batch.add(PacketBuilder.eth().ipv4(address).udp(53, 1024).source(0xC6336401).build());
      // What would be IPv4, if another type did not say that it is not.
      batch.add(PacketBuilder.eth().ipv4(address).udp(1024, 53).type(0x88B5).build());
    }
    int address = addresses.get(addresses.size() > 25 ? 25 : 13);
    for (int protocol = 0; protocol < 256; protocol++) {
      for (int[] stack : TAG_STACKS) {
        batch.add(tags(stack).ipv4(address).tcp(1024, 443).protocol(protocol).build());
      }
      batch.add(
          PacketBuilder.eth()
              .ipv4(address)
              .tcp(1024, 443)
              .protocol(protocol)
              .u8(22, protocol + 1)
              .build());
      batch.add(
          PacketBuilder.eth().ipv4(address).tcp(1024, 443).protocol(protocol).fragment(1).build());
    }
    for (int source : ports) {
      for (int destination : ports) {
        for (int protocol : new int[] {IpProtocol.TCP, IpProtocol.UDP, IpProtocol.SCTP}) {
          batch.add(
              PacketBuilder.eth()
                  .ipv4(address)
                  .tcp(source, destination)
                  .protocol(protocol)
                  .build());
        }
      }
    }
    for (int fragment : FRAGMENTS) {
      for (int protocol : protocols) {
        for (int port : ports) {
          batch.add(
              PacketBuilder.eth()
                  .ipv4(address)
                  .tcp(22, port)
                  .protocol(protocol)
                  .fragment(fragment)
                  .build());
        }
      }
    }
    for (int ihl = 0; ihl < 16; ihl++) {
      for (int version : new int[] {4, 0, 5, 6, 15}) {
        for (int port : ports) {
          addAllTags(
              batch, PacketBuilder.eth().ipv4(address).version(version).ihl(ihl).tcp(22, port));
        }
      }
    }
    cuts(batch, address);
  }

  /** Appends each kind of frame cut at every byte. */
  private void cuts(PacketBatch batch, int address) {
    for (int[] stack : TAG_STACKS) {
      for (int ihl : new int[] {5, 6, 15}) {
        for (int protocol : new int[] {IpProtocol.TCP, IpProtocol.UDP, IpProtocol.ICMP}) {
          int whole = tags(stack).ipv4(address).ihl(ihl).tcp(22, 53).length();
          for (int length = 0; length <= whole; length++) {
            addAllTags(
                batch,
                tags(stack)
                    .ipv4(address)
                    .ihl(ihl)
                    .tcp(22, plainPort)
                    .protocol(protocol)
                    .cut(length));
          }
        }
      }
    }
    for (int length = 0; length <= 60; length++) {
      addAllTags(batch, PacketBuilder.eth().arp().pad(60).cut(length));
      addAllTags(batch, PacketBuilder.eth().ipv6(IpProtocol.UDP).udp(1024, 53).cut(length));
    }
    for (int length : new int[] {1514, 3712, 3713, 9014}) {
      batch.add(PacketBuilder.eth().ipv4(address).udp(1024, 53).pad(length).build());
    }
  }

  /**
   * Appends random frames: headers put together from interesting and from arbitrary values, then
   * sometimes damaged.
   */
  public void random(PacketBatch batch, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      PacketBuilder builder =
          tags(random.nextInt(3) == 0 ? pick(random, TAG_STACKS) : TAG_STACKS[0]);
      if (random.nextInt(8) == 0) {
        builder
            .type(random.nextBoolean() ? pick(random, etherTypes) : random.nextInt(0x10000))
            .pad(random.nextInt(14, 80));
      } else {
        builder.ipv4(random.nextInt(4) == 0 ? random.nextInt() : pick(random, addresses));
        if (random.nextInt(4) == 0) {
          builder.ihl(random.nextInt(16));
        }
        builder.tcp(port(random), port(random));
        builder.protocol(random.nextInt(4) == 0 ? random.nextInt(256) : pick(random, protocols));
        if (random.nextInt(4) == 0) {
          builder.fragment(
              random.nextBoolean()
                  ? FRAGMENTS[random.nextInt(FRAGMENTS.length)]
                  : random.nextInt(0x10000));
        }
      }
      for (int damage = random.nextInt(4); damage > 2; damage--) {
        builder.u8(random.nextInt(builder.length()), random.nextInt(256));
      }
      if (random.nextInt(4) == 0) {
        builder.cut(random.nextInt(builder.length() + 1));
      }
      if (random.nextInt(8) == 0) {
        builder.outsideTag(
            new VlanTag(
                random.nextBoolean() ? EtherType.VLAN : EtherType.QINQ, random.nextInt(0x10000)));
      }
      batch.add(builder.build());
    }
  }

  private int port(SplittableRandom random) {
    return random.nextInt(4) == 0 ? random.nextInt(0x10000) : pick(random, ports);
  }

  private static void addAllTags(PacketBatch batch, PacketBuilder builder) {
    Packet packet = builder.build();
    batch.add(packet);
    batch.add(packet.withOutsideTag(new VlanTag(EtherType.VLAN, 5)));
    batch.add(packet.withOutsideTag(new VlanTag(EtherType.QINQ, 0xF005)));
  }

  private static PacketBuilder tags(int[] stack) {
    PacketBuilder builder = PacketBuilder.eth();
    for (int tpid : stack) {
      builder.tag(tpid, 7);
    }
    return builder;
  }

  private static int pick(SplittableRandom random, List<Integer> values) {
    return values.get(random.nextInt(values.size()));
  }

  private static int[] pick(SplittableRandom random, int[][] values) {
    return values[random.nextInt(values.length)];
  }
}
