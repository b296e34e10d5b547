package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Loads of packet bytes by every base (first byte, network header, link header) at every hook of an
 * skb, before and after helpers that move the headers. The kernel is the authority.
 */
@Tag("kernel")
class PacketBytesTest {
  private static final int LENGTH = 64;
  private static final int CB = 48;
  private static final int NET = -0x100000;
  private static final int LINK = -0x200000;

  enum At {
    SOCKET_FILTER(RawKernelProgram.SOCKET_FILTER, ContextType.SOCKET_FILTER, 14),
    CGROUP_SKB(RawKernelProgram.CGROUP_SKB, ContextType.CGROUP_SKB, 14),
    TC(3, ContextType.SCHED_CLS, 0);

    private final int type;

    @SuppressWarnings("ImmutableEnumChecker") // a context type does not change
    private final ContextType context;

    private final int skipped;

    At(int type, ContextType context, int skipped) {
      this.type = type;
      this.context = context;
      this.skipped = skipped;
    }
  }

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static byte[] packet(int etherType) {
    byte[] bytes = new byte[LENGTH];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 7 + 2);
    }
    bytes[12] = (byte) (etherType >> 8);
    bytes[13] = (byte) etherType;
    bytes[14] = 0x45;
    return bytes;
  }

  /** Returns a program that leaves the result of a load, and the bytes loaded, in {@code cb}. */
  private static List<Insn> program(String before, String load) throws Exception {
    return Assembler.assemble(
        """
        r6 = r1
        r1 = 1229782938247303441 ll
        *(u64 *)(r10 - 16) = r1
        *(u64 *)(r10 - 8) = r1
        %s
        %s
        *(u32 *)(r6 + 48) = r0
        r1 = *(u64 *)(r10 - 16)
        *(u32 *)(r6 + 52) = r1
        r1 >>= 32
        *(u32 *)(r6 + 56) = r1
        r1 = *(u32 *)(r10 - 8)
        *(u32 *)(r6 + 60) = r1
        r1 = 1
        *(u32 *)(r6 + 64) = r1
        r0 = 1
        exit
        """
            .formatted(before, load));
  }

  private static String emulated(
      At at, List<Insn> insns, byte[] packet, int linear, Function<Machine, Program.Maker> maker) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, at.context);
    frames.linear(linear);
    // Not at the start of the batch, so that what lies in front of the frame is another one.
    PacketBatch batch = new PacketBatch(2, 2 * LENGTH);
    batch.add(Packet.of(new byte[LENGTH]));
    batch.add(Packet.of(packet));
    frames.show(batch, 1);
    long r0 = machine.run(new Program("case", insns, maker.apply(machine)), Machine.CONTEXT, 0);
    StringBuilder all = new StringBuilder("r0=" + (int) r0);
    for (int i = 0; i < 5; i++) {
      long cb = machine.context()[machine.contextType().slot("cb" + i)];
      all.append(" %08x".formatted((int) cb));
    }
    return all.toString();
  }

  private static String kernel(RawKernelProgram program, byte[] packet) {
    int r0 = program.run(packet);
    ByteBuffer context =
        ByteBuffer.wrap(program.contextAfter(packet)).order(ByteOrder.LITTLE_ENDIAN);
    StringBuilder all = new StringBuilder("r0=" + r0);
    for (int i = 0; i < 5; i++) {
      all.append(" %08x".formatted(context.getInt(CB + 4 * i)));
    }
    return all.toString();
  }

  private static void compare(At at, String before, String load, byte[] packet, List<String> wrong)
      throws Exception {
    List<Insn> insns = program(before, load);
    try (RawKernelProgram kernel = new RawKernelProgram(at.type, insns)) {
      assertThat(kernel.refusal()).as(at + ": " + load).isEmpty();
      String expected = kernel(kernel, packet);
      String interpreted = emulated(at, insns, packet, Integer.MAX_VALUE, m -> Interpreter::of);
      String compiled = emulated(at, insns, packet, Integer.MAX_VALUE, m -> new Jit(m, true));
      if (!interpreted.equals(expected) || !compiled.equals(expected)) {
        wrong.add(
            "%s: %s %s%n  kernel      %s%n  interpreter %s%n  jit         %s"
                .formatted(at, before, load, expected, interpreted, compiled));
      }
    }
  }

  private static List<String> legacyLoads(int length) {
    List<Integer> offsets = new ArrayList<>(List.of(0, 1, 13, 14, Integer.MAX_VALUE, -1));
    offsets.addAll(List.of(-0x1000, -0x1000 + 20, LINK - 1, Integer.MIN_VALUE, NET - 1));
    for (int edge = length - 5; edge <= length + 1; edge++) {
      offsets.add(edge);
      offsets.add(NET + edge);
      offsets.add(LINK + edge);
    }
    for (int base : new int[] {NET, LINK}) {
      offsets.addAll(List.of(base, base + 1, base + 12, base + 14, base + length / 2));
      offsets.addAll(List.of(base + LENGTH - 2, base + LENGTH - 1, base + LENGTH));
      offsets.add(base + 0xFFFF);
    }
    List<String> loads = new ArrayList<>();
    for (int offset : offsets) {
      for (int width : new int[] {8, 16, 32}) {
        loads.add("r0 = *(u%d *)skb[%d]".formatted(width, offset));
      }
      loads.add("r7 = %d\nr0 = *(u16 *)skb[r7 + 2]".formatted(offset));
    }
    return loads;
  }

  private static List<String> helperLoads(int length) {
    List<String> loads = new ArrayList<>();
    List<Integer> offsets =
        new ArrayList<>(
            List.of(0, 1, 12, 14, 20, 0xFFFF, 0x10000, Integer.MAX_VALUE, Integer.MIN_VALUE, -1));
    offsets.addAll(List.of(NET, NET + 12, LINK, LINK + 12, LENGTH - 4, LENGTH - 14, LENGTH));
    for (int edge = length - 16; edge <= length + 1; edge += edge < length - 5 ? 4 : 1) {
      offsets.add(edge);
    }
    for (int offset : offsets) {
      for (int size : new int[] {1, 2, 4, 12}) {
        String arguments =
            "r1 = r6\nr2 = %d\nr3 = r10\nr3 += -16\nr4 = %d\n".formatted(offset, size);
        loads.add(arguments + "call 26");
        for (int start = -1; start <= 2; start++) {
          loads.add(arguments + "r5 = %d\ncall 68".formatted(start));
        }
      }
    }
    return loads;
  }

  @ParameterizedTest
  @EnumSource(
      value = At.class,
      names = {"SOCKET_FILTER", "TC"})
  void legacyLoadsGiveWhatTheKernelGives(At at) throws Exception {
    List<String> wrong = new ArrayList<>();
    for (String load : legacyLoads(LENGTH - at.skipped)) {
      compare(at, "", load, packet(0x0800), wrong);
    }
    assertThat(wrong).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(At.class)
  void helpersLoadWhatTheKernelLoads(At at) throws Exception {
    List<String> wrong = new ArrayList<>();
    for (String load : helperLoads(LENGTH - at.skipped)) {
      compare(at, "", load, packet(0x0800), wrong);
    }
    assertThat(wrong).isEmpty();
  }

  /** After a helper the headers may be elsewhere. */
  @ParameterizedTest
  @CsvSource({
    "0800, r1 = r6; r2 = 8; r3 = 0; call 43",
    "0800, r1 = r6; r2 = 100; r3 = 0; call 38",
    "0800, r1 = r6; r2 = 30; r3 = 0; call 38",
    "0800, r1 = r6; r2 = 8; r3 = 0; r4 = 0; call 50",
    "0800, r1 = r6; r2 = -8; r3 = 1; r4 = 0; call 50",
    "0800, r1 = r6; r2 = 129; r3 = 5; call 18",
    "0800, r1 = r6; r2 = 129; r3 = 5; call 18; r1 = r6; r2 = 129; r3 = 6; call 18",
    "8100, r1 = r6; call 19",
    "8100, r1 = r6; r2 = 129; r3 = 5; call 18; r1 = r6; r2 = 43144; r3 = 6; call 18",
    "8100, r1 = r6; r2 = 8; r3 = 0; call 43",
  })
  void headersMoveAsInTheKernel(String etherType, String before) throws Exception {
    List<String> wrong = new ArrayList<>();
    String prepare = before.replace("; ", "\n");
    byte[] packet = packet(Integer.parseInt(etherType, 16));
    List<String> loads = new ArrayList<>();
    for (int base : new int[] {0, NET, LINK}) {
      for (int offset : new int[] {0, 4, 12, 14, 18, 50}) {
        loads.add("r0 = *(u32 *)skb[%d]".formatted(base + offset));
      }
    }
    for (int start : new int[] {0, 1}) {
      for (int offset : new int[] {0, 4, 12, 14, 18, 50}) {
        loads.add(
            "r1 = r6\nr2 = %d\nr3 = r10\nr3 += -16\nr4 = 4\nr5 = %d\ncall 68"
                .formatted(offset, start));
      }
    }
    for (String load : loads) {
      compare(At.TC, prepare, load, packet, wrong);
    }
    assertThat(wrong).isEmpty();
  }

  /**
   * Bytes that are not linear: legacy loads and skb_load_bytes find them, relative loads do not
   * (kernel {@code skb_copy_bits}, {@code skb_tail_pointer}).
   */
  @Test
  void bytesThatAreNotLinearAreLoadedAsInTheKernel() throws Exception {
    for (At at : At.values()) {
      byte[] packet = packet(0x0800);
      for (Function<Machine, Program.Maker> engine :
          List.<Function<Machine, Program.Maker>>of(m -> Interpreter::of, m -> new Jit(m, true))) {
        String call = "r1 = r6\nr2 = 30\nr3 = r10\nr3 += -16\nr4 = 4\nr5 = 1\ncall ";
        String whole = emulated(at, program("", call + 26), packet, Integer.MAX_VALUE, engine);
        assertThat(emulated(at, program("", call + 26), packet, 20, engine)).isEqualTo(whole);
        assertThat(emulated(at, program("", call + 68), packet, 20, engine))
            .startsWith("r0=1 %08x 00000000".formatted(-14));
        String legacy = "r0 = *(u32 *)skb[%d]";
        for (int offset : new int[] {18, 30, NET + 30, LINK + 48}) {
          List<Insn> insns = program("", legacy.formatted(offset));
          assertThat(emulated(at, insns, packet, 20, engine))
              .startsWith("r0=1")
              .isEqualTo(emulated(at, insns, packet, Integer.MAX_VALUE, engine));
        }
      }
    }
  }

  /** Storing to bytes that are not linear pulls them (kernel {@code bpf_try_make_writable}). */
  @Test
  void whatIsStoredToBecomesLinear() throws Exception {
    String store = "r1 = r6\nr2 = 40\nr3 = r10\nr3 += -16\nr4 = 4\nr5 = 0\ncall 9";
    String length = "r0 = *(u32 *)(r6 + 80)\nr1 = *(u32 *)(r6 + 76)\nr0 -= r1";
    assertThat(emulated(At.TC, program(store, length), packet(0x0800), 20, m -> Interpreter::of))
        .startsWith("r0=1 %08x".formatted(44));
  }
}
