package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.cli.LoaderCommands;
import java.io.FileDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands of production on a veth pair: what they do, print and end with. */
@Tag("kernel")
class LoaderCommandTest {
  private static final String MAIN = LoaderCommands.class.getName();
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final Path OBJECTS = Path.of("../bpf/target/objects").toAbsolutePath();

  @TempDir private Path folder;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static Program.Result plumb(String... args) {
    return OwnNetwork.plumb(args);
  }

  private static String ok(String... args) {
    Program.Result result = plumb(args);
    assertThat(result.status()).as(result.toString()).isZero();
    return result.out();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "attach -i nowhere nop => 2 => interface 'nowhere': expected the name or number of one that exists",
        "attach nop => 2 => --ifname: missing: expected the interface to attach to",
        "attach -i v0 => 2 => attach: 0 filters given: expected one of PROGRAM [INPUT], --chain, --allow and --forbid, --policy, --object",
        "attach -i v0 nop --chain x => 2 => attach: 2 filters given: expected one of PROGRAM [INPUT], --chain, --allow and --forbid, --policy, --object",
        "attach -i v0 nop --backend magic => 2 => --backend: 'magic': expected tcx, clsact, xdp or xdp-skb",
        "attach -i v0 nop --order sideways => 2 => --order 'sideways': expected first, last, before:PROGRAM_ID or after:PROGRAM_ID",
        "attach -i v0 nop --backend clsact --order before:1 => 2 => order: backend clsact knows first and last only: expected one of them, or backend tcx",
        "attach -i v0 nop --netns nowhere => 2 => --netns: /run/netns/nowhere: no such file: expected a name of 'ip netns', or the path of a file such as /proc/PID/ns/net",
        "status --netns ../netns/x => 2 => --netns: ../netns/x: no such file: expected a name of 'ip netns', or the path of a file such as /proc/PID/ns/net",
        "status --netns / => 2 => --netns: /: no network namespace: expected a name of 'ip netns', or the path of a file such as /proc/PID/ns/net",
        "status --netns /etc/passwd => 2 => --netns: /etc/passwd: no network namespace: expected a name of 'ip netns', or the path of a file such as /proc/PID/ns/net",
        "attach -i v0 nop --backend xdp --at egress => 2 => backend xdp: there is no egress: expected --at ingress",
        "attach -i v0 --object /nowhere.o => 2 => --object: /nowhere.o: cannot be read",
        "attach -i v0 nop --object-program p => 2 => --object-program: p: expected --object beside it",
        "stats -i v0 --prometheus --watch 1 => 2 => --prometheus: expected no --watch beside it",
        "stats -i v0 --prometheus --json => 2 => --prometheus: expected no --json beside it",
        "attach -i v0 nop --confirm 0 => 2 => --confirm: 0: expected 1 or more",
        "attach -i v0 nop --order before:0 => 2 => --order 'before:0': expected first, last, before:PROGRAM_ID or after:PROGRAM_ID",
        "attach -i v0 nop --confirm -1 => 2 => --confirm: -1: expected 1 or more",
        "detach => 2 => detach: expected one of --ifname and --all-interfaces",
        "detach -i v0 --id 1 => 2 => --id: no program 1 there: see plumb status",
        "confirm -i v0 => 1 => v0: no filter waits to be confirmed",
        "events -i v0 => 1 => events: no filter of plumb's is attached there",
      })
  void badInputIsOneLine(String arguments, int status, String message) throws Exception {
    OwnNetwork.in(
        () -> {
          String before = sh("tc qdisc show; tc filter show dev v0 egress");
          assertThat(plumb(arguments.split(" ", -1)))
              .isEqualTo(
                  new Program.Result(status, "", "plumb: " + message + System.lineSeparator()));
          assertThat(sh("tc qdisc show; tc filter show dev v0 egress")).isEqualTo(before);
          return true;
        });
  }

  /** A section may name the direction that a program is for; an XDP program has one. */
  @ParameterizedTest
  @CsvSource({
    "tcx/ingress, ingress",
    "tcx/egress, egress",
    "tc/ingress, ingress",
    "classifier/egress, egress",
    "xdp, ingress",
    "tc, egress"
  })
  void anObjectIsAttachedWhereItIsFor(String section, String expected) throws Exception {
    Path object = folder.resolve("own.o");
    Files.write(object, TestObject.of(section, "own", "r0 = 0", "exit"));
    String other = expected.equals("egress") ? "ingress" : "egress";
    String[] attach = {"attach", "-i", "v0", "--dry-run", "--object", object.toString()};
    String[] there = {"--at", other};
    OwnNetwork.in(
        () -> {
          assertThat(ok(attach)).contains(" would be attached to v0 " + expected + ": ");
          Program.Result result =
              plumb(Stream.of(attach, there).flatMap(Stream::of).toArray(String[]::new));
          if (!section.equals("tc")) {
            assertThat(result)
                .isEqualTo(
                    new Program.Result(
                        2,
                        "",
                        "plumb: --at: %s: program own of %s, section %s: expected --at %s%n"
                            .formatted(other, object, section, expected)));
          }
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({"tcx", "clsact"})
  void aPolicyIsAttachedShownCountedAndDetached(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(
                  ok(
                      "attach",
                      "-i",
                      "v0",
                      "--pin",
                      "--backend",
                      backend,
                      "--allow",
                      "tcp/10.0.0.1:22",
                      "--forbid",
                      "tcp/10.0.0.1:80"))
              .matches("v0 egress " + backend + ": attached intent .*\\(program [0-9]+\\)\\R");
          assertThat(passes("v0", WEB)).isFalse();
          assertThat(ok("status", "-i", "v0"))
              .contains("v0", "egress", backend, "intent", "(plumb)", "permit tcp/10.0.0.1:22");
          assertThat(ok("status", "-i", "v0", "--json"))
              .contains("\"ours\":\ttrue", "\"packets\":\t");
          assertThat(ok("stats", "-i", "v0"))
              .containsPattern("forbid_1 +1 .*forbid tcp/10.0.0.1:80");
          assertThat(ok("stats", "-i", "v0", "--prometheus"))
              .containsPattern(
                  "plumb_clause_packets_total\\{ifname=\"v0\",.*clause=\"forbid_1\".*\\} 1\\R");
          assertThat(ok("detach", "-i", "v0"))
              .startsWith("v0 egress " + backend + ": detached intent");
          assertThat(ok("detach", "-i", "v0"))
              .isEqualTo("nothing of plumb's is attached there" + System.lineSeparator());
          assertThat(passes("v0", WEB)).isTrue();
          return true;
        });
  }

  @Test
  void eventsNameTheRule() throws Exception {
    OwnNetwork.in(
        () -> {
          ok("attach", "-i", "v0", "--pin", "--allow", "arp", "--forbid", "tcp/10.0.0.1:80");
          Process process =
              Program.builder(MAIN, "events", "-i", "v0", "--count", "1", "--format", "json")
                  .start();
          while (process.isAlive()) {
            assertThat(passes("v0", WEB)).isFalse();
            Thread.sleep(20);
          }
          assertThat(Program.finish(process, "").out())
              .contains(
                  "\"protocol\":\"tcp\"",
                  "\"destination\":\"10.0.0.1\",\"destinationPort\":80",
                  "\"reason\":\"intent.forbid_1: forbid tcp/10.0.0.1:80\"");
          Path pcap = folder.resolve("drops.pcap");
          process =
              Program.builder(
                      MAIN,
                      "events",
                      "--count",
                      "1",
                      "--format",
                      "pcap",
                      "--output",
                      pcap.toString())
                  .start();
          while (process.isAlive()) {
            assertThat(passes("v0", WEB)).isFalse();
            Thread.sleep(20);
          }
          assertThat(ok("replay", pcap.toString(), "--program", "block_port", "--input", "80"))
              .contains("1 packet,");
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @Test
  void eventsLeaveStandardOutputOpen() throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("events", "-i", "v0");
          assertThat(FileDescriptor.out.valid()).isTrue();
          return true;
        });
  }

  @Test
  void whatIsNotConfirmedIsUndone() throws Exception {
    OwnNetwork.in(
        () -> {
          ok("attach", "-i", "v0", "--pin", "block_port", "80");
          Program.Result result =
              Program.run(
                  MAIN,
                  "",
                  Map.of(),
                  "attach",
                  "-i",
                  "v0",
                  "--pin",
                  "--replace",
                  "--confirm",
                  "1",
                  "nop");
          assertThat(result.status()).isEqualTo(1);
          assertThat(result.err())
              .contains("v0 egress tcx: not confirmed within 1 second: the filter before is back");
          assertThat(passes("v0", WEB)).isFalse();
          Process process =
              Program.builder(
                      MAIN, "attach", "-i", "v0", "--pin", "--replace", "--confirm", "60", "nop")
                  .start();
          while (!passes("v0", WEB)) {
            Thread.sleep(20);
          }
          // The mark follows the replacement.
          while (plumb("confirm", "-i", "v0").status() == 1) {
            Thread.sleep(20);
          }
          assertThat(Program.finish(process, "").status()).isZero();
          assertThat(plumb("confirm", "-i", "v0").err())
              .isEqualTo("plumb: v0: no filter waits to be confirmed" + System.lineSeparator());
          assertThat(passes("v0", WEB)).isTrue();
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @Test
  void inTheForegroundItEndsWithTheCommandAndSaysWhenTheInterfaceVanishes() throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = Program.builder(MAIN, "attach", "-i", "v0", "block_port", "80").start();
          assertThat(process.inputReader().readLine())
              .startsWith("v0 egress tcx: attached block_port 80 (program ");
          assertThat(passes("v0", WEB)).isFalse();
          sh("kill -TERM " + process.pid());
          assertThat(Program.finish(process, "").status()).isZero();
          assertThat(passes("v0", WEB)).isTrue();
          process = Program.builder(MAIN, "attach", "-i", "v0", "block_port", "80").start();
          assertThat(process.inputReader().readLine()).startsWith("v0 egress tcx: attached");
          sh("ip link delete v0");
          Program.Result result = Program.finish(process, "");
          assertThat(result.status()).as(result.toString()).isEqualTo(1);
          assertThat(result.err()).contains("removed, replaced, or the interface is gone");
          return true;
        });
  }

  @Test
  void anObjectOfSomebodyElseIsAttachedAlsoAsXdp() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(
                  ok(
                      "attach",
                      "-i",
                      "v0",
                      "--pin",
                      "--object",
                      OBJECTS.resolve("allow_port.bpf.o").toString()))
              .contains("attached object ");
          // Its port is 0 by default: all TCP and UDP is dropped.
          assertThat(passes("v0", WEB)).isFalse();
          ok("detach", "-i", "v0");
          Path xdp = folder.resolve("pass.bpf.o");
          Files.writeString(
              folder.resolve("pass.bpf.c"),
              """
              #include <linux/bpf.h>
              #include <bpf/bpf_helpers.h>
              SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
              char LICENSE[] SEC("license") = "GPL";
              """);
          if (Files.exists(Path.of("/usr/bin/clang-14"))) {
            sh(
                "cd "
                    + folder
                    + " && clang-14 -target bpf -O2 -g -idirafter /usr/include/$(uname -m)-linux-gnu"
                    + " -c pass.bpf.c -o pass.bpf.o");
            for (String backend : List.of("xdp", "xdp-skb")) {
              assertThat(
                      ok(
                          "attach",
                          "-i",
                          "v0",
                          "--pin",
                          "--at",
                          "ingress",
                          "--backend",
                          backend,
                          "--object",
                          xdp.toString()))
                  .contains("v0 ingress " + backend + ": attached object");
              assertThat(sh("ip link show v0"))
                  .contains(backend.equals("xdp") ? "xdp" : "xdpgeneric");
              ok("detach", "-i", "v0");
              assertThat(sh("ip link show v0")).doesNotContain("xdp");
            }
          }
          return true;
        });
  }

  @Test
  void aProgramThatNeedsAllOfTheStackIsAttachedWithoutTheGate() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Files.exists(Path.of("/usr/bin/clang-14")), "needs clang-14");
    Files.writeString(
        folder.resolve("deep.bpf.c"),
        """
        #include <linux/bpf.h>
        #include <linux/pkt_cls.h>
        #include <bpf/bpf_helpers.h>
        SEC("tc") int deep(struct __sk_buff *skb)
        {
          char bytes[508];
          return bpf_skb_load_bytes(skb, 0, bytes, 14) == 0 && bytes[12] == 8 ? TC_ACT_SHOT : TC_ACT_OK;
        }
        char LICENSE[] SEC("license") = "GPL";
        """);
    OwnNetwork.in(
        () -> {
          sh(
              "cd "
                  + folder
                  + " && clang-14 -target bpf -O2 -g -idirafter /usr/include/$(uname -m)-linux-gnu"
                  + " -c deep.bpf.c -o deep.bpf.o");
          String object = folder.resolve("deep.bpf.o").toString();
          ok("attach", "-i", "v0", "--pin", "--object", object);
          assertThat(passes("v0", WEB)).isFalse();
          assertThat(ok("status", "-i", "v0", "--json"))
              .contains("\"ours\":\ttrue")
              .doesNotContain("passed");
          ok("detach", "-i", "v0");
          assertThat(plumb("attach", "-i", "v0", "--pin", "--observe", "--object", object).err())
              .contains("combined stack size");
          return true;
        });
  }

  @Test
  void aProgramThatTheVerifierRefusesIsShownInTenLines() throws Exception {
    Path source = folder.resolve("bad.bpf.c");
    Files.writeString(
        source,
        """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("tc") int bad(struct __sk_buff *skb) { return *(char *)(long)skb->data; }
        char LICENSE[] SEC("license") = "GPL";
        """);
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Files.exists(Path.of("/usr/bin/clang-14")), "needs clang-14");
    OwnNetwork.in(
        () -> {
          sh(
              "cd "
                  + folder
                  + " && clang-14 -target bpf -O2 -g -idirafter /usr/include/$(uname -m)-linux-gnu"
                  + " -c bad.bpf.c -o bad.bpf.o");
          Program.Result result =
              plumb("attach", "-i", "v0", "--object", folder.resolve("bad.bpf.o").toString());
          assertThat(result.status()).isEqualTo(2);
          assertThat(result.err()).contains("EACCES", "invalid access to packet");
          assertThat(result.err().lines().count()).isBetween(2L, 11L);
          Files.write(folder.resolve("cut.o"), new byte[] {0x7F, 'E', 'L', 'F'});
          Program.Result cut =
              plumb("attach", "-i", "v0", "--object", folder.resolve("cut.o").toString());
          assertThat(cut.err().lines()).hasSize(1);
          assertThat(cut.status()).isEqualTo(2);
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "tcx => 0 => plumb: note: no TCX: PLUMB_WITHOUT says so",
        "bpffs => 0 => plumb: note: PLUMB_WITHOUT says so",
        "tcx,clsact => 3 => plumb: no TCX: PLUMB_WITHOUT says so; backend clsact: unavailable: PLUMB_WITHOUT says so",
        "bpf => 3 => plumb: kernel: unavailable: PLUMB_WITHOUT says so: needs root, or CAP_BPF",
        "ringbuf => 3 => plumb: kernel: unavailable: PLUMB_WITHOUT says so: needs Linux 5.8",
        "bpf_loop => 3 => plumb: kernel: policies: unavailable: PLUMB_WITHOUT says so: needs Linux 5.17",
      })
  void onAnOlderKernelItSaysWhatWasChosenOrWhatIsMissing(String without, int status, String message)
      throws Exception {
    OwnNetwork.in(
        () -> {
          Program.Result result =
              Program.run(
                  MAIN,
                  "",
                  Map.of("PLUMB_WITHOUT", without),
                  "attach",
                  "-i",
                  "v0",
                  "--pin",
                  "--allow",
                  "arp");
          assertThat(result.status()).as(result.toString()).isEqualTo(status);
          assertThat(result.err()).startsWith(message);
          // A clsact filter does not survive a move of its interface, which the second line says.
          assertThat(result.err().lines()).hasSize(status == 0 ? 2 : 1);
          assertThat(sh("tc qdisc show dev v0").contains("clsact")).isEqualTo(status == 0);
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @Test
  void withoutPrivilegeItSaysSoAndChangesNothing() throws Exception {
    OwnNetwork.in(
        () -> {
          ProcessBuilder builder = Program.builder(MAIN, "attach", "-i", "v0", "nop");
          builder.command().addAll(0, List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
          Program.Result result = Program.finish(builder.start(), "");
          assertThat(result.status()).as(result.toString()).isEqualTo(3);
          assertThat(result.err().lines()).hasSize(1);
          assertThat(result.err())
              .isEqualTo(
                  "plumb: kernel: load programs: EPERM: this process lacks CAP_BPF,"
                      + " CAP_NET_ADMIN and CAP_PERFMON: expected root"
                      + System.lineSeparator());
          return true;
        });
  }

  @Test
  void withTheThreeCapabilitiesAloneItWorks() throws Exception {
    OwnNetwork.in(
        () -> {
          ProcessBuilder builder =
              Program.builder(
                  MAIN, "attach", "-i", "v0", "--pin", "--backend", "clsact", "block_port", "80");
          builder
              .command()
              .addAll(
                  0,
                  List.of(
                      "setpriv",
                      "--bounding-set=-all,+bpf,+net_admin,+perfmon",
                      "--inh-caps=-all"));
          Program.Result result = Program.finish(builder.start(), "");
          assertThat(result.status()).as(result.toString()).isZero();
          assertThat(passes("v0", WEB)).isFalse();
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void onceAttachedOnlyOneCapabilityIsLeft(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          Process process =
              Program.builder(MAIN, "attach", "-i", "v0", "--backend", backend, "block_port", "80")
                  .start();
          Path status = Path.of("/proc/" + process.pid() + "/status");
          String left = "";
          for (int i = 0; i < 500 && !left.contains("CapPrm:\t0000000000001000"); i++) {
            Thread.sleep(10);
            left = Files.readString(status);
          }
          assertThat(left)
              .contains(
                  "CapEff:\t0000000000001000",
                  "CapPrm:\t0000000000001000",
                  "CapBnd:\t0000000000001000");
          assertThat(passes("v0", WEB)).isFalse();
          assertThat(process.inputReader().readLine()).contains("attached block_port 80");
          sh("kill -TERM " + process.pid());
          assertThat(Program.finish(process, "").status()).isZero();
          assertThat(passes("v0", WEB)).isTrue();
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          return true;
        });
  }

  @Test
  void verifyingComesBeforeAttaching() throws Exception {
    OwnNetwork.in(
        () -> {
          Program.Result result =
              plumb("attach", "-i", "v0", "--pin", "--verify", "block_port", "80");
          assertThat(result.status()).as(result.toString()).isZero();
          assertThat(result.err())
              .containsPattern(
                  "verified: [0-9]+ trials on model, kernel and emulator, 0 disagreements");
          ok("detach", "-i", "v0");
          assertThat(
                  plumb(
                          "attach",
                          "-i",
                          "v0",
                          "--verify",
                          "--object",
                          OBJECTS.resolve("nop.bpf.o").toString())
                      .err())
              .contains("--verify: there is no model of");
          return true;
        });
  }

  @Test
  void programsStandInTheOrderThatIsAsked() throws Exception {
    OwnNetwork.in(
        () -> {
          String attached = ok("attach", "-i", "v0", "--pin", "block_port", "1");
          String program = attached.replaceAll("(?s).*\\(program ([0-9]+)\\).*", "$1");
          ok("attach", "-i", "v0", "--pin", "--order", "last", "block_port", "5");
          ok("attach", "-i", "v0", "--pin", "--order", "after:" + program, "block_port", "3");
          ok("attach", "-i", "v0", "--pin", "--order", "before:" + program, "block_port", "2");
          ok("attach", "-i", "v0", "--pin", "--order", "first", "block_port", "4");
          assertThat(
                  ok("status", "-i", "v0").lines().skip(1).map(line -> line.replaceAll(".* ", "")))
              .containsExactly("4", "2", "1", "3", "5");
          assertThat(plumb("attach", "-i", "v0", "--order", "before:1", "nop").err())
              .isEqualTo(
                  "plumb: order: program 1 is not on v0 egress tcx: expected one that is"
                      + System.lineSeparator());
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @Test
  void commandsAtTheSameTimeTakeTurns() throws Exception {
    OwnNetwork.in(
        () -> {
          List<Process> processes = new java.util.ArrayList<>();
          for (int port = 1; port <= 6; port++) {
            processes.add(
                Program.builder(
                        MAIN,
                        "attach",
                        "-i",
                        "v0",
                        "--pin",
                        "--backend",
                        "clsact",
                        "block_port",
                        "" + port)
                    .start());
          }
          for (Process process : processes) {
            assertThat(Program.finish(process, "").status()).isZero();
          }
          assertThat(sh("tc filter show dev v0 egress | grep -c handle").strip()).isEqualTo("6");
          processes.clear();
          for (int i = 0; i < 4; i++) {
            processes.add(Program.builder(MAIN, "detach", "-i", "v0").start());
          }
          // Who comes late finds a filter gone that was there when it looked, and says so.
          for (Process process : processes) {
            assertThat(Program.finish(process, "").status()).isZero();
          }
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          return true;
        });
  }

  @Test
  void aDryRunAttachesNothing() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(ok("attach", "-i", "v0", "--dry-run", "--explain", "--allow", "arp"))
              .startsWith("plumb intent\ninterface: v0\n")
              .contains(
                  "dry run: intent [permit arp] would be attached to v0 egress: tcx, program tag ");
          assertThat(ok("status", "-i", "v0")).startsWith("nothing is attached");
          assertThat(ok("doctor")).contains("tcx", "attach as a TCX link");
          return true;
        });
  }
}
