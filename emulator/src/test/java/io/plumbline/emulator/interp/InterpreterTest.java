package io.plumbline.emulator.interp;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is run as one does what its instructions do one by one, as they do when they are traced. */
class InterpreterTest {
  private static final long BUDGET = 200;

  @SuppressWarnings("EnumOrdinal")
  @Test
  void constantsAreOrdinals() throws Exception {
    for (Field field : Opcode.Ordinal.class.getDeclaredFields()) {
      if (!field.isSynthetic()) {
        assertThat(field.getInt(null))
            .as(field.getName())
            .isEqualTo(Opcode.valueOf(field.getName()).ordinal());
      }
    }
  }

  private static String run(String text, Program.Maker maker) throws Exception {
    Machine machine = new Machine();
    machine.budget(BUDGET);
    machine.packet(new byte[] {-128, 1, 2, 3, 4, 5, 6, 7}, 0, 8);
    Program program = new Program("test", Assembler.assemble(text.replace("; ", "\n")), maker);
    try {
      return Long.toHexString(machine.run(program, Machine.PACKET_START, 8));
    } catch (Fault fault) {
      return fault.slot() + ": " + fault.what();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r0 = r1; r0 += -3; exit",
        "r0 = r1; r0 += 3; if r0 > r1 goto +1; r0 = 7; exit",
        "r0 = r1; r0 += 3; if r1 > r0 goto +1; r0 = 7; exit",
        "r0 = r1; r0 += 3; if r0 > r0 goto +1; r0 = 7; exit",
        "r2 = -1; r0 = r2; r0 >>= 60; exit",
        "r2 = -1; r0 = r2; r2 >>= 60; exit",
        "r0 = *(u16 *)(r1 + 0); r0 = be16 r0; exit",
        "r0 = *(u16 *)(r1 + 1); r2 = be16 r2; exit",
        "r0 = *(u32 *)(r1 + 0); r0 = be32 r0; exit",
        // The load faults, at its own slot.
        "r0 = 0; r0 = *(u16 *)(r1 + 7); r0 = be16 r0; exit",
        "r0 = 0; r0 = *(u32 *)(r1 + 5); r0 = be32 r0; exit",
        // Jumps into the middle.
        "r0 = 1; goto +1; r0 = r1; r0 += 3; exit",
        "r0 = 1; r2 = 0; goto +1; r0 = r1; r0 += 3; if r0 > r2 goto +0; exit",
        "r0 = 256; r2 = 0; goto +1; r0 = *(u16 *)(r2 + 0); r0 = be16 r0; exit",
        // Round and round, until the budget is spent at the jump.
        "r2 = 0; r0 = r1; r0 += 3; if r0 > r2 goto -3; exit",
        "r0 = 5; r0 += -1; if r0 != 0 goto -2; exit",
        // At the very end.
        "goto +2; exit; r0 = r1; r0 += 3; goto -3",
      })
  void togetherIsOneByOne(String text) throws Exception {
    String together = run(text, Interpreter::of);
    String oneByOne = run(text, Interpreter.traced((program, slot, frame, registers) -> {}));
    assertThat(together).isEqualTo(oneByOne);
  }

  @Test
  void whatIsBelowTheStackIsToldAsSuch() throws Exception {
    assertThat(run("r0 = 5; *(u64 *)(r10 - 520) = r0; exit", Interpreter::of))
        .isEqualTo(
            "1: write of 8 bytes at 0x2fffffff8: stack of frame 0 is [0x300000000, 0x300000200)");
  }
}
