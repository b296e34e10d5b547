package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.fuzz.ProgramFuzz;
import io.plumbline.conformance.fuzz.ProgramGenerator;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.PacketBatch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A bounded campaign of what {@code plumb bpf fuzz} does at length. */
class ProgramFuzzTest {
  private static final Path REGRESSIONS = Path.of("regressions");

  @Test
  @Tag("kernel")
  void interpreterJitAndKernelRunGeneratedProgramsAlike() {
    KernelNeeded.orSkip();
    try (ProgramFuzz fuzz = new ProgramFuzz()) {
      for (int seed = 0; seed < 400; seed++) {
        fuzz.legal(seed, 50, true);
      }
      assertThat(fuzz.differences().stream().map(ProgramFuzz.Difference::describe)).isEmpty();
      assertThat(fuzz.refusedByKernel()).isZero();
      assertThat(fuzz.kernelExecutions()).isEqualTo(20_000);
    }
  }

  @Test
  void damagedProgramsHarmNobody() {
    try (ProgramFuzz fuzz = new ProgramFuzz()) {
      for (int seed = 0; seed < 20_000; seed++) {
        fuzz.damaged(seed);
      }
      assertThat(fuzz.differences().stream().map(ProgramFuzz.Difference::describe)).isEmpty();
      assertThat(fuzz.notPrograms()).isBetween(1L, 19_999L);
    }
  }

  @Test
  void generatedProgramsSurviveBytesAndText() throws Exception {
    for (int seed = 0; seed < 2_000; seed++) {
      List<Insn> insns = ProgramGenerator.program(seed);
      StructuralVerifier.check(insns);
      assertThat(InsnCodec.decode(InsnCodec.encode(insns))).isEqualTo(insns);
      assertThat(Assembler.assemble(String.join("\n", Disassembler.lines(insns)))).isEqualTo(insns);
    }
  }

  /** A compiled program that is wrong is noticed: here one instruction of it is another. */
  @Test
  void aWrongCompilationWouldBeSeen() {
    int seen = 0;
    for (int seed = 0; seed < 50; seed++) {
      List<Insn> insns = ProgramGenerator.program(seed);
      PacketBatch packets = ProgramFuzz.packets(seed, 20);
      List<Insn> wrong =
          insns.stream()
              .map(
                  insn ->
                      insn.opcode().name().equals("MUL64_K")
                          ? new Insn(insn.opcode(), insn.dst(), insn.src(), insn.off(), 33)
                          : insn)
              .toList();
      boolean differs = false;
      for (int i = 0; i < packets.size(); i++) {
        differs |=
            !run(insns, m -> Interpreter::of, packets, i)
                .equals(run(wrong, m -> new Jit(m, true), packets, i));
      }
      seen += differs ? 1 : 0;
    }
    assertThat(seen).isGreaterThan(45);
  }

  /** Returns r0, or the fault and where it happened. */
  private static String run(
      List<Insn> insns, Function<Machine, Program.Maker> maker, PacketBatch packets, int i) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    Program program = new Program("generated", insns, maker.apply(machine));
    frames.show(packets, i);
    try {
      return Long.toHexString(machine.run(program, Machine.CONTEXT, 0));
    } catch (Fault fault) {
      return fault.slot() + ": " + fault.what();
    }
  }

  static Stream<Path> regressions() throws Exception {
    try (Stream<Path> files = Files.list(REGRESSIONS)) {
      return files.filter(file -> file.toString().endsWith(".s")).sorted().toList().stream();
    }
  }

  /** Programs that once were run differently, or that stand for a way to be. */
  @ParameterizedTest
  @MethodSource("regressions")
  void regressionsStayAlike(Path file) throws Exception {
    List<Insn> insns = Assembler.assemble(Files.readString(file));
    PacketBatch packets = ProgramFuzz.packets(1, 10);
    for (int i = 0; i < packets.size(); i++) {
      assertThat(run(insns, m -> new Jit(m, true), packets, i))
          .isEqualTo(run(insns, m -> Interpreter::of, packets, i));
    }
  }
}
