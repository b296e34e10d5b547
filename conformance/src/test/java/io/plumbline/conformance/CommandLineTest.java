package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.conformance.cli.Plumb;
import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.pcaps.PacketText;
import io.plumbline.pcaps.PcapWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command line on good and bad input: status, and one line without a stack trace. */
class CommandLineTest {
  private static final String OBJECTS = "../bpf/target/objects";

  @TempDir private Path folder;
  private Path capture = Path.of("unset");
  private String out = "";
  private String err = "";

  @BeforeEach
  void writeCapture() throws Exception {
    capture = folder.resolve("three.pcap");
    try (PcapWriter writer = new PcapWriter(capture)) {
      writer.write(PacketText.parse("eth ipv4(192.0.2.10) tcp(1024,443)"));
      writer.write(PacketText.parse("eth ipv4(192.0.2.10) tcp(1024,80)"));
      writer.write(PacketText.parse("eth arp"));
      writer.commit();
    }
  }

  private int run(String... args) {
    StringWriter outWriter = new StringWriter();
    StringWriter errWriter = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(outWriter));
    line.setErr(new PrintWriter(errWriter));
    int status = line.execute(args);
    out = outWriter.toString();
    err = errWriter.toString();
    return status;
  }

  @Test
  void onlyATerminalHasColours() {
    assumeTrue(System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM")));
    String[] replay = {"replay", capture.toString(), "--program", "block_port", "--input", "443"};
    assertThat(run(replay)).isZero();
    assertThat(out).contains("TC_ACT_SHOT").doesNotContain("\033");
    System.setProperty("plumb.tty.out", "true");
    try {
      assertThat(run(replay)).isZero();
    } finally {
      System.clearProperty("plumb.tty.out");
    }
    assertThat(out).contains("\033[31mTC_ACT_SHOT\033[0m", "\033[32m0 disagreements\033[0m");
  }

  @Test
  void everyCommandSaysInOneSentenceWhatItDoes() {
    List<CommandLine> left = new ArrayList<>(List.of(Plumb.commandLine()));
    for (int i = 0; i < left.size(); i++) {
      CommandLine.Model.UsageMessageSpec usage = left.get(i).getCommandSpec().usageMessage();
      String name = left.get(i).getCommandSpec().qualifiedName();
      assertThat(usage.description()).as(name).isNotEmpty();
      assertThat(usage.description()[0]).as(name).matches(".*[.?]");
      if (left.get(i).getSubcommands().isEmpty()) {
        assertThat(usage.exitCodeList().keySet()).as(name).contains("0", "2");
      }
      // picocli formats these, and only warns if it cannot.
      for (String text : usage.footer()) {
        assertThat(text.formatted()).as(name).isNotNull();
      }
      left.addAll(left.get(i).getSubcommands().values());
    }
    assertThat(left).hasSizeGreaterThan(20);
  }

  @Test
  void replayCountsWhatEachClauseDecides() {
    int status = run("replay", capture.toString(), "--program", "block_port", "--input", "443");
    assertThat(status).as(err).isZero();
    assertThat(out)
        .containsPattern("block_port\\.blocked_port +TC_ACT_SHOT +1 +54")
        .containsPattern("block_port\\.not_ipv4 +TC_ACT_OK +1 +42")
        .contains("3 packets, 2 allowed, 1 dropped, 0 undecided");
  }

  @Test
  void replayWritesWhatItDropped() {
    Path dropped = folder.resolve("dropped.pcap");
    assertThat(
            run(
                "replay",
                capture.toString(),
                "--program",
                "block_port",
                "--input",
                "443",
                "--dropped",
                dropped.toString()))
        .isZero();
    assertThat(run("replay", dropped.toString(), "--program", "nop", "--explain")).isZero();
    assertThat(out)
        .startsWith("1 TC_ACT_OK nop.accept: every packet is accepted\n")
        .contains("1 packet,");
  }

  @Test
  void replaySpeaksJson() {
    assertThat(run("replay", capture.toString(), "--chain", "allow_ethertype:arp", "--json", "-"))
        .isZero();
    assertThat(out)
        .startsWith("{")
        .contains("\"packets\" : 3")
        .contains("\"engines\" : {")
        .contains("\"files\" : [")
        .contains("\"allowed\" : 1")
        .contains("\"dropped\" : 2");
  }

  @Test
  @Tag("kernel")
  void replayNamesWhatAnEngineCannotRun() throws Exception {
    Optional<String> reason = FeatureProbe.unavailable();
    assumeTrue(reason.isEmpty(), () -> "kernel engines: " + reason.orElse(""));
    Path shortFrame = folder.resolve("short.pcap");
    try (PcapWriter writer = new PcapWriter(shortFrame)) {
      writer.write(PacketText.parse("eth ipv4(192.0.2.1) cut(33)"));
      writer.commit();
    }
    assertThat(
            run(
                "replay",
                shortFrame.toString(),
                "--program",
                "nop",
                "--engine",
                "kernel",
                "--json",
                "-"))
        .as(err)
        .isZero();
    assertThat(out).contains("\"test run takes IPv4 frames of 34..3712 bytes only\" : 1");
  }

  /** As root, runs the command line in a process of its own where something is taken away. */
  private static String runWithout(String shell, String... args) throws Exception {
    boolean root = new ProcessBuilder("id", "-u").start().inputReader().readLine().equals("0");
    assumeTrue(root, "taking something away needs root");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String command =
        shell.replace(
            "JAVA",
            "\"$0\" --enable-native-access=ALL-UNNAMED -cp \"$1\" io.plumbline.conformance.cli.Plumb "
                + String.join(" ", args));
    Process process =
        new ProcessBuilder("sh", "-c", command, java, System.getProperty("java.class.path"))
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() + " " + output;
  }

  @Test
  @Tag("kernel")
  void withoutPrivilegeTheKernelIsUnavailable() throws Exception {
    String dropped = "setpriv --bounding-set -all --inh-caps -all JAVA";
    assertThat(runWithout(dropped, "verify", "--program", "nop", "--engine", "kernel"))
        .isEqualTo(
            "3 plumb: engine kernel: unavailable: bpf(2): EPERM: needs root, or CAP_BPF and CAP_NET_ADMIN\n");
    assertThat(runWithout(dropped, "verify", "--program", "nop", "--fuzz", "0"))
        .startsWith("0 ")
        .contains("engine kernel       unavailable: bpf(2): EPERM");
  }

  @Test
  @Tag("kernel")
  void withoutLibbpfTheKernelIsUnavailable() throws Exception {
    String hidden =
        "unshare -m sh -c 'for f in /usr/lib/*/libbpf.so.1; do mount --bind /dev/null \"$f\"; done; JAVA' \"$0\" \"$1\"";
    assertThat(runWithout(hidden, "verify", "--program", "nop", "--engine", "kernel"))
        .isEqualTo("3 plumb: engine kernel: unavailable: needs libbpf.so.1 (package libbpf1)\n");
  }

  @Test
  @Tag("kernel")
  void aDisagreementIsWrittenAndRunsAgain() {
    Optional<String> reason = FeatureProbe.unavailable();
    assumeTrue(reason.isEmpty(), () -> "kernel engines: " + reason.orElse(""));
    Path wrong = Path.of("..", "bpf", "target", "objects", "negative", "block_port_source.bpf.o");
    String repro = folder.resolve("repro").toString();
    int verify =
        run(
            "verify",
            "--program",
            "block_port",
            "--object",
            wrong.toString(),
            "--fuzz",
            "0",
            "--engine",
            "model,kernel",
            "--repro",
            repro);
    assertThat(verify).isEqualTo(1);
    assertThat(err)
        .contains("model's clause: block_port.")
        .contains("path through the program:")
        .contains("block_port.bpf.c:")
        .contains("to run it again: plumb replay");
    assertThat(run("replay", repro + "/disagreement-1")).isEqualTo(1);
    assertThat(out).contains("block_port 443: model says").contains("kernel says");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "bpf", "policy"})
  void withoutACommandTheCommandsAreListed(String group) {
    String[] args = group.isEmpty() ? new String[0] : new String[] {group};
    assertThat(run(args)).isEqualTo(2);
    assertThat(err)
        .startsWith("plumb: command: missing: expected one of those below\nUsage: plumb ")
        .contains("Commands:\n");
    assertThat(out).isEmpty();
  }

  @Test
  void setupIsInTheHelp() {
    assertThat(run("--help")).isZero();
    assertThat(out).contains("'plumb setup [--all]' installs what is missing");
  }

  @Test
  void theProgramOfPoliciesIsDescribedToo() {
    assertThat(run("programs")).isZero();
    assertThat(out).contains("intent              POLICY            -   alone      drops what");
    assertThat(run("programs", "intent")).isZero();
    assertThat(out)
        .startsWith("intent POLICY: drops what")
        .contains("   1 drop   truncated_ethernet       len < 14\n")
        .endsWith("     then the rules of the policy: plumb policy explain --as clauses\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          programs nope | unknown program: 'nope': expected one of allow_dns, allow_ethertype, allow_ipv4, allow_port, allow_proto, block_ipv4, block_port, block_private_ipv4, nop, intent
          replay CAPTURE --program block_port | program 'block_port' requires an input argument: expected a port, 1..65535
          replay CAPTURE --program block_port --input 0 | block_port: invalid port number: '0': expected a port, 1..65535
          replay CAPTURE --program nop --input 1 | nop: program does not accept input: '1': expected no input
          replay CAPTURE --chain allow_port:1 | --chain: L3/L4 chains must start with allow_ethertype
          replay CAPTURE | replay: expected one of --program, --chain and a policy (--policy, or --allow and --forbid)
          replay FOLDER/none.pcap --program nop | FOLDER/none.pcap: no such file
          replay FOLDER --program nop | FOLDER: is a directory: expected a capture file
          replay FOLDER/text --program nop | FOLDER/text: not a capture: starts with 0x6e6f7420: expected pcap or pcapng
          replay FOLDER/wireless.pcap --program nop | FOLDER/wireless.pcap: link type IEEE802_11_RADIOTAP (127): expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture without monitor mode
          replay FOLDER/raw.pcap --program allow_ethertype --input ipv4 | FOLDER/raw.pcap: link type RAW (101): allow_ethertype: expected a filter that asks for no Ethernet header
          replay FOLDER/raw.pcap --chain allow_ethertype:ipv4,allow_port:443 | FOLDER/raw.pcap: link type RAW (101): allow_ethertype: expected a filter that asks for no Ethernet header
          replay FOLDER/raw.pcap --program nop --hook xdp | FOLDER/raw.pcap: link type RAW (101): hook xdp: expected hook tc: packets at xdp begin with an Ethernet header
          replay FOLDER/cut.pcap --program nop | FOLDER/cut.pcap: cut off in record 3 at byte 164: 41 bytes: expected 42: the frames before that were run
          replay CAPTURE --program nop --engine x | --engine: unknown engine: 'x': expected model, kernel, kernel-batch, interpreter, emulator, live
          verify --fuzz -1 | --fuzz: -1: expected 0 or more
          verify --corpus FOLDER/none | --corpus: FOLDER/none: no such file or folder
          verify --xyz | verify: unknown option: '--xyz': 'plumb verify --help' lists them
          verify --fuz 1 | verify: unknown option: '--fuz': did you mean --fuzz? 'plumb verify --help' lists them
          --nope | unknown option: '--nope': 'plumb --help' lists them
          verfy | unknown command: 'verfy': did you mean verify? 'plumb --help' lists them
          other | unknown command: 'other': 'plumb --help' lists them
          bpf disas | bpf: unknown command: 'disas': did you mean disasm? 'plumb bpf --help' lists them
          status more | status: 'more': expected no further argument
          generate-completion more | generate-completion: 'more': expected no further argument
          compare x | compare: arguments: missing: expected OLD NEW
          verify --fuzz | --fuzz: value: missing: expected N
          prove --equivalent x | --equivalent: value: missing: expected OBJ OBJ
          replay CAPTURE --policy x --policy y | --policy: given twice: expected it once
          events --count x | --count: 'x': expected a whole number, at most 9223372036854775807
          events --count 0 | --count: 0: expected 1 or more
          verify --fuzz 2147483648 | --fuzz: '2147483648': expected a whole number, at most 2147483647
          fuzz --minutes x | --minutes: 'x': expected a number
          fuzz --minutes NaN | --minutes: NaN: expected more than 0
          fuzz --packets 0 | --packets: 0: expected 1 or more
          fuzz --program nope | unknown program: 'nope': expected one of allow_dns, allow_ethertype, allow_ipv4, allow_port, allow_proto, block_ipv4, block_port, block_private_ipv4, nop, dispatcher, intent
          prove nope | unknown program: 'nope': expected one of allow_dns, allow_ethertype, allow_ipv4, allow_port, allow_proto, block_ipv4, block_port, block_private_ipv4, nop, gate, dispatcher, intent_rows, intent
          replay CAPTURE --at west --allow arp | --at: 'west': expected egress or ingress
          bpf run --engine x | --engine: 'x': expected interpreter or jit
          compare x y --set foo | --set: 'foo': expected NAME=HEX
          status --json=x | --json: 'x': expected no value
          replay CAPTURE --policy EMPTY | --policy: '': expected a file or folder
          replay EMPTY --program nop | CAPTURE: '': expected a file or folder
          replay CAPTURE --program nop --json EMPTY | --json: '': expected a file or folder
          verify --corpus EMPTY | --corpus: '': expected a file or folder
          verify --program allow_port --object OBJECTS/block_port.bpf.o | --object: OBJECTS/block_port.bpf.o: no program allow_port in it: expected one of [block_port]
          verify --program block_port --object FOLDER/own.o | --object: FOLDER/own.o: program block_port: variables or maps missing, or of another size: expected input (2 bytes)
          prove block_port --object FOLDER/own.o | --object: FOLDER/own.o: program block_port: variables or maps missing, or of another size: expected input (2 bytes)
          bpf asm FOLDER/comment.s | FOLDER/comment.s: empty: expected a program
          verify --program nop --object FOLDER/none.o | --object: FOLDER/none.o: no such file
          verify --json FOLDER/none/x | --json: FOLDER/none/x: cannot be written: expected a file in a folder that is there
          prove nop --json FOLDER/none/x | --json: FOLDER/none/x: cannot be written: expected a file in a folder that is there
          fuzz --state FOLDER/none/x | --state: FOLDER/none/x: cannot be written: expected a file in a folder that is there
          bpf run --budget 0 --program 9500000000000000 | --budget: 0: expected 1 or more
          bpf fuzz --inputs 0 | --inputs: 0: expected 1 or more
          stats --watch 0 | --watch: 0: expected 1 or more
          """)
  void badInputIsOneLine(String arguments, String message) throws Exception {
    byte[] bytes = Files.readAllBytes(capture);
    Files.write(folder.resolve("cut.pcap"), Arrays.copyOf(bytes, bytes.length - 1));
    byte[] raw = bytes.clone();
    raw[20] = 101;
    Files.write(folder.resolve("raw.pcap"), raw);
    raw[20] = 127;
    Files.write(folder.resolve("wireless.pcap"), raw);
    Files.writeString(folder.resolve("text"), "not a capture");
    Files.writeString(folder.resolve("comment.s"), "# nothing\n");
    Files.write(folder.resolve("own.o"), TestObject.tc("block_port", "r0 = 0", "exit"));
    String[] args =
        Arrays.stream(arguments.split(" ", -1))
            .map(a -> a.replace("CAPTURE", capture.toString()).replace("EMPTY", ""))
            .map(a -> a.replace("FOLDER", folder.toString()).replace("OBJECTS", OBJECTS))
            .toArray(String[]::new);
    assertThat(run(args)).isEqualTo(2);
    String expected = message.replace("FOLDER", folder.toString()).replace("OBJECTS", OBJECTS);
    assertThat(err).isEqualTo("plumb: " + expected + "\n");
  }
}
