package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.vm.Flat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlatTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "r0 = 5\nr0 += 3\nexit",
        "mov %r0, 1\nmov %r1, 7\nlsh %r0, %r1\nexit",
        "r0 = 0\nr1 = 10\nl: r0 += r1\nr1 -= 1\nif r1 != 0 goto l\nexit",
        "*(u64 *)(r10 - 8) = 77\nr0 = *(u32 *)(r10 - 8)\nexit",
        "r1 = 5\ncall f\nexit\nf: r0 = r1\nr0 *= 3\nexit",
        "r0 = 1\nr1 = 3\n*(u64 *)(r10 - 8) = 7\nr1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\nr0 = *(u64 *)(r10 - 8)\nr0 += r1\nexit"
      })
  void enginesAgree(String source) throws Exception {
    List<Insn> insns = Assembler.assemble(source);
    long a = new Flat(insns, m -> Interpreter::of).run(new byte[8]);
    long b = new Flat(insns, m -> new Jit(m, false)).run(new byte[8]);
    assertThat(b).isEqualTo(a);
  }
}
