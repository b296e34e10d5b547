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
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Commands on objects of several programs, types and functions. */
class BpfObjectCommandTest {
  private static final String SOURCE =
      """
      #define SEC(n) __attribute__((section(n), used))
      typedef unsigned int u32;
      extern long nowhere(long a) SEC(".ksyms");
      __attribute__((noinline)) long unused(long a) { return a + 1; }
      SEC("tc") long two(void *ctx) { return 2; }
      SEC("tc") long five(void *ctx) { return 5; }
      SEC("tc") long calls(void *ctx) { return nowhere(1); }
      SEC("freplace/f") long first_word(u32 *ctx) { return ctx[0]; }
      """;

  @TempDir Path folder;
  private String out = "";
  private String err = "";

  private Path compile(String name, String source) throws Exception {
    return Clang.compile(folder, name, source);
  }

  private int run(byte[] input, String... arguments) {
    InputStream before = System.in;
    StringWriter standard = new StringWriter();
    StringWriter errors = new StringWriter();
    try {
      System.setIn(new ByteArrayInputStream(input));
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

  @Test
  void aProgramOfAnObjectIsChosenByName() throws Exception {
    byte[] elf = Files.readAllBytes(compile("several", SOURCE));
    byte[] hex = HexFormat.of().formatHex(elf).getBytes(StandardCharsets.US_ASCII);
    for (byte[] input : new byte[][] {hex, elf}) {
      assertThat(run(input, "bpf", "run", "--elf")).as(err).isZero();
      assertThat(out.strip()).isEqualTo("2");
      assertThat(run(input, "bpf", "run", "--elf", "--program", "five")).as(err).isZero();
      assertThat(out.strip()).isEqualTo("5");
    }
    assertThat(run(new byte[0], "bpf", "run", "--elf", "--program", HexFormat.of().formatHex(elf)))
        .as(err)
        .isZero();
    assertThat(out.strip()).isEqualTo("2");
    assertThat(run(hex, "bpf", "run", "--elf", "--program", "six")).isEqualTo(2);
    assertThat(err)
        .startsWith("plumb: object: program 'six': expected one of [two, five, calls, first_word]");
    assertThat(run(hex, "bpf", "run", "--elf", "--program", "calls")).isEqualTo(2);
    assertThat(err)
        .startsWith("plumb: program calls: insn 1 (")
        .endsWith("'nowhere': not in the object\n");
  }

  @Test
  void whatNoProgramCallsIsShown() throws Exception {
    String object = compile("several", SOURCE).toString();
    assertThat(run(new byte[0], "bpf", "inspect", object)).as(err).isZero();
    assertThat(out)
        .containsPattern("function unused +section \\.text +\\d+ insns  no program calls it");
    assertThat(run(new byte[0], "bpf", "inspect", "--json", "-", object)).as(err).isZero();
    assertThat(out).contains("\"uncalled\" : [ \"unused\" ]");
    assertThat(run(new byte[0], "bpf", "disasm", object)).as(err).isZero();
    assertThat(out).contains("# function that no program calls: unused, section .text");
    assertThat(run(new byte[0], "bpf", "disasm", "--program", "unused", object)).as(err).isZero();
    assertThat(out).contains("r0 += 1").doesNotContain("# program");
  }

  @Test
  void traceTakesTheTypeOfTheProgram() throws Exception {
    String object = compile("several", SOURCE).toString();
    String[] trace = {"bpf", "trace", object, "--program", "first_word", "--hex", "00".repeat(60)};
    assertThat(run(new byte[0], trace)).isEqualTo(2);
    assertThat(err).contains("section freplace/f: not one that is given a packet: expected --type");
    assertThat(run(new byte[0], with(trace, "tc"))).as(err).isZero();
    assertThat(out).contains("returns 60 (0x3c)");
    assertThat(run(new byte[0], with(trace, "cgroup_skb"))).as(err).isZero();
    assertThat(out).contains("returns 46 (0x2e)");
    assertThat(run(new byte[0], with(trace, "xdp"))).as(err).isZero();
    assertThat(out).contains("returns 256 (0x100000100)");
    assertThat(run(new byte[0], with(trace, "kprobe"))).isEqualTo(2);
    assertThat(err)
        .isEqualTo(
            "plumb: --type: 'kprobe': expected one of tc, tc-l3, xdp, socket, cgroup_skb, netfilter\n");
  }

  private static String[] with(String[] arguments, String type) {
    String[] all = java.util.Arrays.copyOf(arguments, arguments.length + 2);
    all[arguments.length] = "--type";
    all[arguments.length + 1] = type;
    return all;
  }

  @Test
  void compareRunsXdpProgramsAsXdp() throws Exception {
    String program =
        """
        #define SEC(n) __attribute__((section(n), used))
        struct xdp_md { unsigned data, data_end; };
        SEC("xdp") int f(struct xdp_md *ctx)
        {
          unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
          if (data + 14 > end) return 1;
          return data[12] == 8 && data[13] == 0 ? %d : 2;
        }
        """;
    Path drop = compile("drop", program.formatted(1));
    Path send = compile("send", program.formatted(3));
    Path tc = compile("tc", SOURCE);
    assertThat(
            run(
                new byte[0],
                "compare",
                drop.toString(),
                send.toString(),
                "--fuzz",
                "200",
                "--show",
                "0"))
        .as(err)
        .isEqualTo(1);
    assertThat(out).contains(" frames: XDP_DROP, now XDP_TX").doesNotContain("TC");
    assertThat(run(new byte[0], "compare", drop.toString(), tc.toString())).isEqualTo(2);
    assertThat(err).contains("expected one of the hook of");
  }
}
