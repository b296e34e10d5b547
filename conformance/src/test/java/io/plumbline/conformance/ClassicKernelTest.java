package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.emulator.classic.ClassicException;
import io.plumbline.emulator.classic.ClassicInsn;
import io.plumbline.emulator.classic.ClassicInterpreter;
import io.plumbline.emulator.classic.ClassicProgram;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.FilterExpression;
import io.plumbline.pcaps.PacketGenerator;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Classic programs do what they do when the kernel has them on a packet socket: the number that one
 * returns is how much of a frame is received.
 */
@Tag("kernel")
class ClassicKernelTest {
  private static final int ETH_P_ALL_NETWORK_ORDER = 0x0300;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVTIMEO = 20;
  private static final int SO_ATTACH_FILTER = 26;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MAX_FRAME = 2048;
  private static final int NETWORK = 14;

  /** What a filter of each says for a frame: extensions, and reading in every way. */
  private static final List<String> PROGRAMS =
      List.of(
          "ld proto; and #1023; add #1; ret a",
          "ld type; add #1; ret a",
          "ld ifidx; add #1; ret a",
          "ld hatype; add #1; ret a",
          "ld mark; add #1; ret a",
          // SKF_AD_ALU_XOR_X, which has no word.
          "ldx #6; ld #21; ld [-4056]; add #1; ret a",
          "ld vlan_tci; and #1023; add #1; ret a",
          "ld vlan_avail; add #1; ret a",
          "ld vlan_tpid; and #1023; add #1; ret a",
          "ld poff; add #1; ret a",
          "ld #14; ldx #1; ld nla; add #1; ret a",
          "ld #14; ldx #3; ld nla; add #1; ret a",
          "ld #14; ldx #3; ld nlan; add #1; ret a",
          "ld len; sub #3; tax; ld nla; add #1; ret a",
          "ld #-1; tax; ld nlan; add #1; ret a",
          "ldb [-1048576]; add #1; ret a",
          "ldh [-1048570]; and #1023; add #1; ret a",
          "ldb [-2097140]; add #1; ret a",
          "ldx 4*([14]&0xf); ldb [x + 14]; add #1; ret a",
          "ldx #-2; ldb [x + 16]; add #1; ret a",
          "ld len; tax; ldb [x - 1]; add #1; ret a",
          "ldb [21]; tax; ld #1000; div x; add #1; ret a");

  private static final List<String> EXPRESSIONS =
      List.of(
          "tcp port 80", "ip6", "vlan and ip", "icmp or arp", "ip[6:2] & 0x1fff != 0", "len > 64");

  /**
   * Frames that generators of filters' frames do not make, from the Ethernet type on: attributes,
   * IP in IP, extension headers, fragments, protocols with headers of their own.
   */
  private static final List<String> MORE =
      List.of(
          // Attributes of types 1 and 3, the second with one of type 3 in it; cut and empty ones.
          "9000 0600 0100 aabb 0000 0c00 0300 0800 0300 11223344",
          "9000 0300 0100 0400 0300",
          "9000 ffff 0300 0400 0300",
          "9000 0c00 0380 0800 0340 11223344",
          "0800" + ipv4(4, 0) + ipv4(17, 0),
          "0800" + ipv4(4, 0) + ipv4(6, 0) + "0000".repeat(6) + "f000",
          "0800" + ipv4(41, 0) + ipv6(58),
          "0800" + ipv4(6, 0x2000) + "0000".repeat(6) + "8000",
          "0800" + ipv4(6, 0x0001) + "0000".repeat(6) + "8000",
          "0800" + ipv4(6, 0) + "0000".repeat(6) + "3000",
          "0800" + ipv4(2, 0),
          "0800" + ipv4(132, 0),
          "0800" + ipv4(136, 0),
          "0800" + ipv4(33, 0),
          "0800" + ipv4(0, 0),
          "0800" + ipv4(44, 0),
          "0800" + ipv4(4, 0).repeat(20),
          "0800" + ipv4(17, 0).replaceFirst("45", "44"),
          "0800" + ipv4(137, 0) + "00001140" + ipv4(17, 0),
          "0800" + ipv4(47, 0) + "0000 0800" + ipv4(17, 0),
          "0800" + ipv4(47, 0) + "b000 86dd 00000000 00000000 00000000" + ipv6(17),
          "0800" + ipv4(47, 0) + "2000 6558 00000000" + "0000".repeat(6) + "0800" + ipv4(1, 0),
          "0800" + ipv4(47, 0) + "4000 0800" + ipv4(17, 0),
          "0800" + ipv4(47, 0) + "0002 0800" + ipv4(17, 0),
          "0800" + ipv4(47, 0) + "0000 1234" + ipv4(17, 0),
          "8847 00001140" + ipv4(17, 0),
          "8848 00001140" + ipv4(17, 0),
          "0806 0001 0800 0604 0001",
          "8035 0001 0800 0604 0003",
          "86dd" + ipv6(17),
          "86dd"
              + ipv6(0)
              + "2b00"
              + "0000".repeat(3)
              + "3c01"
              + "0000".repeat(7)
              + "0600"
              + "0000".repeat(3)
              + "0000".repeat(6)
              + "f000",
          "86dd" + ipv6(44) + "1100 0000 00000000",
          "86dd" + ipv6(44) + "1100 0001 00000000",
          "86dd" + ipv6(44) + "1100 0008 00000000",
          "86dd" + ipv6(41) + ipv6(4) + ipv4(1, 0),
          "86dd" + ipv6(0) + "0000 000000000000".repeat(20),
          "8100 0005 8100 0006 0800" + ipv4(17, 0),
          "88a8 0005 8100 0006 8100 0007 86dd" + ipv6(6),
          "8100 0005 0004");

