package io.plumbline.pcaps;

import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * Filter expressions as {@code tcpdump} knows them, compiled by libpcap. pcap4j compiles too, but
 * keeps the instructions to itself.
 */
public final class FilterExpression {
  private static final int DLT_EN10MB = 1;
  private static final int SNAPLEN = 65535;
  private static final int NETMASK_UNKNOWN = -1;
  private static final int INSN_BYTES = 8;

  private FilterExpression() {}

  /**
   * Compiles an expression for Ethernet.
   *
   * @param optimise whether libpcap's optimiser runs, which miscompiles some expressions
   *     (docs/found.md)
   * @return the program as {@code tcpdump -ddd} prints it
   * @throws IllegalArgumentException if libpcap refuses the expression, or is not installed
   */
  public static String compile(String expression, boolean optimise) {
    NativeLibrary pcap;
    try {
      pcap = NativeLibrary.getInstance("pcap");
    } catch (UnsatisfiedLinkError e) {
      throw new IllegalArgumentException("libpcap: not found: expected libpcap.so");
    }
    Pointer handle =
        pcap.getFunction("pcap_open_dead").invokePointer(new Object[] {DLT_EN10MB, SNAPLEN});
    // struct bpf_program { u_int bf_len; struct bpf_insn *bf_insns; }
    try (Memory program = new Memory(16)) {
      program.clear();
      int result =
          pcap.getFunction("pcap_compile")
              .invokeInt(
                  new Object[] {handle, program, expression, optimise ? 1 : 0, NETMASK_UNKNOWN});
      if (result != 0) {
        String reason = pcap.getFunction("pcap_geterr").invokeString(new Object[] {handle}, false);
        throw new IllegalArgumentException("filter '" + expression + "': " + reason.strip());
      }
      String text = text(program.getPointer(8), program.getInt(0));
      pcap.getFunction("pcap_freecode").invokeVoid(new Object[] {program});
      return text;
    } finally {
      pcap.getFunction("pcap_close").invokeVoid(new Object[] {handle});
    }
  }

  /** Writes decimal numbers without a locale: not every locale has the digits 0 to 9. */
  private static String text(Pointer insns, int count) {
    StringBuilder text = new StringBuilder().append(count).append('\n');
    for (int i = 0; i < count; i++) {
      long at = (long) i * INSN_BYTES;
      text.append(insns.getShort(at) & 0xFFFF).append(' ');
      text.append(insns.getByte(at + 2) & 0xFF).append(' ');
      text.append(insns.getByte(at + 3) & 0xFF).append(' ');
      text.append(insns.getInt(at + 4) & 0xFFFF_FFFFL).append('\n');
    }
    return text.toString();
  }
}
