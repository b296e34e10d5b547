package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs as long as the kernel takes them: what does not fit a class file is interpreted. */
class LongProgramTest {
  private static final int LONGEST = 1_000_000;

  private static List<Insn> repeated(String block, int slots) throws Exception {
    List<Insn> part = Assembler.assemble(block);
    List<Insn> all = new ArrayList<>(Assembler.assemble("r6 = r1\nr0 = 0\nr7 = 1"));
    while (all.size() + part.size() < slots) {
      all.addAll(part);
    }
    while (all.size() < slots - 1) {
      all.addAll(Assembler.assemble("r0 += 1"));
    }
    all.addAll(Assembler.assemble("exit"));
    return all;
  }

  private static long run(List<Insn> insns, boolean jit) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    frames.show(PacketBatch.of(Packet.of(new byte[64])), 0);
    Program.Maker maker = jit ? new Jit(machine, true) : Interpreter::of;
    return machine.run(new Program("long", insns, maker), Machine.CONTEXT, 0);
  }

  /** Shapes that cost a compiler differently; the last have most code for each slot. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "r0 += r7",
        "if r0 == 5 goto +1\nr0 += 3",
        "r1 = *(u32 *)(r6 + 0)\nr0 += r1",
        "*(u64 *)(r10 - 8) = r0\nlock *(u64 *)(r10 - 8) += r7\nr0 = *(u64 *)(r10 - 8)",
        "call 7\nr0 = 1"
      })
  void programsUpToTheBoundAreCompiledAndLongerOnesInterpreted(String block) throws Exception {
    for (int slots : new int[] {Jit.MAX_INSNS, Jit.MAX_INSNS + 1}) {
      List<Insn> insns = repeated(block, slots);
      Machine machine = new Machine();
      new Frames(machine, ContextType.SCHED_CLS);
      Program program = new Program("long", insns, new Jit(machine, true));
      assertThat(program.executor() instanceof Interpreter).isEqualTo(slots > Jit.MAX_INSNS);
      assertThat(run(insns, true)).isEqualTo(run(insns, false));
    }
  }

  @Test
  void theLongestProgramsRun() throws Exception {
    for (String block : new String[] {"r0 += r7", "r1 = *(u32 *)(r6 + 0)\nr0 += r1"}) {
      List<Insn> insns = repeated(block, LONGEST);
      StructuralVerifier.check(insns);
      assertThat(run(insns, true)).isEqualTo(run(insns, false));
    }
  }
}
