package io.plumbline.emulator.jit;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A load is compiled without a check only if no packet can make it leave the packet. */
class FlowTest {
  private static final String DATA = "r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nw0 = 0\n";
  private static final String END = "end:\nexit\n";

  private static Flow flow(List<Insn> insns) {
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    return new Flow(machine, insns, 0, Value.context(0));
  }

  /** Returns how many loads of bytes of the packet there are that need no check. */
  private static long proved(List<Insn> insns) {
    Flow flow = flow(insns);
    return flow.reached().keySet().stream().filter(flow::proved).count();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r4 = r2; r4 += 14; if r4 > r3 goto end; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 14; if r3 < r4 goto end; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 13; if r4 >= r3 goto end; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 13; if r3 <= r4 goto end; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 14; if r4 <= r3 goto in; exit; in:; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 14; if r3 >= r4 goto in; exit; in:; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 13; if r4 < r3 goto in; exit; in:; r0 = *(u16 *)(r2 + 12)",
        "r4 = r2; r4 += 13; if r3 > r4 goto in; exit; in:; r0 = *(u16 *)(r2 + 12)",
        // Kept on the stack.
        "r4 = r2; r4 += 14; if r4 > r3 goto end; *(u64 *)(r10 - 8) = r2; r2 = 0; "
            + "r5 = *(u64 *)(r10 - 8); r0 = *(u16 *)(r5 + 12)",
        // One of two distances, and one that a byte of the packet says.
        "w5 = 14; if r3 == 7 goto two; w5 = 18; two:; r2 += r5; r4 = r2; r4 += 4; "
            + "if r4 > r3 goto end; r0 = *(u32 *)(r2 + 0)",
        "r4 = r2; r4 += 1; if r4 > r3 goto end; r5 = 15; r5 &= r3; r5 <<= 2; r2 += r5; "
            + "r4 = r2; r4 += 4; if r4 > r3 goto end; r0 = *(u32 *)(r2 + 0)",
        // Two addresses become one.
        "if r3 == 7 goto far; r2 += 14; goto on; far:; r2 += 40; on:; r4 = r2; r4 += 4; "
            + "if r4 > r3 goto end; r0 = *(u32 *)(r2 + 0)",
      })
  void whatTheProgramMakesSureOfIsSeen(String body) throws Exception {
    assertThat(proved(program(body))).isGreaterThanOrEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r0 = *(u8 *)(r2 + 0)",
        "r4 = r2; r4 += 14; if r4 > r3 goto end; r0 = *(u16 *)(r2 + 13)",
        "r4 = r2; r4 += 14; if r4 > r3 goto end; r0 = *(u8 *)(r2 - 1)",
        "r4 = r2; r4 += 14; if r4 >= r3 goto in; exit; in:; r0 = *(u8 *)(r2 + 0)",
        "r4 = r2; r4 += 14; if r4 > r3 goto in; exit; in:; r0 = *(u8 *)(r2 + 0)",
        "r4 = r2; r4 += 14; if r4 s> r3 goto end; r0 = *(u8 *)(r2 + 0)",
        "r4 = r2; r4 += 14; if w4 > w3 goto end; r0 = *(u8 *)(r2 + 0)",
        // What is known on one way only.
        "if r3 == 7 goto on; r4 = r2; r4 += 14; if r4 > r3 goto end; on:; r0 = *(u8 *)(r2 + 0)",
        "if r3 == 7 goto far; r4 = r2; r4 += 20; if r4 > r3 goto end; goto on; far:; r2 += 4; "
            + "on:; r0 = *(u8 *)(r2 + 0)",
        "if r3 == 7 goto far; r2 += 4; goto on; far:; r4 = r2; r4 += 20; if r4 > r3 goto end; "
            + "on:; r0 = *(u8 *)(r2 + 0)",
        // The comparison was with the address before it moved on.
        "r4 = r2; r4 += 14; if r4 > r3 goto end; r2 += 8; r0 = *(u64 *)(r2 + 0)",
        "w5 = 0; if r3 == 7 goto on; w5 = 9; on:; r4 = r2; r4 += 14; if r4 > r3 goto end; "
            + "r2 += r5; r0 = *(u8 *)(r2 + 0)",
        // The helper may have cut the packet off.
        "r6 = r1; r7 = r2; r4 = r2; r4 += 14; if r4 > r3 goto end; r2 = 1; r3 = 0; call 38; "
            + "r0 = *(u8 *)(r7 + 0)",
      })
  void whatItDoesNotMakeSureOfIsNot(String body) throws Exception {
    assertThat(proved(program(body))).isZero();
  }

  private static List<Insn> program(String body) throws Exception {
    return Assembler.assemble(DATA + body.replace("; ", "\n") + "\n" + END);
  }

  /** A loop in which an address moves, and is compared before or after. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "r5 = 0; again:; r4 = r2; r4 += 1; if r4 > r3 goto end; r0 = *(u8 *)(r2 + 0); r2 += 1; "
            + "r5 += 1; if r5 < 200 goto again",
        "r5 = 0; r4 = r2; r4 += 1; if r4 > r3 goto end; again:; r0 = *(u8 *)(r2 + 0); r2 += 1; "
            + "r5 += 1; if r5 < 200 goto again",
        "r5 = 3; again:; r4 = r2; r4 += 2; if r4 > r3 goto end; r6 = r2; r2 += r5; "
            + "r0 = *(u8 *)(r6 + 1); r7 = *(u8 *)(r2 + 0); r5 = r7; goto again",
      })
  void loopsStayWithinThePacket(String body) throws Exception {
    List<Insn> insns = program(body);
    alike(insns, packets(new SplittableRandom(1), 50));
  }

  @Test
  void randomProgramsReadAndFaultAsTheyAreInterpreted() throws Exception {
    SplittableRandom random = new SplittableRandom(7);
    long proved = 0;
    long loads = 0;
    for (int i = 0; i < 1_500; i++) {
      List<Insn> insns = Assembler.assemble(random(random));
      proved += proved(insns);
      loads += insns.stream().filter(insn -> insn.opcode() == Opcode.LDXH).count();
      alike(insns, packets(random, 12));
    }
    assertThat(proved).isBetween(loads / 20, loads - loads / 20);
  }

  private static PacketBatch packets(SplittableRandom random, int count) {
    PacketBatch batch = new PacketBatch(count, count * 100);
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[14 + random.nextInt(80)];
      random.nextBytes(bytes);
      for (int at = 0; at < bytes.length; at++) {
        bytes[at] = (byte) (bytes[at] & (random.nextBoolean() ? 0x0F : 0x7F));
      }
      batch.add(bytes, 0, bytes.length, bytes.length, 0);
    }
    return batch;
  }

  /** Returns a program that does with addresses in a packet what filters do, and often wrongly. */
  private static String random(SplittableRandom random) {
    StringBuilder text = new StringBuilder(DATA);
    text.append("r9 = r1\nr4 = r2\nr5 = 0\nr6 = r2\nr7 = 4\nr8 = 0\n");
    int size = 5 + random.nextInt(25);
    for (int i = 0; i < size; i++) {
      text.append("l%d:\n".formatted(i));
      text.append(statement(random, i, size)).append('\n');
    }
    return text.append("l%d:\nr0 += r5\n".formatted(size)).append(END).toString();
  }

  private static String statement(SplittableRandom random, int i, int size) {
    String a = pointer(random);
    String b = pointer(random);
    String n = random.nextBoolean() ? "r5" : "r7";
    int small = random.nextInt(40) - 2;
    String to =
        "l" + (random.nextInt(6) == 0 ? random.nextInt(size) : i + 1 + random.nextInt(size - i));
    String than = List.of(">", ">=", "<", "<=").get(random.nextInt(4));
    return switch (random.nextInt(14)) {
      case 0 -> "%s = %s".formatted(a, b);
      case 1 -> "%s += %d".formatted(a, small);
      case 2 -> "%s &= %d\n%s += %s".formatted(n, random.nextInt(64), a, n);
      case 3 -> "%s <<= %d".formatted(n, random.nextInt(3));
      case 4 -> "if %s %s r3 goto %s".formatted(a, than, to);
      case 5 -> "if r3 %s %s goto %s".formatted(than, a, to);
      case 6 -> "*(u64 *)(r10 - 8) = %s\n%s = r2".formatted(a, a);
      case 7 -> "*(u64 *)(r10 - 8) = %s\n%s = *(u64 *)(r10 - 8)".formatted(a, b);
      case 8 -> "if %s > %d goto %s".formatted(n, small, to);
      // What shortens or lengthens the packet, and where it is then.
      case 9 ->
          random.nextInt(3) > 0
              ? "%s = %d".formatted(n, random.nextInt(30))
              : """
              r1 = r9
              r2 = %d
              r3 = 0
              call 38
              r2 = *(u32 *)(r9 + 76)
              r3 = *(u32 *)(r9 + 80)
              r0 = 0"""
                  .formatted(14 + random.nextInt(60));
      // A comparison and a load that goes with it, or nearly.
      default ->
          """
          r8 = %s
          r8 += %d
          if r8 > r3 goto %s
          %s = *(u16 *)(%s %s)
          r0 += %s"""
              .formatted(a, small, to, n, a, distance(small - random.nextInt(1, 5)), n);
    };
  }

  private static String distance(int bytes) {
    return bytes < 0 ? "- 1" : "+ " + bytes;
  }

  private static String pointer(SplittableRandom random) {
    return List.of("r2", "r4", "r6", "r8").get(random.nextInt(4));
  }

  /** Asks the interpreter and compiled code, frame by frame and as a batch. */
  private static void alike(List<Insn> insns, PacketBatch packets) {
    List<String> expected = outcomes(insns, packets, false);
    assertThat(outcomes(insns, packets, true)).as("%s", insns).isEqualTo(expected);
    List<String> batch = asBatch(insns, packets);
    assertThat(batch).as("%s", insns).isNotEmpty();
    assertThat(batch).as("%s", insns).isEqualTo(expected.subList(0, batch.size()));
  }

  private static Machine machine() {
    Machine machine = new Machine();
    machine.budget(2_000);
    return machine;
  }

  private static List<String> outcomes(List<Insn> insns, PacketBatch packets, boolean compiled) {
    Machine machine = machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    Program program = new Program("p", insns, compiled ? new Jit(machine, true) : Interpreter::of);
    List<String> outcomes = new ArrayList<>();
    for (int i = 0; i < packets.size(); i++) {
      frames.show(packets, i);
      try {
        outcomes.add(String.valueOf((int) machine.run(program, Machine.CONTEXT, 0)));
      } catch (Fault fault) {
        outcomes.add(fault.slot() + ": " + fault.what());
      }
    }
    return outcomes;
  }

  /** Returns the outcomes up to the first fault. */
  private static List<String> asBatch(List<Insn> insns, PacketBatch packets) {
    Machine machine = machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    Program program = new Program("p", insns, new Jit(machine, true));
    int[] verdicts = new int[packets.size()];
    int count = packets.size();
    List<String> outcomes = new ArrayList<>();
    try {
      machine.run(program, frames, packets, verdicts);
    } catch (Fault fault) {
      count = frames.number();
      outcomes.add(fault.slot() + ": " + fault.what());
    }
    for (int i = count - 1; i >= 0; i--) {
      outcomes.add(0, String.valueOf(verdicts[i]));
    }
    return outcomes;
  }
}
