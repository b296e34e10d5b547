package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.cli.Plumb;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The commands of {@code plumb bpf}. */
class BpfCommandTest {
  private static final Path SHIPPED = Path.of("..", "bpf", "prebuilt");

  @TempDir Path folder;
  private String out = "";
  private String err = "";

  private int run(String input, String... arguments) {
    InputStream before = System.in;
    StringWriter standard = new StringWriter();
    StringWriter errors = new StringWriter();
    try {
      System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
      CommandLine line = Plumb.commandLine();
      line.setOut(new PrintWriter(standard));
      line.setErr(new PrintWriter(errors));
      return line.execute(arguments);
    } finally {
      System.setIn(before);
      out = standard.toString();
      err = errors.toString();
    }
  }

  private String assembled(String source) {
    assertThat(run(source.replace("; ", "\n"), "bpf", "asm")).as(err).isZero();
    return out;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          r0 = 42; exit | | 2a
          mov %r0, -1; exit | | ffffffffffffffff
          ldxdw %r0, [%r1+4]; exit | aabb11ccdd00000000000001 | 1000000000000dd
          r0 = r2; exit | 00 01 02 | 3
          r0 = r1; exit | | 0
          mov %r1, 8; callx %r1; mov %r0, 3; exit | | 3
          """)
  void runPrintsR0(String source, String memory, String expected) {
    String hex = assembled(source);
    for (String engine : new String[] {"interpreter", "jit"}) {
      String[] arguments =
          memory == null
              ? new String[] {"bpf", "run", "--engine", engine}
              : new String[] {"bpf", "run", memory, "--engine", engine};
      assertThat(run(hex, arguments)).as(err).isZero();
      assertThat(out).isEqualToNormalizingNewlines(expected + "\n");
    }
    assertThat(run("", "bpf", "run", "--program", hex, memory == null ? "" : memory))
        .as(err)
        .isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "jit"})
  void aWrongAccessNamesInstructionAddressAndRegion(String engine) {
    String hex = assembled("r2 = 1; r0 = *(u16 *)(r1 + 36); exit");
    assertThat(run(hex, "bpf", "run", "00".repeat(37), "--engine", engine)).isEqualTo(1);
    assertThat(err)
        .isEqualTo(
            "plumb: %s: insn 1 (r0 = *(u16 *)(r1 + 36)): read of 2 bytes at 0xd00000024: memory is [0xd00000000, 0xd00000025)\n"
                .formatted(engine));
    assertThat(run(assembled("l: goto l"), "bpf", "run", "--engine", engine, "--budget", "1000"))
        .isEqualTo(1);
    assertThat(err)
        .isEqualTo(
            "plumb: %s: insn 0 (goto -1): it has not ended: the run was given a budget of 1000\n"
                .formatted(engine));
    String deep = assembled("call local f; exit; f: call local f; exit");
    assertThat(run(deep, "bpf", "run", "--engine", engine)).isEqualTo(1);
    assertThat(err).contains("call depth 9: expected at most 8");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          b70 | program: 'b70': expected pairs of hexadecimal digits
          b700 | program: 2 bytes: expected a multiple of 8
          ff00000000000000 | program: insn 0: opcode 0xff: no such instruction
          b700000000000000 | program: insn 0 (opcode 0xb7): the program runs past its end
          0500ff7f00000000 | program: insn 0 (opcode 0x05): target 32768: expected 0..0
          b70a00000000000095000000000000 00 | program: insn 0 (opcode 0xb7): r10 is written: it is read-only
          850000005c00000095 00000000000000 | program: insn 0 (call 92): helper 92 (rc_pointer_rel): not supported
          """)
  void whatIsNoProgramIsOneLine(String hex, String message) {
    assertThat(run(hex, "bpf", "run")).isEqualTo(2);
    assertThat(err).isEqualTo("plumb: " + message + "\n");
  }

  @Test
  void disassemblyIsAssembledAgain() throws Exception {
    String object = SHIPPED.resolve("intent.bpf.o").toString();
    assertThat(run("", "bpf", "disasm", "--lines", object)).isZero();
    assertThat(out).contains("# program intent, section tc").contains("intent.bpf.c:");
    Path text = folder.resolve("intent.s");
    Files.writeString(text, out);
    assertThat(run("", "bpf", "asm", "--check", text.toString())).as(err).isZero();
    String bytes = out;
    Files.writeString(folder.resolve("intent.hex"), bytes);
    assertThat(run("", "bpf", "disasm", folder.resolve("intent.hex").toString())).isZero();
    Files.writeString(text, out);
    assertThat(run("", "bpf", "asm", text.toString())).isZero();
    assertThat(out).isEqualTo(bytes);
  }

  @Test
  void inspectShowsMapsAndTypes() {
    assertThat(run("", "bpf", "inspect", SHIPPED.resolve("intent.bpf.o").toString())).isZero();
    assertThat(out)
        .contains("program intent")
        .contains("ARRAY_OF_MAPS")
        .contains("helpers: map_lookup_elem, get_smp_processor_id");
    assertThat(run("", "bpf", "inspect", "--json", "-", SHIPPED.resolve("nop.bpf.o").toString()))
        .isZero();
    assertThat(out).contains("\"insns\" : 2");
  }

  @Test
  void traceShowsEveryInstruction() {
    assertThat(
            run(
                "",
                "bpf",
                "trace",
                SHIPPED.resolve("block_port.bpf.o").toString(),
                "--set",
                "input=bb01",
                "--packet",
                "eth ipv4(192.0.2.1) tcp(1024,443)"))
        .as(err)
        .isZero();
    assertThat(out)
        .contains("    0: r6 = r1")
        .contains("block_port.bpf.c:")
        .contains("returns 2 (0x2)");
  }

  @Test
  void classicProgramsComeInAllForms() {
    assertThat(run("ldh [12]\njne #0x800, no\nret #1\nno: ret #0", "bpf", "classic")).isZero();
    assertThat(out).isEqualTo("4\n40 0 0 12\n21 0 1 2048\n6 0 0 1\n6 0 0 0\n");
    assertThat(run(out, "bpf", "classic", "--packet", "eth ipv4(192.0.2.1) tcp(1024,443)"))
        .isZero();
    assertThat(out).isEqualToNormalizingNewlines("1\n");
    assertThat(run("", "bpf", "classic", "--expression", "ip and tcp port 443", "--as", "bytecode"))
        .isZero();
    assertThat(out).contains("21 0 ");
    assertThat(run("", "bpf", "classic", "--expression", "nonsense of mine")).isEqualTo(2);
    assertThat(err).startsWith("plumb: --expression: filter 'nonsense of mine': ");
    assertThat(run("ld nothing", "bpf", "classic")).isEqualTo(2);
    assertThat(err.lines()).hasSize(1);
  }
}
