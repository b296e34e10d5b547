package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;

/** Calls that interpreter and JIT make in the same way. */
public final class Calls {
  private static final int PACKET_NET_OFFSET = -0x100000;
  private static final int PACKET_LINK_OFFSET = -0x200000;

  private Calls() {}

  /** Returns the function of a helper; one that is not there faults when it is called. */
  public static HelperFunction helper(int id) {
    return Helper.of(id)
        .map(Helper::function)
        .orElse(
            (m, a, b, c, d, e) -> {
              throw new Fault(
                  "call of helper %d (%s): it is not there".formatted(id, Helper.name(id)));
            });
  }

  /** Returns what a call of a kernel function does; one that is not bound faults. */
  public static HelperFunction kfunc(int number) {
    return Kfunc.of(number)
        .map(Kfunc::function)
        .orElse(
            (m, a, b, c, d, e) -> {
              throw new Fault("call of a kernel function: there are none");
            });
  }

  /** Calls what a register names: a function's address, or the number of a helper. */
  public static long register(Machine m, long target, long a, long b, long c, long d, long e) {
    if (Machine.functionSlot(target) >= 0) {
      return m.call(target, a, b, c, d, e);
    }
    if (target < 0 || target > Integer.MAX_VALUE || Helper.of((int) target).isEmpty()) {
      throw new Fault(
          "callx of 0x%x: expected the address of a function or the number of a helper"
              .formatted(target));
    }
    return helper((int) target).call(m, a, b, c, d, e);
  }

  /** Returned by {@link #packet} where the packet has no such bytes: the program ends with 0. */
  public static final long NO_BYTES = -1;

  /**
   * Loads packet bytes as the legacy instructions do: in network order, from the start of the
   * packet, or of its network or link header for offsets far below zero, linear or not (kernel
   * {@code bpf_skb_load_helper_convert_offset}).
   */
  public static long packet(Machine m, long offset, int size) {
    int at = (int) offset;
    if (at < 0) {
      if (at >= PACKET_NET_OFFSET) {
        at = at - PACKET_NET_OFFSET + m.networkOffset();
      } else if (at >= PACKET_LINK_OFFSET) {
        at = at - PACKET_LINK_OFFSET + m.linkOffset();
      } else {
        return NO_BYTES;
      }
    }
    Region packet = m.regionAt(m.data());
    if (packet == null || at > m.wholeLength() - size) {
      return NO_BYTES;
    }
    long value = Bytes.get(packet.data(), m.packetIndex(at), size);
    return switch (size) {
      case 1 -> value;
      case 2 -> Short.reverseBytes((short) value) & 0xFFFF;
      default -> Integer.reverseBytes((int) value) & 0xFFFF_FFFFL;
    };
  }
}
