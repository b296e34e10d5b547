package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read of an object, and what of it the programs that are to run need. */
class ObjectReadingTest {
  private static final Path SHIPPED = Path.of("..", "bpf", "prebuilt", "nop.bpf.o");
  private static final String PREAMBLE =
      """
      #define SEC(n) __attribute__((section(n), used))
      typedef unsigned int u32;
      static void *(*lookup)(void *, const void *) = (void *) 1;
      static long (*tail_call)(void *, void *, u32) = (void *) 12;
      """;

  /** A hash table with something more in its definition. */
  private static final String ODD_MAP =
      """
      struct { int (*type)[%s]; int (*max_entries)[4]; u32 *key; u32 *value; %s } odd SEC(".maps");
      SEC("tc") long uses(void *ctx) { u32 key = 0; return lookup(&odd, &key) != 0; }
      SEC("tc") long other(void *ctx) { return 5; }
      """;

  @TempDir Path folder;

  @BeforeEach
  void clangIsThere() {
    Clang.orSkip();
  }

  private BpfObject read(String source) throws Exception {
    return BpfObject.read(Clang.compile(folder, "object", PREAMBLE + source));
  }

  private static Linker.Linked link(
      BpfObject object, String program, Function<Machine, Program.Maker> engine)
      throws VmException {
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    return new Linker(machine, engine.apply(machine))
        .link(object, List.of(program), Map.of(), Map.of());
  }

  private static void returns(BpfObject object, String program, long expected) throws Exception {
    for (Function<Machine, Program.Maker> engine :
        List.<Function<Machine, Program.Maker>>of(m -> Interpreter::of, m -> new Jit(m, true))) {
      Machine machine = new Machine();
      new Frames(machine, ContextType.SCHED_CLS);
      Linker.Linked linked =
          new Linker(machine, engine.apply(machine))
              .link(object, List.of(program), Map.of(), Map.of());
      assertThat(machine.run(linked.program(program), Machine.CONTEXT, 0)).isEqualTo(expected);
    }
  }