  private static String ipv4(int protocol, int fragment) {
    return "4500 0030 0000 %04x 40%02x 0000 0a000001 0a000002".formatted(fragment, protocol);
  }

  private static String ipv6(int next) {
    return "60000000 0000 %02x40".formatted(next) + "00000000".repeat(8);
  }

  private final Memory frame = new Memory(MAX_FRAME);

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** Returns whether the kernel takes the program. */
  private static boolean attach(int fd, List<ClassicInsn> insns) {
    try (Memory code = new Memory(8L * insns.size());
        Memory program = new Memory(16)) {
      for (int i = 0; i < insns.size(); i++) {
        ClassicInsn insn = insns.get(i);
        code.setShort(8L * i, (short) insn.code());
        code.setByte(8L * i + 2, (byte) insn.jt());
        code.setByte(8L * i + 3, (byte) insn.jf());
        code.setInt(8L * i + 4, insn.k());
      }
      program.setShort(0, (short) insns.size());
      program.setPointer(8, code);
      if (LibC.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, 16) == 0) {
        return true;
      }
      assertThat(Native.getLastError()).isEqualTo(Errno.EINVAL);
      return false;
    }
  }

  /** A veth pair, and on its far end a socket with a filter and one that says when a frame came. */
  private final class Ends implements AutoCloseable {
    private final int all;
    private final int filtered;
    private final int sender;
    private final int ifindex;
    private final byte[] address;

    Ends() throws Exception {
      ifindex = OwnNetwork.index("v1");
      // The all-zero address of many frames cannot be an interface's; that of others can.
      OwnNetwork.sh("ip link set v1 address 02:00:00:00:00:01");
      address = HexFormat.of().parseHex("020000000001");
      // The kernel hands a frame to the socket that was bound last first.
      all = OwnNetwork.packetSocket(ifindex, ETH_P_ALL_NETWORK_ORDER);
      filtered = OwnNetwork.packetSocket(ifindex, ETH_P_ALL_NETWORK_ORDER);
      try (Memory timeout = new Memory(16)) {
        timeout.setLong(0, 5);
        timeout.setLong(8, 0);
        assertThat(LibC.setsockopt(all, SOL_SOCKET, SO_RCVTIMEO, timeout, 16)).isZero();
      }
      sender = OwnNetwork.packetSocket(OwnNetwork.index("v0"), 0);
    }

    /** Returns how much of a frame the filter let in. */
    int received(byte[] bytes) {
      frame.write(0, bytes, 0, bytes.length);
      assertThat(LibC.send(sender, frame, bytes.length, 0)).isEqualTo(bytes.length);
      assertThat(LibC.recv(all, frame, MAX_FRAME, 0)).isPositive();
      int got = (int) LibC.recv(filtered, frame, MAX_FRAME, MSG_DONTWAIT);
      return Math.max(0, got);
    }

    private int type(byte[] bytes) {
      boolean toUs = true;
      boolean broadcast = true;
      for (int i = 0; i < 6; i++) {
        toUs &= bytes[i] == address[i];
        broadcast &= bytes[i] == -1;
      }
      return toUs ? 0 : broadcast ? 1 : (bytes[0] & 1) != 0 ? 2 : 3;
    }

    /** Returns how much of a frame our interpreter lets in, of the frame as a socket sees it. */
    int expected(ClassicProgram program, byte[] sent) {
      int outer = (sent[12] & 0xFF) << 8 | sent[13] & 0xFF;
      boolean tagged = outer == 0x8100 || outer == 0x88A8;
      byte[] bytes = sent;
      if (tagged) {
        bytes = new byte[sent.length - 4];
        System.arraycopy(sent, 0, bytes, 0, 12);
        System.arraycopy(sent, 16, bytes, 12, bytes.length - 12);
      }
      int inner = (bytes[12] & 0xFF) << 8 | bytes[13] & 0xFF;
      boolean ipx = bytes.length > 15 && bytes[14] == -1 && bytes[15] == -1;
      int protocol = inner >= 0x600 ? inner : ipx ? 1 : 4;
      int tci = tagged ? (sent[14] & 0xFF) << 8 | sent[15] & 0xFF : 0;
      long result =
          Integer.toUnsignedLong(
              ClassicInterpreter.run(
                  program,
                  bytes,
                  NETWORK,
                  ancillary ->
                      switch (ancillary) {
                        case PROTOCOL -> protocol;
                        case PKTTYPE -> type(sent);
                        case IFINDEX -> ifindex;
                        case HATYPE -> 1;
                        case VLAN_TAG -> tci;
                        case VLAN_TAG_PRESENT -> tagged ? 1 : 0;
                        case VLAN_TPID -> tagged ? outer : 0;
                        default -> 0;
                      }));
      return (int) Math.min(result, bytes.length);
    }

    void compare(ClassicProgram program, List<byte[]> frames) {
      for (byte[] bytes : frames) {
        assertThat(received(bytes))
            .as("%s on %s", program.numbers(), HexFormat.of().formatHex(bytes))
            .isEqualTo(expected(program, bytes));
      }
    }

    @Override
    public void close() {
      LibC.close(all);
      LibC.close(filtered);
      LibC.close(sender);
    }
  }

  /** Frames that an interface takes, padded so that what a filter returns can be seen. */
  private static List<byte[]> frames(int most) throws Exception {
    PacketBatch batch = new PacketBatch();
    PacketGenerator generator = new PacketGenerator(List.of());
    generator.systematic(batch);
    generator.random(batch, 2000, 5);
    for (String text : MORE) {
      batch.add(Packet.of(HexFormat.of().parseHex("00".repeat(12) + text.replace(" ", ""))));
    }
    List<byte[]> frames = new ArrayList<>();
    int step = Math.max(1, batch.size() / most);
    for (int i = 0; i < batch.size(); i++) {
      byte[] bytes = batch.packet(i).bytes();
      boolean wanted = i % step == 0 || i >= batch.size() - MORE.size();
      if (wanted && bytes.length >= 20 && bytes.length <= 1400) {
        // A filter's number shows up to the length of the frame; half of them are cut there.
        frames.add(i % 2 == 0 ? java.util.Arrays.copyOf(bytes, 1500) : bytes);
      }
    }
    return frames;
  }

  @Test
  void extensionsAndExpressionsSayWhatTheKernelSays() throws Exception {
    List<byte[]> frames = frames(1500);
    assertThat(frames).hasSizeGreaterThan(1000);
    OwnNetwork.in(
        () -> {
          try (Ends ends = new Ends()) {
            List<String> texts = new ArrayList<>();
            PROGRAMS.forEach(text -> texts.add(text.replace("; ", "\n")));
            for (String expression : EXPRESSIONS) {
              texts.add(FilterExpression.compile(expression, true));
            }
            for (String text : texts) {
              ClassicProgram program = ClassicProgram.parse(text);
              assertThat(attach(ends.filtered, program.insns())).as(text).isTrue();
              ends.compare(program, frames);
            }
            return null;
          }
        });
  }

  /** What the kernel takes, we take; what both take says the same. */
  @Test
  void randomProgramsSayWhatTheKernelSays() throws Exception {
    List<byte[]> frames = frames(40);
    SplittableRandom random = new SplittableRandom(11);
    OwnNetwork.in(
        () -> {
          int compared = 0;
          try (Ends ends = new Ends()) {
            for (int round = 0; round < 3000; round++) {
              List<ClassicInsn> insns = insns(random);
              ClassicProgram program = null;
              try {
                program = ClassicProgram.of(insns);
              } catch (ClassicException e) {
                // Then the kernel must not take it.
              }
              boolean taken = attach(ends.filtered, insns);
              assertThat(taken && program == null).as("%s", insns).isFalse();
              if (taken && program != null) {
                ends.compare(program, frames);
                compared++;
              }
            }
          }
          assertThat(compared).isGreaterThan(500);
          return null;
        });
  }

  private static List<ClassicInsn> insns(SplittableRandom random) {
    int[] codes = {
      0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1, 0x02, 0x03,
      0x04, 0x0C, 0x14, 0x1C, 0x24, 0x2C, 0x34, 0x3C, 0x44, 0x4C, 0x54, 0x5C, 0x64, 0x6C, 0x74,
      0x7C, 0x84, 0x94, 0x9C, 0xA4, 0xAC, 0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D, 0x05,
      0x07, 0x87
    };
    List<ClassicInsn> insns = new ArrayList<>();
    int size = 2 + random.nextInt(12);
    for (int i = 0; i < size; i++) {
      int code =
          random.nextInt(60) == 0 ? random.nextInt(256) : codes[random.nextInt(codes.length)];
      boolean jump = (code & 7) == 5;
      int left = size - i;
      int k =
          switch (random.nextInt(4)) {
            case 0 -> random.nextInt();
            case 1 -> random.nextInt(left);
            default -> random.nextInt(64);
          };
      boolean cell = code == 0x60 || code == 0x61 || code == 0x02 || code == 0x03;
      insns.add(
          new ClassicInsn(
              code,
              jump ? random.nextInt(left) : 0,
              jump ? random.nextInt(left) : 0,
              cell ? random.nextInt(4) : jump ? random.nextInt(left) : k));
    }
    // The low bits of A, and never 0, so that a result differs from a load that ends it.
    insns.add(new ClassicInsn(0x54, 0, 0, 1023));
    insns.add(new ClassicInsn(0x04, 0, 0, 1));
    insns.add(new ClassicInsn(0x16, 0, 0, 0));
    return insns;
  }
}
