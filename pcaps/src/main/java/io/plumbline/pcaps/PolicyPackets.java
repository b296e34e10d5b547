package io.plumbline.pcaps;

import static io.plumbline.model.policy.IntentFields.destination;
import static io.plumbline.model.policy.IntentFields.destinationPorts;
import static io.plumbline.model.policy.IntentFields.flowClass;
import static io.plumbline.model.policy.IntentFields.source;
import static io.plumbline.model.policy.IntentFields.sourcePorts;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PortRange;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Frames that stand on the edges of a policy's rules: the first and last address and port of each
 * range and their neighbours, in well-formed packets and in packets damaged in every way that
 * classification has a clause for.
 */
public final class PolicyPackets {
  private static final FlowClass[] CLASSES = FlowClass.values();
  private static final int[] EXTENSIONS = {0, 43, 44, 51, 60, 135, 59, 50};

  private final List<FlowRegion> regions = new ArrayList<>();
  private final SplittableRandom random;

  public PolicyPackets(Policy policy, long seed) {
    for (Rule rule : policy.rules()) {
      regions.addAll(rule.regions());
    }
    random = new SplittableRandom(seed);
  }

  /** Appends so many frames. */
  public void add(PacketBatch batch, int count) {
    for (int i = 0; i < count; i++) {
      Flow flow = flow();
      PacketBuilder builder = frame(flow);
      if (random.nextInt(3) == 0) {
        damage(builder, flow);
      }
      if (random.nextInt(32) == 0) {
        builder.outsideTag(
            new VlanTag(
                random.nextBoolean() ? EtherType.VLAN : EtherType.QINQ, random.nextInt(0x10000)));
      }
      if (flowClass(flow) != FlowClass.ARP && random.nextInt(256) == 0) {
        grow(builder, flow);
      }
      batch.add(builder.build());
    }
  }

  /** Makes a frame about as long as those whose length field Linux leaves 0, and leaves it 0. */
  private void grow(PacketBuilder builder, Flow flow) {
    boolean v4 = flowClass(flow).family().filter(f -> f == Family.IPV4).isPresent();
    int fullest = 0xFFFF + (v4 ? 14 : 54);
    builder.pad(fullest + random.nextInt(3));
    if (random.nextInt(8) > 0) {
      builder.u16(v4 ? 16 : 18, 0);
    }
  }

  /** Returns a flow at or near the edge of some rule, sometimes of two rules at once. */
  private Flow flow() {
    if (regions.isEmpty() || random.nextInt(16) == 0) {
      return arbitrary();
    }
    FlowRegion region = regions.get(random.nextInt(regions.size()));
    if (flowClass(region) == FlowClass.ARP) {
      return IntentFields.ARP;
    }
    // The other fields often come from another rule, so that rules meet.
    FlowRegion other =
        random.nextInt(3) == 0 ? regions.get(random.nextInt(regions.size())) : region;
    Family family = destination(region).family();
    FlowRegion ports = random.nextInt(3) == 0 ? other : region;
    FlowRegion sources = source(other).family() == family && random.nextBoolean() ? other : region;
    FlowClass flowClass = flowClass(region);
    if (flowClass(other).family().equals(flowClass(region).family()) && random.nextInt(4) == 0) {
      flowClass = flowClass(other);
    }
    long[] to = address(destination(region));
    long[] from = address(source(sources));
    int limit = flowClass.icmp() ? 0xFF : 0xFFFF;
    return IntentFields.flow(
        flowClass,
        to[0],
        to[1],
        port(destinationPorts(ports)) & limit,
        from[0],
        from[1],
        port(sourcePorts(ports)));
  }

