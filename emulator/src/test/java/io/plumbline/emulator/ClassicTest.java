package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.classic.Ancillary;
import io.plumbline.emulator.classic.ClassicException;
import io.plumbline.emulator.classic.ClassicInsn;
import io.plumbline.emulator.classic.ClassicInterpreter;
import io.plumbline.emulator.classic.ClassicProgram;
import io.plumbline.emulator.classic.ClassicTranslation;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClassicTest {
  /** {@code tcpdump -ddd tcp port 80}, shortened to IPv4. */
  private static final String TCP_80 =
      """
      12
      40 0 0 12
      21 0 9 2048
      48 0 0 23
      21 0 7 6
      40 0 0 20
      69 5 0 8191
      177 0 0 14
      72 0 0 16
      21 0 2 80
      6 0 0 65535
      6 0 0 0
      6 0 0 0
      """;

  private static final String TCP_80_TEXT =
      """
      ldh [12]
      jne #0x800, drop
      ldb [23]
      jne #6, drop
      ldh [20]
      jset #0x1fff, drop
      ldxb 4*([14]&0xf)
      ldh [x + 16]
      jne #80, drop
      ret #65535
      drop: ret #0
      """;

  private static byte[] tcp(int port) {
    byte[] frame = new byte[60];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 6;
    frame[36] = (byte) (port >> 8);
    frame[37] = (byte) port;
    return frame;
  }

  private static int direct(ClassicProgram program, Packet packet) {
    return ClassicInterpreter.run(program, packet.bytes(), 14, a -> beside(a, packet));
  }

  private static int beside(Ancillary ancillary, Packet packet) {
    return switch (ancillary) {
      case PROTOCOL -> (packet.bytes()[12] & 0xFF) << 8 | packet.bytes()[13] & 0xFF;
      case IFINDEX -> 1;
      case PKTTYPE -> 0;
      case VLAN_TAG -> packet.outsideTag().map(VlanTag::tci).orElse(0);
      case VLAN_TAG_PRESENT -> packet.outsideTag().isPresent() ? 1 : 0;
      case VLAN_TPID -> packet.outsideTag().map(VlanTag::tpid).orElse(0);
      default -> 0;
    };
  }

  private static int translated(
      ClassicProgram program, Packet packet, Function<Machine, Program.Maker> maker)
      throws Exception {
    List<Insn> insns = ClassicTranslation.translate(program);
    StructuralVerifier.check(insns);
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    PacketBatch one = new PacketBatch(1, 64);
    one.add(packet);
    frames.show(one, 0);
    return (int)
        machine.run(new Program("classic", insns, maker.apply(machine)), Machine.CONTEXT, 0);
  }

  private static void allSay(ClassicProgram program, Packet packet, int expected) throws Exception {
    assertThat(direct(program, packet)).isEqualTo(expected);
    assertThat(translated(program, packet, m -> Interpreter::of)).isEqualTo(expected);
    assertThat(translated(program, packet, m -> new Jit(m, true))).isEqualTo(expected);
  }

  @Test
  void theThreeFormsAreRead() throws Exception {
    ClassicProgram numbers = ClassicProgram.parse(TCP_80);
    String bytecode = TCP_80.strip().replace("\n", ",");
    assertThat(ClassicProgram.parse(bytecode)).isEqualTo(numbers);
    assertThat(numbers.numbers()).isEqualTo(TCP_80);
    ClassicProgram text = ClassicProgram.parse(TCP_80_TEXT);
    for (int port : new int[] {80, 81, 0x5000}) {
      int expected = port == 80 ? 65535 : 0;
      allSay(numbers, Packet.of(tcp(port)), expected);
      allSay(text, Packet.of(tcp(port)), expected);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ld #5; ret a | 5",
        "ld #len; ret a | 60",
        "ld #1; tax; ld #0; div x; ret a | 0",
        "ld #7; ldx #0; div x; ret #9 | 0",
        "ld #7; mod #4; ret a | 3",
        "ld #7; neg; ret a | -7",
        "ld #1; lsh #31; rsh #31; ret a | 1",
        "ld #3; st M[15]; ld #0; ldx M[15]; txa; ret a | 3",
        "ldb [59]; ret #7 | 7",
        "ldb [60]; ret #7 | 0",
        "ldh [-1048576]; ret a | 17664",
        "ldb [-2097140]; ret a | 8",
        "ld proto; ret a | 2048",
        "ld ifidx; ret a | 1",
        "ld vlan_tci; ret a | 5",
        "ld vlan_avail; ret a | 1",
        "ld vlan_tpid; ret a | 33024",
        "ld #6; ldx #3; xor x; ret a | 5",
        "ldx 4*([14]&0xf); txa; ret a | 20"
      })
  void instructionsDoWhatTheyAreDefinedTo(String text, int expected) throws Exception {
    ClassicProgram program = ClassicProgram.parse(text.replace("; ", "\n"));
    allSay(program, Packet.of(tcp(80)).withOutsideTag(new VlanTag(0x8100, 5)), expected);
  }

  @Test
  void randomProgramsAreTranslatedFaithfully() throws Exception {
    SplittableRandom random = new SplittableRandom(7);
    int[] codes = {
      0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1, 0x02, 0x03,
          0x04,
      0x0C, 0x14, 0x1C, 0x24, 0x2C, 0x34, 0x3C, 0x44, 0x4C, 0x54, 0x5C, 0x64, 0x6C, 0x74, 0x7C,
          0x84,
      0x94, 0x9C, 0xA4, 0xAC, 0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D, 0x05, 0x07, 0x87
    };
    int run = 0;
    for (int round = 0; round < 4000; round++) {
      List<ClassicInsn> insns = new ArrayList<>();
      int size = 2 + random.nextInt(12);
      for (int i = 0; i < size; i++) {
        int code = codes[random.nextInt(codes.length)];
        boolean jump = (code & 7) == 5;
        int k = random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(64);
        boolean cell = code == 0x60 || code == 0x61 || code == 0x02 || code == 0x03;
        insns.add(
            new ClassicInsn(
                code,
                jump ? random.nextInt(size - i) : 0,
                jump ? random.nextInt(size - i) : 0,
                cell ? random.nextInt(16) : jump && code == 0x05 ? random.nextInt(size - i) : k));
      }
      insns.add(new ClassicInsn(0x16, 0, 0, 0));
      ClassicProgram program;
      try {
        program = ClassicProgram.of(insns);
      } catch (ClassicException e) {
        continue;
      }
      run++;
      byte[] bytes = new byte[60];
      random.nextBytes(bytes);
      bytes[0] = 0;
      Packet packet = Packet.of(bytes);
      int expected = direct(program, packet);
      assertThat(translated(program, packet, m -> Interpreter::of))
          .as(program.numbers())
          .isEqualTo(expected);
    }
    assertThat(run).isGreaterThan(1000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "ld #5",
        "ret",
        "div #0\nret #1",
        "lsh #32\nret #1",
        "st M[16]\nret #1",
        "jeq #1, up\nret #1",
        "up: jmp up\nret #0",
        "nonsense\nret #0",
        "2\n6 0 0 0",
        "1\n6 0 0 4294967296",
        "1\n255 0 0 0",
        "2,5 0 0 9,6 0 0 0",
        "ld #99999999999\nret #0"
      })
  void badProgramsAreOneClearLine(String text) {
    assertThatThrownBy(() -> ClassicProgram.parse(text))
        .isInstanceOf(ClassicException.class)
        .message()
        .isNotBlank()
        .doesNotContain("\n");
  }
}
