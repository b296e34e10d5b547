package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.traffico.Traffico;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command traffico: what it prints, what it ends with, and what it does to an interface. */
class TrafficoTest {
  private static final String MAIN = Traffico.class.getName();
  private static final String HELP =
      "Try `traffico --help' or `traffico --usage' for more information.\n";

  private static Program.Result run(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int status =
        Traffico.run(
            "traffico",
            List.of(args),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Program.Result(
        status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Arguments separated by blanks; a text that is expected behind {@code traffico: }. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "'' => program name is mandatory",
        "bogus => argument 'bogus' is not a traffico program",
        "0 => argument '0' is not a traffico program",
        "-x => invalid option -- 'x'",
        "-vx => invalid option -- 'x'",
        "-i => option requires an argument -- 'i'",
        "--wrong => unrecognized option '--wrong'",
        "--wrong=5 => unrecognized option '--wrong=5'",
        "--allow => option '--allow' requires an argument",
        "--dry-run=x => option '--dry-run' doesn't allow an argument",
        "--ver => option '--ver' is ambiguous; possibilities: '--verbose' '--version'",
        "--at sideways nop => option '--at' requires one of the following values: INGRESS|EGRESS",
        "nop a b => too many arguments",
        "-i lo block_port => program 'block_port' requires an input argument",
        "-i lo block_port 0 => invalid port number: '0'",
        "-i lo BLOCK_IPV4 10.0.0.256 => invalid IP address: '10.0.0.256'",
        "-i lo nop x => program does not accept input: 'x'",
        "-i lo allow_proto tcp+TCP => duplicate protocol value: 'tcp+TCP'",
        "-i lo --chain= => --chain requires at least one program",
        "-i lo --chain nop => program 'nop' does not support chaining",
        "-i lo --chain allow_ipv4:10.0.0.1 => L3/L4 chains must start with allow_ethertype",
        "-i lo --chain allow_ethertype:ipv4,allow_port:1,allow_proto:6 => chain order must be L2 ->"
            + " L3 -> L4",
        "-i lo --chain allow_ethertype:ipv4,,nop => empty chain entry",
        "-i lo --chain allow_ethertype:ipv4 nop => --chain and positional PROGRAM arguments are"
            + " mutually exclusive",
        "--chain a --allow arp => --allow/--permit/--forbid/--block and --chain are mutually"
            + " exclusive",
        "--allow arp nop => --allow/--permit/--forbid/--block and positional PROGRAM arguments are"
            + " mutually exclusive",
        "--forbid arp => --forbid/--block requires at least one --allow/--permit",
        "--dry-run nop => --dry-run currently requires --allow, --permit, --forbid, or --block",
        "--explain nop => --explain currently requires --allow, --permit, --forbid, or --block",
        "--explain=dag --allow arp => unsupported --explain mode: 'dag'",
        "--allow icmp/10.0.0.1 => unsupported permit: 'icmp/10.0.0.1'",
        "--allow tcp/10.0.0.1:0 => invalid permit: 'tcp/10.0.0.1:0'",
        "--allow arp --permit arp => duplicate permit: 'arp'",
        "--block tcp/10.0.0.1 => host-wide TCP/UDP forbids are not supported; use tcp/IP:PORT or"
            + " udp/IP:PORT: 'tcp/10.0.0.1'",
      })
  void argumentsThatAreRefused(String arguments, String message) {
    String[] args = arguments.isEmpty() ? new String[0] : arguments.split(" ", -1);
    assertThat(run(args))
        .isEqualTo(new Program.Result(1, "", "traffico: " + message + "\n" + HELP));
  }

  @Test
  void anInterfaceThatDoesNotExistIsNamedWithAnEmptyLineAfterIt() {
    assertThat(run("-i", "nowhere", "nop"))
        .isEqualTo(
            new Program.Result(
                1,
                "",
                "traffico: option '--ifname' requires an existing interface: got 'nowhere'\n\n"
                    + HELP));
  }

  @Test
  void optionsMayBeShortenedAndStandBehindThePrograms() {
    assertThat(run("--perm", "arp", "--dry").out())
        .isEqualTo("intent dry-run: compiler ok\nintent backend: bpf admissible\n");
    assertThat(run("-V")).isEqualTo(new Program.Result(0, "traffico 0.0\n", ""));
    assertThat(run("nop", "--version").status()).isZero();
    assertThat(run("--help").out())
        .startsWith(
            "Usage: traffico [OPTION...] [PROGRAM [INPUT]]\nIsolate your host the eBPF way.\n")
        .contains("  PROGRAMS\n  - allow_dns [input]\n", "  - nop\n")
        .endsWith("Report bugs to https://github.com/leodido/traffico/issues.\n");
    assertThat(run("--usage").out()).startsWith("Usage: traffico [-v?V] [-i IFNAME]");
  }

  @Test
  void aDryRunExplainsAndSaysWhyNot() {
    assertThat(run("--dry-run", "--at", "ingress", "--explain", "--allow", "arp"))
        .isEqualTo(
            new Program.Result(
                1,
                """
                traffico intent
                interface: not attached
                direction: ingress
                default: drop

                permitted traffic:
                  1. ARP

                dropped traffic:
                  - malformed packets that cannot be safely classified
                  - any traffic not matching a permit
                """,
                "traffico: intent dry-run: Intent BPF backend supports egress only\n"));
    List<String> rows = new ArrayList<>(List.of("--dry-run"));
    for (int i = 1; i <= 32; i++) {
      rows.add("--allow=dns/10.0.0." + i);
      rows.add("--forbid=tcp/10.0.0." + i + ":22");
    }
    assertThat(run(rows.toArray(String[]::new)).err())
        .isEqualTo("traffico: intent dry-run: enforcement plan exceeds rule limit\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT", "HUP"})
  @Tag("kernel")
  void aSignalTakesTheFilterOff(String signal) throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          final String before = sh("tc qdisc show dev v0");
          Process process = Program.builder(MAIN, "-i", "v0", "-v", "block_port", "80").start();
          awaitFilter();
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isFalse();
          assertThat(sh("tc filter show dev v0 egress"))
              .contains(
                  "pref 49152 bpf", "handle 0x1 block_port:[", "direct-action", "name block_port");
          sh("kill -" + signal + " " + process.pid());
          Program.Result result = Program.finish(process, "");
          assertThat(result.status()).as(result.toString()).isZero();
          assertThat(result.out())
              .startsWith(
                  """
                  traffico: prog: block_port
                  traffico: done: setting rodata input
                  traffico: done: attaching the TC eBPF program
                  traffico: opts: handle: 0x1
                  traffico: opts: priority: 49152
                  traffico: opts: program ID:\
                  """)
              .endsWith(
                  """
                  .
                  traffico: done: detaching the TC eBPF program
                  traffico: done: destroying the qdisc
                  """);
          assertThat(sh("tc qdisc show dev v0")).isEqualTo(before);
          return true;
        });
  }

  private static void awaitFilter() throws Exception {
    for (int i = 0; i < 200 && sh("tc filter show dev v0 egress").isEmpty(); i++) {
      Thread.sleep(20);
    }
  }

  @Test
  @Tag("kernel")
  void twoAtOnceBothDecideAndNeitherTakesTheOtherAway() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          Process first = Program.builder(MAIN, "-i", "v0", "block_port", "80").start();
          awaitFilter();
          Process second = Program.builder(MAIN, "-i", "v0", "nop").start();
          for (int i = 0; i < 200 && !sh("tc filter show dev v0 egress").contains("nop:["); i++) {
            Thread.sleep(20);
          }
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isFalse();
          second.destroy();
          assertThat(second.waitFor()).isZero();
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isFalse();
          first.destroy();
          assertThat(first.waitFor()).isZero();
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void whatIsLeftOrKilledGoesOnFiltering() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          String chain = "allow_ethertype:ipv4+arp,allow_port:22";
          Process process =
              Program.builder(MAIN, "-i", "v0", "--no-cleanup", "--chain", chain).start();
          awaitFilter();
          process.destroyForcibly().waitFor();
          // In traffico the kernel empties the chain now, and everything passes.
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isFalse();
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,22)")).isTrue();
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void anInterfaceThatVanishesIsReportedAsTheErrorNumber() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          Process process = Program.builder(MAIN, "-i", "v0", "nop").start();
          awaitFilter();
          sh("ip link delete v0 && kill -TERM " + process.pid());
          Program.Result result = Program.finish(process, "");
          assertThat(result.status()).as(result.toString()).isEqualTo(19);
          assertThat(result.err()).startsWith("traffico: fail: detaching the TC eBPF program: ");
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void withoutPrivilegeItSaysSo() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          ProcessBuilder builder = Program.builder(MAIN, "-i", "v0", "nop");
          builder.command().addAll(0, List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
          Program.Result result = Program.finish(builder.start(), "");
          assertThat(result.status()).as(result.toString()).isEqualTo(1);
          assertThat(result.err().lines()).hasSize(1);
          assertThat(result.err()).contains("EPERM");
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void whereThereIsNoClsactItIsALink() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          ProcessBuilder builder = Program.builder(MAIN, "-i", "v0", "-v", "block_port", "80");
          builder.environment().putAll(Map.of("PLUMB_WITHOUT", "clsact"));
          Process process = builder.start();
          for (int i = 0; i < 200 && passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)"); i++) {
            Thread.sleep(20);
          }
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isFalse();
          sh("kill -TERM " + process.pid());
          Program.Result result = Program.finish(process, "");
          assertThat(result.out()).contains("warn: no clsact here: attached as a TCX link");
          assertThat(passes("v0", "eth ipv4(10.0.0.1) tcp(1024,80)")).isTrue();
          return true;
        });
  }
}