  private Flow arbitrary() {
    FlowClass flowClass = CLASSES[random.nextInt(CLASSES.length)];
    if (flowClass == FlowClass.ARP) {
      return IntentFields.ARP;
    }
    boolean v4 = flowClass.family().orElseThrow() == Family.IPV4;
    int limit = flowClass.icmp() ? 0xFF : 0xFFFF;
    return IntentFields.flow(
        flowClass,
        v4 ? random.nextInt() & 0xFFFF_FFFFL : random.nextLong(),
        v4 ? 0 : random.nextLong(),
        random.nextInt(0x10000) & limit,
        v4 ? random.nextInt() & 0xFFFF_FFFFL : random.nextLong(),
        v4 ? 0 : random.nextLong(),
        random.nextInt(0x10000));
  }

  private long[] address(Prefix prefix) {
    boolean v4 = prefix.family() == Family.IPV4;
    long hi = prefix.hi();
    long lo = prefix.lo();
    switch (random.nextInt(5)) {
      case 0 -> {}
      case 1 -> {
        hi = prefix.lastHi();
        lo = prefix.lastLo();
      }
      case 2 -> {
        lo = v4 ? 0 : lo - 1;
        hi = v4 || prefix.lo() == 0 ? hi - 1 : hi;
      }
      case 3 -> {
        hi = prefix.lastHi() + (v4 || prefix.lastLo() == -1L ? 1 : 0);
        lo = v4 ? 0 : prefix.lastLo() + 1;
      }
      default -> {
        hi |= random.nextLong() & (prefix.lastHi() ^ prefix.hi());
        lo |= random.nextLong() & (prefix.lastLo() ^ prefix.lo());
      }
    }
    return new long[] {v4 ? hi & 0xFFFF_FFFFL : hi, lo};
  }

  private int port(PortRange range) {
    return switch (random.nextInt(5)) {
          case 0 -> range.low();
          case 1 -> range.high();
          case 2 -> range.low() - 1;
          case 3 -> range.high() + 1;
          default -> random.nextInt(range.low(), range.high() + 1);
        }
        & 0xFFFF;
  }

  private PacketBuilder frame(Flow flow) {
    boolean v6 = flowClass(flow).family().filter(f -> f == Family.IPV6).isPresent();
    if (flowClass(flow) == FlowClass.ARP || random.nextInt(3) > 0) {
      return FlowPackets.of(flow);
    }
    if (!v6) {
      return FlowPackets.ipv4(flow, random.nextInt(5, 16));
    }
    int[] extensions = new int[random.nextInt(1, 11)];
    for (int i = 0; i < extensions.length; i++) {
      extensions[i] =
          i == 0 && random.nextBoolean()
              ? 0
              : EXTENSIONS[random.nextInt(1, random.nextInt(4) == 0 ? 8 : 5)];
    }
    PacketBuilder builder = FlowPackets.behindExtensions(flow, extensions);
    if (random.nextInt(4) == 0) {
      int at = 54 + 8 * random.nextInt(extensions.length) + random.nextInt(4);
      builder.u8(at, random.nextInt(random.nextBoolean() ? 4 : 256));
    }
    return builder;
  }

  private void damage(PacketBuilder builder, Flow flow) {
    boolean v4 = flowClass(flow).family().filter(f -> f == Family.IPV4).isPresent();
    switch (random.nextInt(8)) {
      case 0 -> builder.cut(random.nextInt(builder.length() + 1));
      case 1 -> builder.type(random.nextBoolean() ? EtherType.VLAN : random.nextInt(0x10000));
      case 2 -> builder.u8(14, random.nextInt(256));
      case 3 -> builder.u16(v4 ? 16 : 18, random.nextInt(random.nextBoolean() ? 80 : 0x10000));
      case 4 -> builder.u8(v4 ? 20 : 18, random.nextInt(256));
      case 5 -> builder.u8(v4 ? 23 : 20, random.nextInt(256));
      case 6 -> {
        for (int i = random.nextInt(1, 5); i > 0; i--) {
          builder.u8(random.nextInt(12, builder.length()), random.nextInt(256));
        }
      }
      default -> builder.pad(builder.length() + random.nextInt(1, 64));
    }
  }
}
