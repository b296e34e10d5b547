package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.fuzz.ProgramFuzz;
import io.plumbline.conformance.fuzz.ProgramGenerator;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.PacketBatch;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs too large for one method. */
class JitTest {
  /** HotSpot never compiles a method of more bytecode than this. */
  private static final int HUGE_METHOD = 8000;

  /** Returns generated programs one behind the other: the end of each goes on in the next. */
  private static List<Insn> large(int slots) {
    List<Insn> all = new ArrayList<>();
    for (int seed = 0; all.size() < slots; seed++) {
      List<Insn> one = ProgramGenerator.program(seed);
      boolean calls = one.stream().anyMatch(insn -> insn.opcode() == Opcode.CALL_LOCAL);
      if (calls) {
        continue;
      }
      // The context, which every part begins with, is kept on the stack.
      all.add(
          all.isEmpty()
              ? Insn.of(Opcode.STXDW, 10, 1, -40, 0)
              : Insn.of(Opcode.LDXDW, 1, 10, -40, 0));
      all.addAll(one.subList(0, one.size() - 1));
    }
    all.add(Insn.of(Opcode.EXIT, 0, 0, 0, 0));
    return all;
  }

  private static long run(Program program, Machine machine, PacketBatch packets, int i) {
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    frames.show(packets, i);
    return machine.run(program, Machine.CONTEXT, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 1000, 5000, 40_000})
  void largeProgramsRunAsTheyAreInterpreted(int slots) {
    List<Insn> insns = large(slots);
    Machine one = new Machine();
    Machine other = new Machine();
    new Frames(other, ContextType.SCHED_CLS);
    Program interpreted = new Program("large", insns, Interpreter::of);
    Program compiled = new Program("large", insns, new Jit(other, true));
    PacketBatch packets = ProgramFuzz.packets(1, 20);
    for (int i = 0; i < packets.size(); i++) {
      assertThat(run(compiled, other, packets, i)).isEqualTo(run(interpreted, one, packets, i));
    }
  }

  @Test
  void nothingKeepsHotSpotFromCompiling() {
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    for (int slots : new int[] {100, 1000, 40_000}) {
      Program program = new Program("large", large(slots), Interpreter::of);
      byte[] file = Jit.classFile(machine, program, true);
      List<Integer> sizes = codeSizes(file);
      assertThat(sizes).isNotEmpty().allMatch(size -> size < HUGE_METHOD);
    }
  }

  @Test
  void programsAreCompiledByManyThreads() {
    Program program = new Program("large", large(2000), Interpreter::of);
    byte[] alone = compiled(program);
    List<byte[]> files =
        IntStream.range(0, 200).parallel().mapToObj(i -> compiled(program)).toList();
    assertThat(files).allMatch(file -> Arrays.equals(file, alone));
  }

  private static byte[] compiled(Program program) {
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    return Jit.classFile(machine, program, true);
  }

  /**
   * Returns the length of each method's code (Java virtual machine specification, section 4.7.3).
   */
  private static List<Integer> codeSizes(byte[] file) {
    ByteBuffer in = ByteBuffer.wrap(file);
    in.position(8);
    int count = in.getShort() & 0xFFFF;
    String[] names = new String[count];
    for (int i = 1; i < count; i++) {
      int tag = in.get();
      switch (tag) {
        case 1 -> {
          byte[] text = new byte[in.getShort() & 0xFFFF];
          in.get(text);
          names[i] = new String(text, java.nio.charset.StandardCharsets.UTF_8);
        }
        case 3, 4, 9, 10, 11, 12, 18 -> in.getInt();
        case 5, 6 -> {
          in.getLong();
          i++;
        }
        case 15 -> {
          in.get();
          in.getShort();
        }
        // HotSpot does not compile a method with one that was never resolved.
        case 17 -> throw new AssertionError("a dynamic constant");
        default -> in.getShort();
      }
    }
    in.position(in.position() + 6);
    in.position(in.position() + 2 + 2 * (in.getShort(in.position()) & 0xFFFF));
    assertThat((int) in.getShort()).as("fields").isZero();
    List<Integer> sizes = new ArrayList<>();
    for (int methods = in.getShort() & 0xFFFF; methods > 0; methods--) {
      in.position(in.position() + 6);
      for (int attributes = in.getShort() & 0xFFFF; attributes > 0; attributes--) {
        String name = names[in.getShort() & 0xFFFF];
        int length = in.getInt();
        if ("Code".equals(name)) {
          sizes.add(in.getInt(in.position() + 4));
        }
        in.position(in.position() + length);
      }
    }
    return sizes;
  }
}
