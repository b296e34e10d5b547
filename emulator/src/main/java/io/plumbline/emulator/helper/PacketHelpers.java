package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;

/** Reading, writing and reshaping the packet (kernel {@code net/core/filter.c}). */
final class PacketHelpers {
  private static final long RECOMPUTE_CSUM = 1;
  private static final long INVALIDATE_HASH = 2;
  private static final int HDR_START_MAC = 0;
  private static final int HDR_START_NET = 1;
  private static final int ETHERNET_LENGTH = 14;
  private static final int MAC_ADDRESSES = 12;
  private static final int VLAN_LENGTH = 4;
  private static final int MAX_SKB = 0x4000;
  private static final int XDP_FRAME = 4096;
  private static final int XDP_META_MAX = 252;

  /** What the kernel keeps in the room in front: struct xdp_frame. */
  private static final int XDP_FRAME_HEADER = 40;

  private static final int ETH_P_8021Q = 0x8100;
  private static final int ETH_P_8021AD = 0x88A8;
  private static final int ETH_P_IP = 0x0800;
  private static final int ETH_P_IPV6 = 0x86DD;

  private PacketHelpers() {}

  /** Returns the address of a byte of the packet. */
  static long address(Machine m, int offset) {
    return m.data() + offset;
  }

  private static void set(Machine m, String field, long value) {
    m.linkFields();
    m.context()[m.contextType().slot(field)] = value;
    m.contextChanged(true);
  }

  private static long get(Machine m, String field) {
    m.linkFields();
    return m.context()[m.contextType().slot(field)];
  }

  static long loadBytes(Machine m, long skb, long offset, long to, long size, long e) {
    return load(m, offset & 0xFFFF_FFFFL, to, size & 0xFFFF_FFFFL, m.wholeLength());
  }

  /**
   * Copies bytes of the packet to memory.
   *
   * @param offset from the packet's first byte; negative within a hidden link header
   * @param length where the bytes that can be loaded end
   */
  private static long load(Machine m, long offset, long to, long size, int length) {
    if (offset + size > length) {
      // Nothing of it may stay as it was: the kernel clears what it cannot fill.
      if (size <= Integer.MAX_VALUE) {
        m.put(to, new byte[(int) size], 0, (int) size);
      }
      return -Errno.EFAULT;
    }
    m.put(to, m.packetRegion().data(), m.packetIndex((int) offset), (int) size);
    return 0;
  }

  /** Loads from the linear part, counted from a header ({@code enum bpf_hdr_start_off}). */
  static long loadBytesRelative(Machine m, long skb, long offset, long to, long size, long start) {
    long at = offset & 0xFFFF_FFFFL;
    int header = (int) start;
    if (header != HDR_START_MAC && header != HDR_START_NET || at > 0xFFFF) {
      m.put(to, new byte[(int) size], 0, (int) size);
      return -Errno.EFAULT;
    }
    long first = header == HDR_START_MAC ? m.linkOffset() : m.networkOffset();
    return load(m, first + at, to, size & 0xFFFF_FFFFL, m.dataLength());
  }

  static long storeBytes(Machine m, long skb, long offset, long from, long size, long flags) {
    if ((flags & ~(RECOMPUTE_CSUM | INVALIDATE_HASH)) != 0) {
      return -Errno.EINVAL;
    }
    if ((flags & INVALIDATE_HASH) != 0) {
      set(m, "hash", 0);
    }
    return store(m, offset & 0xFFFF_FFFFL, from, size & 0xFFFF_FFFFL);
  }

  static long xdpLoadBytes(Machine m, long xdp, long offset, long to, long size, long e) {
    long refused = beyond(m, offset & 0xFFFF_FFFFL, size & 0xFFFF_FFFFL);
    return refused != 0
        ? refused
        : load(m, offset & 0xFFFF_FFFFL, to, size & 0xFFFF_FFFFL, m.dataLength());
  }

  static long xdpStoreBytes(Machine m, long xdp, long offset, long from, long size, long e) {
    long refused = beyond(m, offset & 0xFFFF_FFFFL, size & 0xFFFF_FFFFL);
    return refused != 0 ? refused : store(m, offset & 0xFFFF_FFFFL, from, size & 0xFFFF_FFFFL);
  }

  private static long beyond(Machine m, long offset, long size) {
    if (offset > 0xFFFF || size > 0xFFFF) {
      return -Errno.EFAULT;
    }
    return offset + size > m.dataLength() ? -Errno.EINVAL : 0;
  }

  private static long store(Machine m, long offset, long from, long size) {
    if (offset + size > m.wholeLength()) {
      return -Errno.EFAULT;
    }
    // What is written becomes linear (kernel bpf_try_make_writable).
    m.pull((int) (offset + size));
    byte[] bytes = m.bytes(from, (int) size);
    m.put(address(m, (int) offset), bytes, 0, bytes.length);
    return 0;
  }

