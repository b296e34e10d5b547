package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ways of writing maps and functions that this project's own programs do not use. */
class ObjectStyleTest {
  private static final String PREAMBLE =
      """
      #define SEC(n) __attribute__((section(n), used))
      typedef unsigned int u32;
      static void *(*lookup)(void *, const void *) = (void *) 1;
      static long (*loop)(u32, void *, void *, unsigned long long) = (void *) 181;
      """;

  @TempDir Path folder;

  @BeforeEach
  void clangIsThere() {
    Clang.orSkip();
  }

  private BpfObject read(String source) throws Exception {
    return BpfObject.read(Clang.compile(folder, "object", PREAMBLE + source));
  }

  private static long run(BpfObject object) throws Exception {
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    return machine.run(
        new Linker(machine, Interpreter::of).link(object).program("f"), Machine.CONTEXT, 0);
  }

  /** As libbpf fills it: the place of a value is its key. */
  @Test
  void aHashOfMapsStartsWithItsValues() throws Exception {
    BpfObject object =
        read(
            """
            struct inner { int (*type)[2]; int (*max_entries)[7]; u32 *key; u32 *value; };
            struct inner first SEC(".maps"), second SEC(".maps");
            struct {
              int (*type)[13]; int (*max_entries)[4]; u32 *key; struct inner *values[];
            } outer SEC(".maps") = { .values = { [1] = &first, [3] = &second } };
            SEC("tc") long f(void *ctx)
            {
              long found = 0;
              for (u32 key = 0; key < 4; key++)
                if (lookup(&outer, &key)) found |= 1 << key;
              return found;
            }
            """);
    assertThat(run(object)).isEqualTo(0b1010);
  }

  @Test
  void theAddressOfAFunctionThatLiesBeforeIsWrittenInTheLowHalf() throws Exception {
    BpfObject object =
        read(
            """
            static long step(u32 i, u32 *sum) { *sum += i; return 0; }
            static __attribute__((noinline)) long again(u32 n)
            {
              u32 sum = 0;
              loop(n, step, &sum, 0);
              return sum;
            }
            SEC("tc") long f(void *ctx)
            {
              u32 sum = 0;
              loop(3, step, &sum, 0);
              return sum + again(5);
            }
            """);
    List<Insn> insns = object.programs().get(0).insns();
    assertThat(insns)
        .anyMatch(insn -> insn.opcode() == Opcode.LDDW_FUNC && insn.immLow() < 0)
        .noneMatch(insn -> insn.opcode() == Opcode.LDDW_FUNC && insn.immHigh() != 0);
    assertThat(Assembler.assemble(String.join("\n", Disassembler.lines(insns)))).isEqualTo(insns);
    assertThat(InsnCodec.decode(InsnCodec.encode(insns))).isEqualTo(insns);
    assertThat(run(object)).isEqualTo(3 + 10);
  }

  @Test
  void onlyMapsOfMapsAndOfProgramsStartWithValues() {
    assertThatThrownBy(
            () ->
                run(
                    read(
                        """
                        struct {
                          int (*type)[1]; int (*max_entries)[4]; u32 *key; u32 *value; u32 *values[];
                        } hash SEC(".maps");
                        SEC("tc") long f(void *ctx) { u32 key = 0; return lookup(&hash, &key) != 0; }
                        """)))
        .isInstanceOf(VmException.class)
        .hasMessage("map hash: values: expected none, for it holds neither maps nor programs");
  }

  @Test
  void aMapIsPinnedByItsNameOrNot() {
    assertThatThrownBy(
            () ->
                run(
                    read(
                        """
                        struct {
                          int (*type)[1]; int (*max_entries)[4]; u32 *key; u32 *value;
                          int (*pinning)[2];
                        } hash SEC(".maps");
                        SEC("tc") long f(void *ctx) { u32 key = 0; return lookup(&hash, &key) != 0; }
                        """)))
        .isInstanceOf(VmException.class)
        .hasMessage("map hash: pinning 2: expected 0 or 1, by name");
  }

  /**
   * Definitions by number grew in several ways; what no known one says is refused, as in libbpf.
   */
  @ParameterizedTest
  @CsvSource({"5,0,0", "6,0,0", "7,1,0", "9,1,0", "6,1,20", "8,1,20", "10,0,0", "10,1,36"})
  void numbersWithoutAMeaningAreRefused(int words, int last, int refused) throws Exception {
    String source =
        """
        SEC("maps") u32 hash[%d] = { 1, 4, 8, 1, 0, %s };
        SEC("tc") long f(void *ctx) { u32 key = 0; return lookup(&hash, &key) != 0; }
        """
            .formatted(words, words > 5 ? "[%d] = %d".formatted(words - 1, last) : "");
    if (refused == 0) {
      assertThat(run(read(source))).isZero();
    } else {
      assertThatThrownBy(() -> run(read(source)))
          .isInstanceOf(VmException.class)
          .hasMessage(
              "map hash: byte %d of its definition is 1: expected 0 after the first %d",
              (words - 1) * 4, refused);
    }
  }
}
