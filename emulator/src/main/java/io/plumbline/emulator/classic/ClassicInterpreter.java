package io.plumbline.emulator.classic;

/**
 * Runs classic programs as they were defined (McCanne and Jacobson, "The BSD Packet Filter", 1993;
 * kernel {@code Documentation/networking/filter.rst}): an accumulator, an index register, sixteen
 * cells. A load of bytes that are not there, and a division by zero, end the program with 0.
 */
public final class ClassicInterpreter {
  private static final int NET_OFFSET = -0x100000;
  private static final int LINK_OFFSET = -0x200000;
  private static final int ATTRIBUTE_HEADER = 4;
  private static final int ATTRIBUTE_TYPE = 0x3FFF;

  /** What a packet has beside its bytes. */
  public interface Beside {
    int value(Ancillary ancillary);
  }

  private ClassicInterpreter() {}

  /**
   * Runs a program.
   *
   * @param networkOffset where the network header begins in the packet's bytes
   * @return what it returned, all 32 bits: how many bytes to keep
   */
  public static int run(ClassicProgram program, byte[] packet, int networkOffset, Beside beside) {
    int a = 0;
    int x = 0;
    int[] cells = new int[ClassicInsn.CELLS];
    for (int pc = 0; ; pc++) {
      ClassicInsn insn = program.insns().get(pc);
      int k = insn.k();
      switch (insn.operationClass()) {
        case ClassicInsn.LD -> {
          switch (insn.mode()) {
            case ClassicInsn.IMM -> a = k;
            case ClassicInsn.LEN -> a = packet.length;
            case ClassicInsn.MEM -> a = cells[k];
            default -> {
              Ancillary ancillary =
                  insn.mode() == ClassicInsn.ABS ? Ancillary.at(k).orElse(null) : null;
              if (ancillary != null) {
                a =
                    switch (ancillary) {
                      case ALU_XOR_X -> a ^ x;
                      case NLATTR -> attribute(packet, a, packet.length, x);
                      case NLATTR_NEST -> nested(packet, a, x);
                      case PAY_OFFSET ->
                          PayloadOffset.of(
                              packet,
                              beside.value(Ancillary.PROTOCOL),
                              beside.value(Ancillary.VLAN_TAG_PRESENT) != 0,
                              networkOffset);
                      default -> beside.value(ancillary);
                    };
              } else {
                int at = insn.mode() == ClassicInsn.IND ? x + k : k;
                int from = place(at, packet.length, insn.bytes(), networkOffset);
                if (from < 0) {
                  return 0;
                }
                a = bytes(packet, from, insn.bytes());
              }
            }
          }
        }
        case ClassicInsn.LDX -> {
          switch (insn.mode()) {
            case ClassicInsn.IMM -> x = k;
            case ClassicInsn.LEN -> x = packet.length;
            case ClassicInsn.MEM -> x = cells[k];
            default -> {
              int from = place(k, packet.length, 1, networkOffset);
              if (from < 0) {
                return 0;
              }
              x = (packet[from] & 15) * 4;
            }
          }
        }
        case ClassicInsn.ST -> cells[k] = a;
        case ClassicInsn.STX -> cells[k] = x;
        case ClassicInsn.ALU -> {
          int b = insn.byX() ? x : k;
          if (b == 0 && (insn.operation() == 0x30 || insn.operation() == 0x90)) {
            return 0;
          }
          a = compute(insn.operation(), a, b);
        }
        case ClassicInsn.JMP -> {
          int b = insn.byX() ? x : k;
          pc += insn.operation() == 0 ? k : holds(insn.operation(), a, b) ? insn.jt() : insn.jf();
        }
        case ClassicInsn.RET -> {
          return (insn.code() & 0x10) != 0 ? a : k;
        }
        default -> {
          if ((insn.code() & 0x80) != 0) {
            a = x;
          } else {
            x = a;
          }
        }
      }
    }
  }

  /**
   * Returns where the attribute of a type is among those from {@code from} to {@code end}, or 0
   * ({@code linux/netlink.h}: length and type in the machine's order, aligned to 4).
   */
  private static int attribute(byte[] packet, int from, int end, int type) {
    if (!attributeMayBeAt(packet, from)) {
      return 0;
    }
    int at = from;
    while (end - at >= ATTRIBUTE_HEADER) {
      int length = littleEndian16(packet, at);
      if (length < ATTRIBUTE_HEADER || length > end - at) {
        return 0;
      }
      if ((littleEndian16(packet, at + 2) & ATTRIBUTE_TYPE) == type) {
        return at;
      }
      at += length + 3 & ~3;
    }
    return 0;
  }

  private static boolean attributeMayBeAt(byte[] packet, int at) {
    return at >= 0 && at <= packet.length - ATTRIBUTE_HEADER;
  }

  private static int nested(byte[] packet, int from, int type) {
    if (!attributeMayBeAt(packet, from)) {
      return 0;
    }
    int length = littleEndian16(packet, from);
    return length > packet.length - from
        ? 0
        : attribute(packet, from + ATTRIBUTE_HEADER, from + length, type);
  }

  private static int littleEndian16(byte[] packet, int at) {
    return packet[at] & 0xFF | (packet[at + 1] & 0xFF) << 8;
  }

  /** Returns where bytes are, or -1: offsets far below zero count from a header. */
  private static int place(int at, int length, int size, int networkOffset) {
    long from = at;
    if (at < 0) {
      if (at >= NET_OFFSET) {
        from = (long) at - NET_OFFSET + networkOffset;
      } else if (at >= LINK_OFFSET) {
        from = (long) at - LINK_OFFSET;
      } else {
        return -1;
      }
    }
    return from + size <= length ? (int) from : -1;
  }

  private static int bytes(byte[] packet, int from, int size) {
    int value = 0;
    for (int i = 0; i < size; i++) {
      value = value << 8 | packet[from + i] & 0xFF;
    }
    return value;
  }

  private static int compute(int operation, int a, int b) {
    return switch (operation) {
      case 0x00 -> a + b;
      case 0x10 -> a - b;
      case 0x20 -> a * b;
      case 0x30 -> Integer.divideUnsigned(a, b);
      case 0x40 -> a | b;
      case 0x50 -> a & b;
      case 0x60 -> a << b;
      case 0x70 -> a >>> b;
      case 0x80 -> -a;
      case 0x90 -> Integer.remainderUnsigned(a, b);
      default -> a ^ b;
    };
  }

  private static boolean holds(int operation, int a, int b) {
    return switch (operation) {
      case 0x10 -> a == b;
      case 0x20 -> Integer.compareUnsigned(a, b) > 0;
      case 0x30 -> Integer.compareUnsigned(a, b) >= 0;
      default -> (a & b) != 0;
    };
  }
}
