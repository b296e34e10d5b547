package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The instruction set by cases: interpreter, JIT and kernel give what the data says. */
class IsaTest {
  private static final Path DATA = Path.of("isa");
  private static final String NOT_THE_KERNEL = "the kernel does not take it";
  private static final byte[] PACKET = packet();

  /** Rows that only objects have, or that stand for something in a kernel. */
  private static final Set<Opcode> WITHOUT_DATA =
      EnumSet.of(
          Opcode.LDDW_HIGH,
          Opcode.LDDW_MAP_FD,
          Opcode.LDDW_MAP_VALUE,
          Opcode.LDDW_BTF_ID,
          Opcode.LDDW_MAP_INDEX,
          Opcode.LDDW_MAP_INDEX_VALUE,
          Opcode.ADDR_SPACE_CAST,
          Opcode.CALL_KFUNC);

  private record Case(String title, String source, long result) {}

  private static byte[] packet() {
    byte[] bytes = new byte[64];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }

  private static List<Case> read(Path file) throws IOException {
    List<Case> cases = new ArrayList<>();
    String title = "";
    StringBuilder source = new StringBuilder();
    String part = "";
    for (String line : Files.readAllLines(file)) {
      if (line.startsWith("# ") && !part.equals("asm")) {
        title = line.substring(2);
      } else if (line.startsWith("-- ")) {
        part = line.substring(3);
      } else if (part.equals("asm")) {
        source.append(line).append('\n');
      } else if (part.equals("result") && !line.isBlank()) {
        cases.add(
            new Case(title, source.toString(), Long.parseUnsignedLong(line.substring(2), 16)));
        source.setLength(0);
        part = "";
      } else if (!line.isBlank()) {
        throw new IOException(file + ": '" + line + "': expected a part or a comment");
      }
    }
    return cases;
  }

  static Stream<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(DATA)) {
      return files.sorted().toList().stream();
    }
  }

  private static long run(List<Insn> insns, Function<Machine, Program.Maker> maker) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    PacketBatch batch = new PacketBatch(1, PACKET.length);
    batch.add(Packet.of(PACKET));
    frames.show(batch, 0);
    return machine.run(new Program("case", insns, maker.apply(machine)), Machine.CONTEXT, 0);
  }

  @ParameterizedTest
  @MethodSource("files")
  void everyEngineGivesTheResult(Path file) throws Exception {
    List<Case> cases = read(file);
    assertThat(cases).isNotEmpty();
    for (Case one : cases) {
      String name = file.getFileName() + ": " + one.title;
      List<Insn> insns = Assembler.assemble(one.source);
      StructuralVerifier.check(insns);
      assertThat(InsnCodec.decode(InsnCodec.encode(insns))).as(name).isEqualTo(insns);
      assertThat(Assembler.assemble(String.join("\n", Disassembler.lines(insns))))
          .as(name)
          .isEqualTo(insns);
      assertThat(run(insns, m -> Interpreter::of)).as(name + ": interpreter").isEqualTo(one.result);
      assertThat(run(insns, m -> new Jit(m, true))).as(name + ": jit").isEqualTo(one.result);
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  @Tag("kernel")
  void theKernelGivesTheResult(Path file) throws Exception {
    KernelNeeded.orSkip();
    for (Case one : read(file)) {
      String name = file.getFileName() + ": " + one.title;
      List<Insn> insns = Assembler.assemble(one.source);
      // A test run returns 32 bits: the high half is asked for by a second program.
      List<Insn> high = new ArrayList<>(insns);
      int exit = firstExit(insns);
      high.add(exit, Insn.of(Opcode.RSH64_K, 0, 0, 0, 32));
      try (RawKernelProgram low = new RawKernelProgram(insns)) {
        if (one.title.contains(NOT_THE_KERNEL)) {
          assertThat(low.refusal()).as(name).isNotEmpty();
          continue;
        }
        assertThat(low.refusal()).as(name).isEmpty();
        assertThat(low.run(PACKET)).as(name).isEqualTo((int) one.result);
      }
      if (jumpsOver(insns, exit)) {
        continue;
      }
      try (RawKernelProgram program = new RawKernelProgram(high)) {
        assertThat(program.refusal()).as(name).isEmpty();
        assertThat(program.run(PACKET)).as(name).isEqualTo((int) (one.result >>> 32));
      }
    }
  }

  private static int firstExit(List<Insn> insns) {
    int slot = 0;
    while (insns.get(slot).opcode() != Opcode.EXIT) {
      slot++;
    }
    return slot;
  }

  /** Returns whether something before an instruction refers to something behind it. */
  private static boolean jumpsOver(List<Insn> insns, int exit) {
    for (int slot = 0; slot < exit; slot++) {
      Insn insn = insns.get(slot);
      boolean refers =
          insn.opcode().form().jumpsByOffset()
              || insn.opcode() == Opcode.GOTOL
              || insn.opcode() == Opcode.CALL_LOCAL
              || insn.opcode() == Opcode.LDDW_FUNC;
      int target = insn.opcode() == Opcode.LDDW_FUNC ? slot + 1 + insn.immLow() : insn.target(slot);
      if (refers && target > exit) {
        return true;
      }
    }
    return false;
  }

  @Test
  void everyOpcodeHasData() {
    for (Opcode opcode : Opcode.values()) {
      if (!WITHOUT_DATA.contains(opcode)) {
        assertThat(DATA.resolve(opcode.name().toLowerCase(Locale.ROOT) + ".data")).exists();
      }
    }
  }
}
