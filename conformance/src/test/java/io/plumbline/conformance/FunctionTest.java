package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.vm.Flat;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions of a program, the loops in them, and code that never runs: as in the kernel. */
@Tag("kernel")
class FunctionTest {
  private static final int MAX_FUNCTIONS = 256;

  private static List<Insn> assemble(String source) throws IsaException {
    return Assembler.assemble(source.replace("; ", "\n"));
  }

  private static long run(List<Insn> insns, Function<Machine, Program.Maker> maker) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    frames.show(PacketBatch.of(Packet.of(new byte[64])), 0);
    return machine.run(new Program("case", insns, maker.apply(machine)), Machine.CONTEXT, 0);
  }

  /** Kernel without a timed may_goto: {@code BPF_MAX_LOOPS} turns for each call of a function. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          r6 = 0; may_goto +2; r6 += 1; goto -3; call pc+1; exit; r0 = 0; may_goto +2; r0 += 1; goto -3; exit | 8388608
          r6 = 0; may_goto +2; r6 += 1; goto -3; r0 = r6; exit | 8388608
          call pc+3; r6 = r0; call pc+1; exit; r0 = 0; may_goto +2; r0 += 1; goto -3; exit | 8388608
          call pc+6; r6 = 0; may_goto +2; r6 += 1; goto -3; r0 = r6; exit; r0 = 0; may_goto +2; r0 += 1; goto -3; exit | 8388608
          """)
  void everyCallOfAFunctionHasItsTurns(String source, long expected) throws Exception {
    List<Insn> insns = assemble(source);
    assertThat(run(insns, m -> Interpreter::of)).isEqualTo(expected);
    assertThat(run(insns, m -> new Jit(m, true))).isEqualTo(expected);
  }

  @Test
  void theKernelGivesEveryFunctionTurnsToo() throws Exception {
    KernelNeeded.orSkip();
    List<Insn> insns =
        assemble(
            "r6 = 0; may_goto +2; r6 += 1; goto -3; call pc+1; exit; r0 = 0; may_goto +2; r0 += 1;"
                + " goto -3; exit");
    try (RawKernelProgram kernel = new RawKernelProgram(insns)) {
      assertThat(kernel.refusal()).isEmpty();
      assertThat(kernel.run(new byte[64])).isPositive();
    }
  }

  /** In pieces the turns are counted over all of a function. */
  @Test
  void aLargeFunctionHasItsTurnsOnce() throws Exception {
    StringBuilder source = new StringBuilder("r6 = 0\nr7 = 0\nmay_goto end\nr6 += 1\n");
    source.append("r7 ^= r6\n".repeat(2000)).append("goto -2003\nend: r0 = r6\nexit\n");
    List<Insn> insns = assemble(source.toString());
    Machine machine = new Machine();
    machine.budget(3_000_000);
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    frames.show(PacketBatch.of(Packet.of(new byte[64])), 0);
    Program program = new Program("large", insns, new Jit(machine, true));
    assertThatThrownBy(() -> machine.run(program, Machine.CONTEXT, 0))
        .hasMessageContaining("it has not ended");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          call pc+2; r0 = 0; exit; r0 = 1; goto -3 | insn 4 (opcode 0x05): target 2: it is in another function: expected 3..4
          call pc+2; r0 = 0; goto +1; r0 = 1; exit | insn 2 (opcode 0x05): target 4: it is in another function: expected 0..2
          call pc+2; r0 = 0; gotol +1; r0 = 1; exit | insn 2 (opcode 0x06): target 4: it is in another function: expected 0..2
          call pc+2; exit; r0 = 1; r0 = 1; exit | insn 2 (opcode 0xb7): it runs into the function at 3: expected exit or goto
          call pc+1; exit; if r1 == 0 goto -2; r0 = 0; exit | insn 2 (opcode 0x15): target 1: it is in another function: expected 2..4
          r0 = 0; call pc+2; may_goto +2; exit; r0 = 1; exit | insn 2 (opcode 0xe5): target 5: it is in another function: expected 0..3
          r0 = 0; r0 = 1 | insn 1 (opcode 0xb7): the program runs past its end
          r0 = 0; if r0 == 0 goto +1; goto +7; exit | insn 2 (opcode 0x05): target 10: expected 0..3
          """)
  void functionsStayApart(String source, String refusal) throws Exception {
    List<Insn> insns = assemble(source);
    assertThatThrownBy(() -> StructuralVerifier.check(insns))
        .isInstanceOf(IsaException.class)
        .hasMessage(refusal);
    KernelNeeded.orSkip();
    try (RawKernelProgram kernel = new RawKernelProgram(insns)) {
      assertThat(kernel.refusal()).isNotEmpty();
    }
  }

  /** What no path reaches on which constants decide the branches is not looked at. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          r10 written | r0 = 0; if r0 == 0 goto +1; r10 = 0; exit
          r10 written after arithmetic | r1 = 5; r1 += 2; r0 = 0; if r1 != 7 goto +1; exit; r10 = 0; exit
          r10 written in 32 bits | w1 = -1; r0 = 0; if w1 s< 0 goto +1; r10 += 1; exit
          two registers | r1 = 5; r2 = r1; r0 = 0; if r1 == r2 goto +1; r10 = 0; exit
          a wide constant | r1 = 4294967296 ll; r0 = 0; if r1 > 4294967 goto +1; r10 = 0; exit
          a helper that is not there | r0 = 0; if r0 == 0 goto +1; call 999; exit
          a callee that is not called | r0 = 0; if r0 == 0 goto +1; call pc+1; exit; r10 = 0; r0 = 0; exit
          both paths agree | r1 = 5; if r1 > 3 goto +1; r10 = 0; r0 = 0; exit
          """)
  void codeThatNeverRunsMayBeWrong(String what, String source) throws Exception {
    accepted(what, assemble(source));
  }

  /** Instructions in the place of one that does not run. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "bf 0c 00 00 00 00 00 00", // destination 12
        "bf f0 00 00 00 00 00 00", // source 15
        "bf 00 00 00 05 00 00 00", // immediate that it does not use
        "b7 10 00 00 05 00 00 00", // source that it does not use
        "95 00 00 00 05 00 00 00", // exit with an immediate
        "05 00 00 00 05 00 00 00", // goto with an immediate
        "1d 00 00 00 05 00 00 00", // comparison of registers with an immediate
        "7b ba 00 00 00 00 00 00" // source 11 of a store
      })
  void fieldsOfCodeThatNeverRunsAreNotLookedAt(String hex) throws Exception {
    List<Insn> insns = around(hex, 0);
    accepted(hex, insns);
    List<Insn> running = around(hex, 1);
    assertThatThrownBy(() -> StructuralVerifier.check(running)).isInstanceOf(IsaException.class);
    try (RawKernelProgram kernel = new RawKernelProgram(running)) {
      assertThat(kernel.refusal()).isNotEmpty();
    }
  }

  /** Returns a program in which bytes run or not, by what r0 is compared with. */
  private static List<Insn> around(String hex, int compared) throws IsaException {
    String bytes =
        "b700000000000000" + "150001000%d000000".formatted(compared) + hex + "b700000000000000";
    return InsnCodec.decode(HexFormat.of().parseHex((bytes + "9500000000000000").replace(" ", "")));
  }

  private static void accepted(String what, List<Insn> insns) throws Exception {
    assertThatCode(() -> StructuralVerifier.check(insns)).as(what).doesNotThrowAnyException();
    assertThat(run(insns, m -> Interpreter::of)).as(what).isZero();
    assertThat(run(insns, m -> new Jit(m, true))).as(what).isZero();
    assertThat(new Flat(insns, m -> new Jit(m, false)).run(new byte[0])).as(what).isZero();
    KernelNeeded.orSkip();
    try (RawKernelProgram kernel = new RawKernelProgram(insns)) {
      assertThat(kernel.refusal()).as(what).isEmpty();
    }
  }

  /** What the kernel checks of every instruction, reached or not. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "79 00 00 00 05 00 00 00", // load with an immediate
        "ff 00 00 00 00 00 00 00", // no such opcode
        "05 00 09 00 00 00 00 00", // goto out of the program
        "85 10 00 00 99 00 00 00", // call of a function out of the program
      })
  void someThingsAreRefusedWhereverTheyAre(String hex) {
    assertThatThrownBy(() -> StructuralVerifier.check(around(hex, 0)))
        .isInstanceOf(IsaException.class);
    KernelNeeded.orSkip();
    byte[] bytes =
        HexFormat.of()
            .parseHex(
                ("b7000000000000001500010000000000" + hex + "9500000000000000").replace(" ", ""));
    BpfSyscall.Loaded loaded = BpfSyscall.progLoad(3, bytes);
    assertThat(loaded.fd()).isNegative();
  }

  /**
   * One damaged instruction, where it runs and where it does not: what the kernel refuses is
   * refused. It is more strict in what it knows of memory, so only those are looked at that the
   * undamaged program with a pure computation in that place is accepted for.
   */
  @Test
  void whatTheKernelRefusesOfAnInstructionIsRefused() throws Exception {
    KernelNeeded.orSkip();
    SplittableRandom random = new SplittableRandom(7);
    List<String> wrong = new ArrayList<>();
    int accepted = 0;
    int refused = 0;
    for (int i = 0; i < 1500; i++) {
      byte[] damaged = new byte[8];
      int[] codes = {0xb7, 0xbf, 0x07, 0x0f, 0x87, 0xd4, 0xdc, 0x15, 0x1d, 0x05, 0xb4, 0xbc, 0xc7};
      damaged[0] = (byte) codes[random.nextInt(codes.length)];
      damaged[1] = (byte) (random.nextInt(3) == 0 ? random.nextInt(256) : random.nextInt(2));
      if (random.nextInt(3) == 0) {
        damaged[2] = (byte) random.nextInt(3);
      }
      if (random.nextInt(2) == 0) {
        damaged[4] = (byte) (random.nextInt(2) == 0 ? 16 : random.nextInt(64));
      }
      String hex = HexFormat.of().formatHex(damaged);
      for (int compared = 0; compared < 2; compared++) {
        String all =
            "b701000000000000b700000000000000"
                + "150001000%d000000".formatted(compared)
                + hex
                + "b700000000000000b7000000000000009500000000000000";
        byte[] bytes = HexFormat.of().parseHex(all);
        boolean ours = isProgram(bytes);
        BpfSyscall.Loaded loaded = BpfSyscall.progLoad(3, bytes);
        if (loaded.fd() >= 0) {
          LibC.close(loaded.fd());
          accepted++;
        } else {
          refused++;
        }
        boolean encoded = isEncoded(bytes);
        boolean unread = loaded.log().contains("!read_ok") || loaded.log().contains("pointer");
        if (loaded.fd() < 0 && ours && !unread || loaded.fd() >= 0 && !ours && encoded) {
          wrong.add(
              "%s compared with %d: kernel %s, here %s: %s"
                  .formatted(hex, compared, loaded.fd() >= 0, ours, loaded.log()));
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(accepted).isGreaterThan(500);
    assertThat(refused).isGreaterThan(500);
  }

  private static boolean isProgram(byte[] bytes) {
    try {
      StructuralVerifier.check(InsnCodec.decode(bytes));
      return true;
    } catch (IsaException e) {
      return false;
    }
  }

  /** Returns whether every instruction has an encoding; others are refused wherever they are. */
  private static boolean isEncoded(byte[] bytes) {
    try {
      InsnCodec.decode(bytes);
      return true;
    } catch (IsaException e) {
      return false;
    }
  }

  @ParameterizedTest
  @CsvSource({"255, true", "256, false"})
  void thereMayBeOnlyAsManyFunctionsAsInTheKernel(int called, boolean fits) throws Exception {
    List<Insn> insns = new ArrayList<>();
    for (int i = 0; i < called; i++) {
      insns.add(Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, called + 1 - i + 2L * i));
    }
    insns.add(Insn.of(Opcode.MOV64_K, 0, 0, 0, 0));
    insns.add(Insn.of(Opcode.EXIT, 0, 0, 0, 0));
    for (int i = 0; i < called; i++) {
      insns.add(Insn.of(Opcode.MOV64_K, 0, 0, 0, i));
      insns.add(Insn.of(Opcode.EXIT, 0, 0, 0, 0));
    }
    if (fits) {
      StructuralVerifier.check(insns);
    } else {
      assertThatThrownBy(() -> StructuralVerifier.check(insns))
          .hasMessage("program: 257 functions: expected at most 256");
    }
    KernelNeeded.orSkip();
    try (RawKernelProgram kernel = new RawKernelProgram(insns)) {
      assertThat(kernel.refusal().isEmpty()).isEqualTo(fits && called < MAX_FUNCTIONS);
    }
  }

  /** Without maps and a kernel these refer to nothing, even where they do not run. */
  @ParameterizedTest
  @CsvSource({
    "map_fd(1), it refers to a map: there are no maps",
    "'map_value(1, 4)', it refers to a map: there are no maps",
    "map_index(0), it refers to a map: there are no maps",
    "'map_index_value(0, 0)', it refers to a map: there are no maps",
    "btf_id(3), it refers to a variable of a kernel: there is no kernel"
  })
  void plainProgramsReferToNothing(String reference, String refusal) throws Exception {
    String load = "r1 = " + reference + " ll";
    for (String source :
        new String[] {load + "; r0 = 0; exit", "r0 = 0; if r0 == 0 goto +2; " + load + "; exit"}) {
      for (Function<Machine, Program.Maker> engine :
          List.<Function<Machine, Program.Maker>>of(m -> Interpreter::of, m -> new Jit(m, false))) {
        assertThatThrownBy(() -> new Flat(assemble(source), engine))
            .isInstanceOf(VmException.class)
            .hasMessageContaining("(r1 = " + reference.replace("'", "") + " ll): " + refusal);
      }
    }
  }
}