  /** Tail calls reach programs that were not asked for, and those reach others. */
  @Test
  void whatMapsStartWithIsLinkedToo() throws Exception {
    BpfObject object =
        read(
            """
            long target(void *ctx);
            long last(void *ctx);
            struct {
              int (*type)[3]; int (*max_entries)[4]; u32 *key; long (*values[])(void *);
            } programs SEC(".maps") = { .values = { [1] = &target } },
              more SEC(".maps") = { .values = { [0] = &last, [2] = &target } };
            struct inner { int (*type)[2]; int (*max_entries)[7]; u32 *key; u32 *value; };
            struct inner first SEC(".maps");
            struct {
              int (*type)[12]; int (*max_entries)[4]; u32 *key; struct inner *values[];
            } outer SEC(".maps") = { .values = { [2] = &first } };
            SEC("tc") long last(void *ctx)
            {
              u32 key = 2;
              void *inner = lookup(&outer, &key);
              if (!inner) return 2;
              return lookup(inner, &key) ? 77 : 3;
            }
            SEC("tc") long target(void *ctx) { tail_call(ctx, &more, 0); return 4; }
            SEC("tc") long f(void *ctx) { tail_call(ctx, &programs, 1); return 1; }
            SEC("tc") long g(void *ctx) { tail_call(ctx, &programs, 2); return 9; }
            SEC("tc") long alone(void *ctx) { return 6; }
            """);
    returns(object, "f", 77);
    returns(object, "target", 77);
    returns(object, "g", 9);
    assertThat(link(object, "f", m -> Interpreter::of).programs())
        .containsOnlyKeys("f", "target", "last");
    assertThat(link(object, "alone", m -> Interpreter::of).maps()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          1 | int (*pinning)[2]; | map odd: pinning 2: expected 0 or 1, by name
          1 | int (*pinning)[16]; | map odd: pinning 16: expected 0 or 1, by name
          1 | enum { extra = 3 } map_extra; | map odd: map_extra 3: expected 0
          1 | int (*map_extra)[5]; | map odd: map_extra 5: expected 0
          1 | int (*tomorrow)[1]; | map odd: tomorrow: no such attribute
          1 | int map_flags; | map odd: map_flags: expected a pointer to an array, or an enum of one value
          1 | u32 *values[]; | map odd: values: expected none, for it holds neither maps nor programs
          33 | | map odd: type ARENA: not supported
          30 | | map odd: type BLOOM_FILTER: not supported
          99 | | map odd: type 99: no such type
          """)
  void onlyProgramsThatUseAnOddMapAreRefused(String type, String more, String refusal)
      throws Exception {
    BpfObject object = read(ODD_MAP.formatted(type, more == null ? "" : more));
    assertThat(object.maps().stream().map(MapSpec::name)).containsExactly("odd");
    assertThat(object.programs()).hasSize(2);
    assertThatThrownBy(() -> link(object, "uses", m -> Interpreter::of))
        .isInstanceOf(VmException.class)
        .hasMessage(refusal);
    returns(object, "other", 5);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "int (*numa_node)[1];",
        "int (*pinning)[1];",
        "enum { none = 0 } map_extra;",
        "enum { flags = 1 } map_flags;"
      })
  void whatHasAMeaningIsTaken(String more) throws Exception {
    returns(read(ODD_MAP.formatted("1", more)), "uses", 0);
  }

  /** Symbols that are nowhere matter to the programs that reach them. */
  @Test
  void symbolsThatAreNowhereAreNamed() throws Exception {
    BpfObject object =
        read(
            """
            extern const int variable SEC(".ksyms");
            extern long function(void *ctx) SEC(".ksyms");
            extern long weak(void *ctx) __attribute__((weak)) SEC(".ksyms");
            SEC("tc") long reads(void *ctx) { return variable; }
            SEC("tc") long calls(void *ctx) { return function(ctx); }
            SEC("tc") long asks(void *ctx) { return weak ? weak(ctx) : 8; }
            SEC("tc") long other(void *ctx) { return 5; }
            """);
    assertThatThrownBy(() -> link(object, "reads", m -> Interpreter::of))
        .hasMessageContaining("program reads: insn 0 ")
        .hasMessageEndingWith("'variable': neither in the object nor supported");
    assertThatThrownBy(() -> link(object, "calls", m -> Interpreter::of))
        .hasMessageContaining("program calls: insn ")
        .hasMessageEndingWith("'function': neither in the object nor supported");
    returns(object, "asks", 8);
    returns(object, "other", 5);
  }

  @Test
  void functionsThatNoProgramCallsAreThere() throws Exception {
    BpfObject object =
        read(
            """
            __attribute__((noinline)) long called(long a) { return a * 3; }
            __attribute__((noinline)) long unused(long a) { return called(a) + 1; }
            SEC("tc") long f(void *ctx) { return called(2); }
            """);
    assertThat(object.programs().stream().map(BpfObject.Program::name)).containsExactly("f");
    assertThat(object.uncalled().stream().map(BpfObject.Program::name)).containsExactly("unused");
    assertThat(object.uncalled().get(0).functions().values()).containsExactly("unused", "called");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          4 | 1 | elf: EI_CLASS 1: expected 2 (ELFCLASS64)
          4 | 0 | elf: EI_CLASS 0: expected 2 (ELFCLASS64)
          5 | 2 | elf: EI_DATA 2 (big-endian): the header is in the other byte order
          5 | 0 | elf: EI_DATA 0: expected 1 (little-endian) or 2 (big-endian)
          5 | 255 | elf: EI_DATA 255: expected 1 (little-endian) or 2 (big-endian)
          6 | 2 | elf: EI_VERSION 2: expected 1 (EV_CURRENT)
          6 | 0 | elf: EI_VERSION 0: expected 1 (EV_CURRENT)
          16 | 0 | elf: e_type 0: expected 1 (ET_REL)
          16 | 2 | elf: e_type 2: expected 1 (ET_REL)
          16 | 3 | elf: e_type 3: expected 1 (ET_REL)
          18 | 62 | elf: e_machine 62: expected 247 (EM_BPF)
          20 | 2 | elf: e_version 2: expected 1 (EV_CURRENT)
          52 | 52 | elf: e_ehsize 52: expected 64 (a 64-bit header)
          58 | 40 | elf: section header size 40: expected 64
          """)
  void headersThatAreOfSomethingElseAreNamed(int at, int value, String refusal) throws Exception {
    byte[] bytes = Files.readAllBytes(SHIPPED);
    bytes[at] = (byte) value;
    assertThatThrownBy(() -> BpfObject.read(bytes))
        .isInstanceOf(ObjectException.class)
        .hasMessage(refusal);
  }
}
