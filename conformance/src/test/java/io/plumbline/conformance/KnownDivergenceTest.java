package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.conformance.fuzz.ProgramFuzz;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each row of known-divergences.tsv still diverges: its program, {@code regressions/ID.s}, runs
 * differently on the row's engine than on the interpreter, or is refused there. A row that passes
 * must go.
 */
@Tag("kernel")
class KnownDivergenceTest {
  private static final Path TABLE = Path.of("known-divergences.tsv");
  private static final String ANY = "any";
  private static final int PACKETS = 2000;

  /**
   * A row.
   *
   * @param where the kernel, architecture and vendor of the processor that show it, {@code Linux
   *     6.18 amd64 GenuineIntel}, or {@code any}
   */
  private record Row(String id, String engine, String where, String reason, String source) {
    @Override
    public String toString() {
      return id;
    }

    boolean isHere() throws IOException {
      if (where.equals(ANY)) {
        return true;
      }
      String[] words = where.split(" ", -1);
      String kernel = System.getProperty("os.name") + " " + System.getProperty("os.version") + ".";
      return kernel.startsWith(words[0] + " " + words[1] + ".")
          && System.getProperty("os.arch").equals(words[2])
          && Files.readString(Path.of("/proc/cpuinfo")).contains(words[3]);
    }
  }

  static Stream<Row> rows() throws Exception {
    return Files.readAllLines(TABLE).stream()
        .skip(1)
        .map(line -> line.split("\t", -1))
        .map(row -> new Row(row[0], row[1], row[2], row[3], row[4]));
  }

  @Test
  void theTableIsWellFormed() throws Exception {
    assertThat(Files.readAllLines(TABLE).get(0)).isEqualTo("id\tengine\twhere\treason\tsource");
    assertThat(rows().map(Row::id)).doesNotHaveDuplicates().contains(ProgramFuzz.LOST_EXTENSION);
    assertThat(rows())
        .allSatisfy(
            row -> {
              assertThat(row.engine).isIn("kernel", "jit");
              assertThat(row.where).matches("any|Linux \\d+\\.\\d+ \\S+ \\S+");
              assertThat(row.reason).isNotBlank();
              assertThat(row.source).contains("regressions/" + row.id + ".s");
            });
  }

  @ParameterizedTest
  @MethodSource("rows")
  void everyRowStillDiverges(Row row) throws Exception {
    assumeTrue(row.isHere(), () -> row + ": it is for " + row.where);
    List<Insn> insns = Assembler.assemble(Files.readString(Path.of("regressions", row.id + ".s")));
    assertThat(diverges(insns, row.engine))
        .as("%s passes on %s: remove its row from %s", row, row.engine, TABLE)
        .isTrue();
  }

  /** A program that runs alike everywhere would be noticed as a row. */
  @Test
  void aRowThatPassesWouldFail() throws Exception {
    KernelNeeded.orSkip();
    List<Insn> insns = Assembler.assemble("w0 = 7\nexit");
    assertThat(diverges(insns, "kernel")).isFalse();
    assertThat(diverges(insns, "jit")).isFalse();
  }

  private static boolean diverges(List<Insn> insns, String engine) {
    PacketBatch packets = ProgramFuzz.packets(1, PACKETS);
    long[] expected = run(insns, m -> Interpreter::of, packets);
    if (engine.equals("jit")) {
      return !Arrays.equals(run(insns, m -> new Jit(m, true), packets), expected);
    }
    KernelNeeded.orSkip();
    try (RawKernelProgram kernel = new RawKernelProgram(insns)) {
      boolean differs = !kernel.refusal().isEmpty();
      for (int i = 0; i < packets.size() && !differs; i++) {
        differs = kernel.run(packets.packet(i).bytes()) != (int) expected[i];
      }
      return differs;
    }
  }

  private static long[] run(
      List<Insn> insns, Function<Machine, Program.Maker> maker, PacketBatch packets) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    Program program = new Program("divergence", insns, maker.apply(machine));
    long[] results = new long[packets.size()];
    for (int i = 0; i < results.length; i++) {
      frames.show(packets, i);
      results[i] = machine.run(program, Machine.CONTEXT, 0);
    }
    return results;
  }
}
