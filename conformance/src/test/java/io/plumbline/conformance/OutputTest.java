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
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What programs send and print for one frame is not there for the next one. */
class OutputTest {
  private static final int FRAMES = 1000;
  private static final int BUFFER = 4096;

  static Stream<Function<Machine, Program.Maker>> engines() {
    return Stream.of(m -> Interpreter::of, m -> new Jit(m, true));
  }

  @ParameterizedTest
  @MethodSource("engines")
  void everyFrameFindsAnEmptyRingBuffer(Function<Machine, Program.Maker> engine) throws Exception {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    BpfMap ring = MapType.create(machine, MapSpec.of("ring", 27, 0, 0, BUFFER, 0));
    // Two records of 1,024 bytes, one that is never submitted, and a line; returns what is used.
    List<Insn> insns =
        Assembler.assemble(
            """
            r6 = %1$d ll
            r1 = r6
            r2 = r10
            r2 += -512
            r3 = 512
            r4 = 0
            call 130
            if r0 != 0 goto full
            r1 = r6
            r2 = 512
            r3 = 0
            call 131
            if r0 == 0 goto full
            r1 = r10
            r1 += -8
            *(u64 *)(r10 - 8) = 10
            r2 = 8
            call 6
            r1 = r6
            r2 = 0
            call 134
            exit
            full: r0 = -1
            exit
            """
                .formatted(ring.address()));
    Program program = new Program("sender", insns, engine.apply(machine));
    PacketBatch batch = new PacketBatch(FRAMES, FRAMES * 64);
    for (int i = 0; i < FRAMES; i++) {
      batch.add(Packet.of(new byte[64]));
    }
    int[] verdicts = new int[FRAMES];
    machine.run(program, frames, batch, verdicts);
    assertThat(verdicts).containsOnly(2 * 520);
    assertThat(machine.events()).hasSize(1);
    assertThat(machine.prints()).hasSize(1);
    for (int i = 0; i < 20; i++) {
      frames.show(batch, i);
      assertThat(machine.run(program, Machine.CONTEXT, 0)).isEqualTo(2 * 520);
      assertThat(machine.events()).hasSize(1);
    }
  }
}
