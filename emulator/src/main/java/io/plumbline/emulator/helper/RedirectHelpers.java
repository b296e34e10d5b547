package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.BpfMap;

/** Helpers that send a packet elsewhere: verdicts, and an event that says where. */
final class RedirectHelpers {
  private static final long TC_ACT_REDIRECT = 7;
  private static final long TC_ACT_SHOT = 2;
  private static final long XDP_REDIRECT = 4;
  private static final long XDP_ABORTED = 0;
  private static final int MTU = 1500;
  private static final int ETHERNET_LENGTH = 14;
  private static final int FIB_PARAMETERS = 64;

  private RedirectHelpers() {}

  private static boolean xdp(Machine m) {
    return m.contextType() == ContextType.XDP;
  }

  private static void note(Machine m, String how, long target, long flags) {
    byte[] data = new byte[16];
    Bytes.put64(data, 0, target);
    Bytes.put64(data, 8, flags);
    m.events().add(new Machine.Event(how, data));
  }

  static long redirect(Machine m, long ifindex, long flags, long c, long d, long e) {
    if (xdp(m)) {
      if (flags != 0) {
        return XDP_ABORTED;
      }
      note(m, "redirect", ifindex, flags);
      return XDP_REDIRECT;
    }
    if ((flags & ~1) != 0) {
      return TC_ACT_SHOT;
    }
    note(m, "redirect", ifindex, flags);
    return TC_ACT_REDIRECT;
  }

  static long cloneRedirect(Machine m, long skb, long ifindex, long flags, long d, long e) {
    if ((flags & ~1) != 0) {
      return -Errno.EINVAL;
    }
    note(m, "clone_redirect", ifindex, flags);
    return 0;
  }

  static long redirectNeigh(Machine m, long ifindex, long params, long size, long flags, long e) {
    if ((size != 0 && size < 20) || flags != 0) {
      return TC_ACT_SHOT;
    }
    note(m, "redirect_neigh", ifindex, flags);
    return TC_ACT_REDIRECT;
  }

  static long redirectPeer(Machine m, long ifindex, long flags, long c, long d, long e) {
    if (flags != 0) {
      return TC_ACT_SHOT;
    }
    note(m, "redirect_peer", ifindex, flags);
    return TC_ACT_REDIRECT;
  }

  static long redirectMap(Machine m, long a, long index, long flags, long d, long e) {
    BpfMap map = MapHelpers.map(m, a);
    // The low two bits are the verdict where there is no entry.
    if ((flags & ~(3 | 8 | 16)) != 0) {
      return XDP_ABORTED;
    }
    byte[] key = new byte[4];
    Bytes.put32(key, 0, index);
    if (map.value(key).isEmpty()) {
      return flags & 3;
    }
    note(m, "redirect_map " + map.name(), index & 0xFFFF_FFFFL, flags);
    return XDP_REDIRECT;
  }

  static long checkMtu(
      Machine m, long context, long ifindex, long length, long difference, long e) {
    long mtu = MTU;
    long given = m.load(length, 4);
    m.store(length, 4, mtu);
    long bytes = given != 0 ? given : m.packetLength() - ETHERNET_LENGTH;
    return bytes + (int) difference > mtu ? 1 : 0;
  }

  static long fibLookup(Machine m, long context, long params, long size, long flags, long e) {
    if (size < FIB_PARAMETERS) {
      return -Errno.EINVAL;
    }
    if (!(m.attachments().get(FibTable.ATTACHMENT) instanceof FibTable table)) {
      return FibTable.NOT_FORWARDED;
    }
    Region region = m.writable(params, FIB_PARAMETERS);
    return table.lookup(region.data(), region.index(params, FIB_PARAMETERS), (int) flags);
  }
}