  static long bufferLength(Machine m, long xdp, long b, long c, long d, long e) {
    return m.dataLength();
  }

  static long pullData(Machine m, long skb, long length, long c, long d, long e) {
    long wanted = length & 0xFFFF_FFFFL;
    if (wanted > m.wholeLength()) {
      return -Errno.ENOMEM;
    }
    m.pull((int) wanted);
    return 0;
  }

  static long changeType(Machine m, long skb, long type, long c, long d, long e) {
    // Kernel skb_pkt_type_ok: host, broadcast, multicast and other host.
    if (get(m, "pkt_type") > 3 || Integer.compareUnsigned((int) type, 3) > 0) {
      return -Errno.EINVAL;
    }
    set(m, "pkt_type", type);
    return 0;
  }

  static long hash(Machine m, long skb, long b, long c, long d, long e) {
    return get(m, "hash");
  }

  static long hashInvalid(Machine m, long skb, long b, long c, long d, long e) {
    set(m, "hash", 0);
    return 0;
  }

  static long setHash(Machine m, long skb, long hash, long c, long d, long e) {
    set(m, "hash", hash & 0xFFFF_FFFFL);
    return 0;
  }

  static long changeTail(Machine m, long skb, long length, long flags, long d, long e) {
    long wanted = length & 0xFFFF_FFFFL;
    if (flags != 0 || wanted > MAX_SKB || wanted < ETHERNET_LENGTH) {
      return -Errno.EINVAL;
    }
    m.pull(m.wholeLength());
    move(m, 0, wanted - m.dataLength());
    return 0;
  }

  static long changeHead(Machine m, long skb, long room, long flags, long d, long e) {
    long wanted = room & 0xFFFF_FFFFL;
    if (flags != 0 || wanted > MAX_SKB - m.wholeLength()) {
      return -Errno.EINVAL;
    }
    if (wanted > 0) {
      insert(m, 0, (int) wanted);
      m.networkOffset(m.networkOffset() + (int) wanted);
    }
    return 0;
  }

  /** Moves the packet's start and end by a number of bytes, backward if negative. */
  private static void move(Machine m, long start, long end) {
    Region packet = m.packetRegion();
    int paged = m.wholeLength() - m.dataLength();
    m.packetEnds(packet.low() + start, packet.high() + end);
    m.exposePacket(packet.low());
    m.context()[m.contextType().dataEndSlot()] -= paged;
  }

  /** Makes room of zeros at an offset; the bytes after it move back. */
  private static void insert(Machine m, int offset, int size) {
    m.pull(offset);
    int length = m.wholeLength();
    byte[] rest = m.bytes(address(m, offset), length - offset);
    move(m, 0, size);
    m.put(address(m, offset), new byte[size], 0, size);
    m.put(address(m, offset + size), rest, 0, rest.length);
  }

  /** Takes bytes out at an offset. */
  private static void remove(Machine m, int offset, int size) {
    m.pull(offset + size);
    int length = m.wholeLength();
    byte[] rest = m.bytes(address(m, offset + size), length - offset - size);
    m.ownPacket();
    m.put(address(m, offset), rest, 0, rest.length);
    move(m, 0, -size);
  }

  static long adjustHead(Machine m, long xdp, long delta, long c, long d, long e) {
    Region packet = m.packetRegion();
    long meta = m.data() - m.packetRegion().address() - packet.low();
    long start = packet.low() + meta + (int) delta;
    if (start - meta < XDP_FRAME_HEADER || start > packet.high() - ETHERNET_LENGTH) {
      return -Errno.EINVAL;
    }
    if (meta != 0) {
      byte[] bytes = m.bytes(packet.address() + packet.low(), (int) meta);
      m.packetEnds(Math.min(packet.low(), start - meta), packet.high());
      m.put(packet.address() + start - meta, bytes, 0, bytes.length);
    }
    m.packetEnds(start - meta, packet.high());
    m.exposePacket(start);
    return 0;
  }

  static long adjustMeta(Machine m, long xdp, long delta, long c, long d, long e) {
    Region packet = m.packetRegion();
    long data = m.data() - packet.address();
    long start = packet.low() + (int) delta;
    if (start < XDP_FRAME_HEADER
        || start > data
        || (data - start) % 4 != 0
        || data - start > XDP_META_MAX) {
      return start < XDP_FRAME_HEADER || start > data ? -Errno.EINVAL : -Errno.EACCES;
    }
    m.packetEnds(start, packet.high());
    m.exposePacket(data);
    return 0;
  }

  static long adjustTail(Machine m, long xdp, long delta, long c, long d, long e) {
    Region packet = m.packetRegion();
    long data = m.data() - packet.address();
    long end = packet.high() + (int) delta;
    // The kernel keeps struct skb_shared_info (320 bytes) behind the frame.
    if (end > XDP_FRAME - 320 || end - data < ETHERNET_LENGTH) {
      return -Errno.EINVAL;
    }
    m.packetEnds(packet.low(), end);
    m.exposePacket(data);
    return 0;
  }

