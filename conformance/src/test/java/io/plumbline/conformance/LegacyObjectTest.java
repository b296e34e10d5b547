package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Memory;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.model.engine.EngineException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** Objects with conventions that the libbpf in use does not take, and why it refuses others. */
@Tag("kernel")
class LegacyObjectTest {
  private static final String PREAMBLE =
      """
      #define SEC(n) __attribute__((section(n), used))
      struct bpf_map_def {
        unsigned type, key_size, value_size, max_entries, map_flags, id, pinning;
      };
      struct context { unsigned len; };
      static void *(*lookup)(void *, const void *) = (void *) 1;
      char gpl[] SEC("license") = "GPL";
      """;

  private static final String SEVERAL =
      """
      struct bpf_map_def SEC("maps") counts = { 2, 4, 8, 2 };
      struct bpf_map_def SEC("maps") pinned = { .type = 2, 4, 8, 2, .pinning = 2 };
      struct bpf_map_def SEC("maps") odd = { 999, 4, 8, 2 };
      const volatile unsigned limit = 40;
      unsigned seen = 7;
      __attribute__((noinline)) int sum(volatile int a) { return a * 2 + seen; }
      SEC("classifier") int counting(struct context *c)
      {
        unsigned key = 1;
        unsigned long *value = lookup(&counts, &key);
        if (!value) return 1;
        __sync_fetch_and_add(value, 1);
        return c->len > limit ? sum(*value) : 3;
      }
      SEC("tc") int pins(struct context *c)
      {
        unsigned key = 1;
        return lookup(&pinned, &key) ? 21 : 22;
      }
      SEC("tc") int uses_odd(void *c) { unsigned key = 1; return lookup(&odd, &key) ? 1 : 2; }
      SEC("tcx/egress") int newer(void *c) { return 5; }
      SEC("my_own_section") int own(void *c) { return 6; }
      SEC("xdp.frags") int device(void *c) { return 2; }
      SEC("kprobe/f") int probe(void *c) { return 0; }
      """;

  @TempDir Path folder;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private Path compile(String source) throws Exception {
    return Clang.compile(folder, "legacy", PREAMBLE + source);
  }

  private static int run(LoadedObject loaded) {
    try (Memory in = new Memory(64);
        BpfSyscall.TestRun call = new BpfSyscall.TestRun(loaded.programFd(), in, null)) {
      in.clear();
      assertThat(call.run(64, 0, 1)).isZero();
      return call.retval();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "counting, 3, 9, 11",
    "pins, 3, 21, 21",
    "newer, 3, 5, 5",
    "own, 3, 6, 6",
    "device, 6, 2, 2"
  })
  void programsWithMapsDefinedByNumbersRun(String program, int type, int first, int second)
      throws Exception {
    byte[] elf = Files.readAllBytes(compile(SEVERAL));
    try (LoadedObject loaded = LoadedObject.foreign("legacy.o", elf, program)) {
      assertThat(loaded.programName()).isEqualTo(program);
      assertThat(loaded.type()).isEqualTo(type);
      assertThat(run(loaded)).isEqualTo(first);
      assertThat(run(loaded)).isEqualTo(second);
      if (program.equals("pins")) {
        assertThat(loaded.notices())
            .containsExactly(
                "legacy.o: map pinned: pinning 2: not pinned, only this filter uses it");
      } else {
        assertThat(loaded.notices()).isEmpty();
      }
    }
  }

  /** The same sections in an object that libbpf takes. */
  @ParameterizedTest
  @CsvSource({"newer, 5", "own, 6"})
  void sectionsThatThisLibbpfDoesNotKnowAreTc(String program, int result) throws Exception {
    byte[] elf =
        Files.readAllBytes(
            compile(
                """
                SEC("tcx/egress") int newer(void *c) { return 5; }
                SEC("my_own_section") int own(void *c) { return 6; }
                SEC("kprobe/f") int probe(void *c) { return 0; }
                """));
    try (LoadedObject loaded = LoadedObject.foreign("object.o", elf, program)) {
      assertThat(run(loaded)).isEqualTo(result);
    }
    assertThatThrownBy(() -> LoadedObject.foreign("object.o", elf, "probe"))
        .hasMessage("object.o: 0 tc and XDP programs named 'probe': expected one");
  }

  @Test
  void whatCannotBeLoadedIsNamed() throws Exception {
    byte[] elf = Files.readAllBytes(compile(SEVERAL));
    assertThatThrownBy(() -> LoadedObject.foreign("legacy.o", elf, "uses_odd"))
        .isInstanceOf(EngineException.class)
        .hasMessageStartingWith("kernel: legacy.o: map odd: EINVAL");
    assertThatThrownBy(() -> LoadedObject.foreign("legacy.o", elf, "probe"))
        .hasMessage("legacy.o: 0 tc and XDP programs named 'probe': expected one");
    assertThatThrownBy(() -> LoadedObject.foreign("legacy.o", elf, ""))
        .hasMessage(
            "legacy.o: 5 tc and XDP programs: expected one, chosen by --object-program: "
                + "[counting, pins, uses_odd, newer, device]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          extern int nowhere(void *c); struct bpf_map_def SEC("maps") m = {2, 4, 8, 2}; SEC("tc") int f(void *c) { return nowhere(c); } | legacy.o: program f: insn 0: 'nowhere': expected a map, a variable or a function of the object
          struct bpf_map_def SEC("maps") m = {12, 4, 4, 2}; SEC("tc") int f(void *c) { unsigned k = 0; return lookup(&m, &k) != 0; } | legacy.o: map m: a map of maps in section maps: expected one in .maps
          int SEC("maps") m[3] = {2, 4, 8}; SEC("tc") int f(void *c) { unsigned k = 0; return lookup(&m, &k) != 0; } | legacy.o: map m: definition of 12 bytes: expected at least 16
          """)
  void definitionsThatAreNoneAreNamed(String source, String refusal) throws Exception {
    byte[] elf = Files.readAllBytes(compile(source));
    assertThatThrownBy(() -> LoadedObject.foreign("legacy.o", elf, "")).hasMessage(refusal);
  }

  @Test
  void libbpfsReasonIsInTheLine() throws Exception {
    byte[] elf =
        Files.readAllBytes(
            compile(
                """
                struct { int (*type)[1]; int (*tomorrow)[4]; unsigned *key, *value; } m SEC(".maps");
                SEC("tc") int f(void *c) { unsigned k = 0; return lookup(&m, &k) != 0; }
                """));
    assertThatThrownBy(() -> LoadedObject.foreign("odd.o", elf, ""))
        .isInstanceOf(EngineException.class)
        .hasMessageStartingWith("kernel: open odd.o: libbpf refuses the object: libbpf: ")
        .hasMessageContaining("tomorrow");
  }

  @Test
  void attachTakesThem() throws Exception {
    Path object = compile(SEVERAL);
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    assertThat(
            line.execute(
                "attach",
                "-i",
                "lo",
                "--object",
                object + "",
                "--object-program",
                "pins",
                "--dry-run"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).startsWith("dry run: ");
    assertThat(err.toString())
        .isEqualTo(
            "plumb: %s: map pinned: pinning 2: not pinned, only this filter uses it\n"
                .formatted(object));
  }
}