  static long vlanPush(Machine m, long skb, long protocol, long tci, long d, long e) {
    int type = Short.reverseBytes((short) protocol) & 0xFFFF;
    int outer = type == ETH_P_8021AD ? type : ETH_P_8021Q;
    if (get(m, "vlan_present") != 0) {
      int before = Short.reverseBytes((short) get(m, "vlan_proto")) & 0xFFFF;
      insert(m, MAC_ADDRESSES, VLAN_LENGTH);
      m.store(address(m, MAC_ADDRESSES), 2, Short.reverseBytes((short) before));
      m.store(address(m, MAC_ADDRESSES + 2), 2, Short.reverseBytes((short) get(m, "vlan_tci")));
      set(m, "protocol", Short.reverseBytes((short) before) & 0xFFFF);
    }
    set(m, "vlan_present", 1);
    set(m, "vlan_tci", tci & 0xFFFF);
    set(m, "vlan_proto", Short.reverseBytes((short) outer) & 0xFFFF);
    return 0;
  }

  static long vlanPop(Machine m, long skb, long b, long c, long d, long e) {
    if (get(m, "vlan_present") != 0) {
      set(m, "vlan_present", 0);
      set(m, "vlan_tci", 0);
      set(m, "vlan_proto", 0);
    } else if (tagged(m)) {
      removeTag(m);
    } else {
      return 0;
    }
    // A tag that is now the outermost of the bytes moves out of them.
    if (tagged(m)) {
      long type = m.load(address(m, MAC_ADDRESSES), 2);
      long tci = Short.reverseBytes((short) m.load(address(m, MAC_ADDRESSES + 2), 2)) & 0xFFFF;
      removeTag(m);
      set(m, "vlan_present", 1);
      set(m, "vlan_tci", tci);
      set(m, "vlan_proto", type);
    }
    set(m, "protocol", m.load(address(m, MAC_ADDRESSES), 2));
    return 0;
  }

  /** Takes the outermost tag out of the packet's bytes (kernel {@code __skb_vlan_pop}). */
  private static void removeTag(Machine m) {
    remove(m, MAC_ADDRESSES, VLAN_LENGTH);
    m.networkOffset(Math.max(ETHERNET_LENGTH, m.networkOffset() - VLAN_LENGTH));
  }

  private static boolean tagged(Machine m) {
    if (m.wholeLength() < ETHERNET_LENGTH + VLAN_LENGTH) {
      return false;
    }
    int type = etherType(m);
    return type == ETH_P_8021Q || type == ETH_P_8021AD;
  }

  private static int etherType(Machine m) {
    return Short.reverseBytes((short) m.load(address(m, MAC_ADDRESSES), 2)) & 0xFFFF;
  }

  static long adjustRoom(Machine m, long skb, long difference, long mode, long flags, long e) {
    if (flags != 0) {
      return -Errno.ENOTSUPP;
    }
    int type = etherType(m);
    int header = type == ETH_P_IP ? 20 : type == ETH_P_IPV6 ? 40 : 0;
    int delta = (int) difference;
    if (header == 0 || Math.abs((long) delta) > 0xFFF) {
      return header == 0 ? -Errno.ENOTSUPP : -Errno.EFAULT;
    }
    if (mode != 0 && mode != 1) {
      return -Errno.ENOTSUPP;
    }
    // Mode 0: behind the network header; mode 1: behind the Ethernet header.
    int at = mode == 0 ? ETHERNET_LENGTH + header : ETHERNET_LENGTH;
    if (delta < 0 && m.wholeLength() + delta < ETHERNET_LENGTH + header) {
      return -Errno.ENOTSUPP;
    }
    if (delta > 0) {
      insert(m, at, delta);
    } else if (delta < 0) {
      remove(m, at, -delta);
    }
    return 0;
  }

  static long ecnSetCe(Machine m, long skb, long b, long c, long d, long e) {
    int type = etherType(m);
    if (type == ETH_P_IP && m.wholeLength() >= ETHERNET_LENGTH + 20) {
      long address = address(m, ETHERNET_LENGTH + 1);
      long tos = m.load(address, 1);
      if ((tos & 3) == 0) {
        return 0;
      }
      if ((tos & 3) != 3) {
        m.store(address, 1, tos | 3);
        // The checksum of the header goes down by what the field went up.
        ChecksumHelpers.replaceL3(m, skb, ETHERNET_LENGTH + 10, tos << 8, (tos | 3) << 8, 2);
      }
      return 1;
    }
    if (type == ETH_P_IPV6 && m.wholeLength() >= ETHERNET_LENGTH + 40) {
      long address = address(m, ETHERNET_LENGTH + 1);
      long low = m.load(address, 1);
      if ((low & 0x30) == 0) {
        return 0;
      }
      m.store(address, 1, low | 0x30);
      return 1;
    }
    return 0;
  }
}
