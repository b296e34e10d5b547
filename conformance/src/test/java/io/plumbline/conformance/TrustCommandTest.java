package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.conformance.fuzz.PacketFuzz;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.CaptureReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** {@code prove}, {@code paths}, {@code fuzz} and {@code mutate} as people use them. */
class TrustCommandTest {
  private static final Path NEGATIVE = Path.of("..", "bpf", "target", "objects", "negative");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(args);
  }

  @Test
  void aProofSaysWhatItAssumes() throws Exception {
    assertThat(run("prove", "block_port", "--json", "-")).isZero();
    JsonNode report = new ObjectMapper().readTree(out.toString());
    assertThat(report.path("proved").asInt()).isEqualTo(1);
    assertThat(report.path("proofs").path(0).path("result").asText()).isEqualTo("proved");
    assertThat(report.path("assumptions").toString()).contains("GSO_MAX_SIZE");
  }

  /** They are proved side by side; the gate takes longest. */
  @Test
  void proofsArePrintedInTheOrderOfTheProgramsGiven() throws Exception {
    assertThat(run("prove", "gate", "nop", "block_ipv4", "--json", "-")).isZero();
    JsonNode report = new ObjectMapper().readTree(out.toString());
    assertThat(report.path("proofs").findValuesAsText("name"))
        .containsExactly("gate", "nop", "block_ipv4");
    assertThat(report.path("proofs").path(0).path("seconds").asDouble())
        .isGreaterThan(report.path("proofs").path(1).path("seconds").asDouble());
  }

  @Test
  void aPolicyIsProved() {
    assertThat(run("prove", "--allow", "tcp/10.0.0.0/8:443", "--forbid", "tcp/10.0.0.1:443"))
        .isZero();
    assertThat(out.toString()).contains("1 of 1 proved");
  }

  @Test
  void aRefutationIsExecuted() {
    Path wrong = NEGATIVE.resolve("block_ipv4_source.bpf.o");
    assertThat(run("prove", "block_ipv4", "--object", wrong.toString())).isEqualTo(1);
    assertThat(out.toString())
        .contains("REFUTED", "model says", "emulator says TC_ACT_", "path through the program");
  }

  @Test
  void aFrameIsFoundOrThereIsNone() {
    String[] policy = {"--allow", "tcp/10.0.0.0/8:443"};
    assertThat(find(policy, "tcp and dst host 10.0.0.10 and verdict pass")).isZero();
    assertThat(out.toString())
        .contains("to 10.0.0.10", "> 443", "model says TC_ACT_OK by intent.permit_1")
        .containsPattern(
            "emulator says TC_ACT_OK; counter intent.permit_1: packets \\+1, bytes \\+\\d+\n");
    assertThat(find(policy, "clause bad_ihl")).isZero();
    assertThat(find(policy, "udp and verdict pass")).isEqualTo(1);
    assertThat(find(policy, "dst host 192.0.2.1 and verdict pass")).isEqualTo(1);
    assertThat(out.toString()).contains("there is no such frame");
    String[] port = {"--program", "block_port", "--input", "443"};
    assertThat(find(port, "ip and udp dst port 443 and ip[0] = 0x45 and verdict drop")).isZero();
    assertThat(find(port, "icmp and verdict drop")).isEqualTo(1);
  }

  private int find(String[] subject, String expression) {
    String[] all = java.util.Arrays.copyOf(subject, subject.length + 2);
    System.arraycopy(subject, 0, all, 1, subject.length);
    all[0] = "find";
    all[subject.length + 1] = expression;
    return run(all);
  }

  /** A code that one back end takes for a drop and another does not is neither surely. */
  @ParameterizedTest
  @CsvSource({"4, 2, 1", "0, 4, 1", "8, 2, 1", "4, 4, 0", "2, 4, 0", "4, 0, 0", "2, 0, 0"})
  void whatOnlySomeBackEndsDropIsNeitherDroppedNorPassed(
      int first, int second, int status, @TempDir Path folder) throws Exception {
    Path one = folder.resolve("one.o");
    Path two = folder.resolve("two.o");
    Files.write(one, TestObject.tc("one", "r0 = " + first, "exit"));
    Files.write(two, TestObject.tc("two", "r0 = " + second, "exit"));
    assertThat(run("prove", "--implies", one.toString(), two.toString())).isEqualTo(status);
  }

  /** What is read is not written over, and no two results go to one file. */
  @Test
  void anOutputIsNoInput(@TempDir Path folder) throws Exception {
    Path capture = folder.resolve("own.pcap");
    Files.copy(Path.of("..", "pcaps", "corpora", "traffic.pcap"), capture);
    byte[] before = Files.readAllBytes(capture);
    String file = capture.toString();
    for (String option : new String[] {"--dropped", "--allowed", "--json"}) {
      err.getBuffer().setLength(0);
      assertThat(run("replay", file, "--program", "nop", option, file)).isEqualTo(2);
      assertThat(err.toString())
          .isEqualTo(
              "plumb: %s: %s: it is the file of CAPTURE too: expected another one\n"
                  .formatted(option, file));
    }
    String fresh = folder.resolve("fresh").toString();
    assertThat(run("replay", file, "--program", "nop", "--json", fresh, "--dropped", fresh))
        .isEqualTo(2);
    String policy = Files.writeString(folder.resolve("p.yaml"), "egress: {}\n").toString();
    assertThat(run("policy", "check", policy, "--json", policy)).isEqualTo(2);
    assertThat(Files.readString(Path.of(policy))).isEqualTo("egress: {}\n");
    assertThat(Files.readAllBytes(capture)).isEqualTo(before);
    assertThat(Path.of(fresh)).doesNotExist();
  }

  @Test
  void controlCharactersDoNotMakeASecondLine() {
    assertThat(run("find", "--program", "block_port", "--input", "44\n3", "tcp")).isEqualTo(2);
    assertThat(err.toString()).contains("'44\\x0a3'").containsOnlyOnce("\n");
    err.getBuffer().setLength(0);
    assertThat(run("paths", "block_port", "--object=/no\nsuch")).isEqualTo(2);
    assertThat(err.toString()).contains("/no\\x0asuch").containsOnlyOnce("\n");
  }

  /** A file that is named is run, or the command says why not. */
  @Test
  void aCorpusThatCannotBeReadIsNoAgreement(@TempDir Path folder) throws Exception {
    String cut = Files.write(folder.resolve("cut.pcap"), new byte[10]).toString();
    String[] args = {
      "verify",
      "--program",
      "nop",
      "--fuzz",
      "1",
      "--no-paths",
      "--engine",
      "model",
      "--corpus",
      cut
    };
    assertThat(run(args)).isEqualTo(2);
    assertThat(err.toString()).startsWith("plumb: " + cut + ": ").containsOnlyOnce("\n");
  }

  @Test
  void twoVersionsAreCompared() throws Exception {
    String old = Path.of("..", "bpf", "target", "objects", "block_port.bpf.o").toString();
    String wrong = NEGATIVE.resolve("block_port_byte_order.bpf.o").toString();
    assertThat(run("prove", "--equivalent", old, old)).isZero();
    assertThat(run("prove", "--equivalent", old, wrong)).isEqualTo(1);
    assertThat(out.toString())
        .contains(
            "proved: %s and %s decide alike, for all frames and inputs".formatted(old, old),
            "REFUTED: that %s and %s decide alike".formatted(old, wrong),
            "with input = ");
    String accepting = Path.of("..", "bpf", "target", "objects", "nop.bpf.o").toString();
    assertThat(run("prove", "--implies", old, accepting)).isZero();
    assertThat(run("prove", "--implies", accepting, old)).isEqualTo(1);
    assertThat(run("compare", old, old)).isZero();
    assertThat(run("compare", old, wrong, "--set", "input=bb01", "--json", "-")).isEqualTo(1);
    assertThat(out.toString()).contains("\"TC_ACT_SHOT, now TC_ACT_OK\"");
  }

  @Test
  void pathsComeWithAFrameEach(@TempDir Path folder) throws Exception {
    Path pcap = folder.resolve("paths.pcap");
    assertThat(run("paths", "block_port", "--pcap", pcap.toString(), "--lines")).isZero();
    assertThat(out.toString())
        .contains("when eth.type == 0x800", "when ip.protocol == 17", "block_port.bpf.c:");
    int paths =
        Integer.parseInt(out.toString().strip().replaceFirst("(?s).*\\n(\\d+) paths$", "$1"));
    PacketBatch frames = new PacketBatch();
    try (CaptureReader reader = CaptureReader.open(pcap)) {
      while (reader.read(frames, Integer.MAX_VALUE)) {}
    }
    assertThat(frames.size()).isEqualTo(paths).isGreaterThan(20);
  }

  @Test
  void aCampaignGoesOnWhereItWasLeft(@TempDir Path folder) throws Exception {
    String state = folder.resolve("state.json").toString();
    String[] args = {
      "fuzz",
      "--engine",
      "emulator",
      "--program",
      "block_port",
      "--program",
      "intent",
      "--state",
      state,
      "--workers",
      "2",
      "--packets"
    };
    assertThat(run(with(args, "200000"))).isZero();
    long first =
        new ObjectMapper().readTree(Files.readAllBytes(Path.of(state))).path("packets").asLong();
    assertThat(run(with(args, Long.toString(first + 100_000)))).isZero();
    JsonNode second = new ObjectMapper().readTree(Files.readAllBytes(Path.of(state)));
    assertThat(second.path("packets").asLong()).isGreaterThanOrEqualTo(first + 100_000);
    assertThat(second.path("rounds").asLong()).isGreaterThan(2);
    assertThat(second.path("disagreements").asLong()).isZero();
    assertThat(second.path("branches").asLong()).isGreaterThan(30);
  }

  /** A campaign runs at every hook by default, the other commands at one. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "find --hook xdp --program block_port --input 443 verdict_drop | XDP_DROP",
        "find --hook xdp --program nop verdict_drop | there is no such frame",
        "paths block_port --hook xdp | XDP_PASS",
        "replay --hook xdp ../pcaps/corpora/traffic.pcap --program block_port --input 443 | XDP_DROP",
        "fuzz --packets 2000 --engine emulator --program intent --workers 1 | intent at xdp",
        "fuzz --packets 2000 --engine emulator --hook xdp --program nop | nop at xdp",
        "mutate nop --every 40 --hook xdp | nop",
        "prove nop --hook xdp | proved     nop at xdp",
        "prove intent --hook xdp | 2 of 2 proved"
      })
  void everyToolTakesXdp(String command, String says) {
    String[] words = command.strip().split(" ", -1);
    words[words.length - 1] = words[words.length - 1].replace('_', ' ');
    assertThat(run(words)).as(err.toString()).isIn(0, 1);
    assertThat(out.toString()).contains(says).doesNotContain("TC_ACT");
  }

  @ParameterizedTest
  @MethodSource("io.plumbline.model.hook.Hook#all")
  void aCampaignFindsAWrongObject(Hook hook) throws Exception {
    String variant = hook.equals(Hook.XDP) ? "xdp_block_port_bound" : "block_port_byte_order";
    ObjectSource wrong =
        ObjectSource.builtIn()
            .with(hook.objectOf("block_port"), NEGATIVE.resolve(hook.objectOf(variant) + ".bpf.o"));
    PacketFuzz fuzz =
        new PacketFuzz(
            wrong, List.of(EmulatorEngine.jit(wrong)), List.of("block_port"), List.of(hook), 1);
    fuzz.work(() -> fuzz.score().packets() < 50_000_000);
    assertThat(fuzz.score().disagreements()).isNotEmpty();
    assertThat(fuzz.score().disagreements().get(0).packet().capturedLength())
        .isLessThanOrEqualTo(64);
  }

  /** Of two sections one is used, and the other named; XDP sees only packets that arrive. */
  @Test
  void theSectionOfAPolicyFollowsTheHook(@TempDir Path folder) throws Exception {
    String both =
        Files.writeString(
                folder.resolve("both.yaml"),
                "version: 1\negress:\n  permit:\n    - udp/any:53\ningress:\n  permit:\n    - tcp/any:22\n")
            .toString();
    String[] args = {"find", "--policy", both, "tcp and verdict pass"};
    assertThat(run(args)).isEqualTo(1);
    assertThat(err.toString())
        .isEqualTo(
            "plumb: note: %s: section ingress: not used: --at ingress is for that one\n"
                .formatted(both));
    err.getBuffer().setLength(0);
    String[] atXdp = {"find", "--hook", "xdp", "--policy", both, "tcp and verdict pass"};
    assertThat(run(atXdp)).isZero();
    assertThat(out.toString()).contains("XDP_PASS");
    assertThat(err.toString())
        .isEqualTo(
            "plumb: note: %s: section egress: not used: --at egress is for that one\n"
                .formatted(both));
    err.getBuffer().setLength(0);
    String bad = Files.writeString(folder.resolve("bad.yaml"), "egress: {}\n").toString();
    String[] unreadable = {"find", "--hook", "xdp", "--policy", bad, "tcp"};
    assertThat(run(unreadable)).isEqualTo(2);
    assertThat(err.toString()).contains("version: missing").containsOnlyOnce("\n");
    err.getBuffer().setLength(0);
    String one =
        Files.writeString(
                folder.resolve("one.yaml"), "version: 1\negress:\n  permit:\n    - udp/any:53\n")
            .toString();
    String[] missing = {"find", "--hook", "xdp", "--policy", one, "tcp and verdict pass"};
    assertThat(run(missing)).isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo(
            "plumb: %s: no section ingress: expected one: at xdp there are only packets that arrive\n"
                .formatted(one));
  }

  private static String[] with(String[] args, String last) {
    String[] all = java.util.Arrays.copyOf(args, args.length + 1);
    all[args.length] = last;
    return all;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prove | nothing to prove: expected programs, --all, --chain or a policy",
        "prove nosuch | unknown program: 'nosuch': expected one of",
        "prove --all --timeout 0 | --timeout: 0: expected 1 or more",
        "prove --all --object x.o | --object: expected exactly one program or a policy beside it",
        "prove nop --object /nonexistent.o | --object: /nonexistent.o: no such file",
        "paths block_port --stage | --stage: program block_port: not chainable",
        "fuzz --workers 0 | --workers: 0: expected 1 or more",
        "fuzz --engine nosuch | --engine: unknown engine: 'nosuch': expected",
        "mutate nop --source /nonexistent | --source: /nonexistent: expected a folder of build.sh",
        "find --program nop tcpp | filter 'tcpp':",
        "find --program nop verdict | filter 'verdict':",
        "find tcp | find: expected either --program or a policy",
        "compare /nonexistent.o /nonexistent.o | /nonexistent.o: ",
        "prove --equivalent /nonexistent.o /nonexistent.o | /nonexistent.o: ",
        "verify --program nop --repro /dev/null | --repro: /dev/null: expected a folder",
        "replay ../pcaps/corpora/traffic.pcap --chain nop --input 44 | --input: expected --program beside it",
        "bpf trace ../bpf/prebuilt/block_port.bpf.o --packet tcp(1024,65979) | --packet: packet text: word 'tcp(1024,65979)': 65979: expected 0..65535",
        "mutate nosuch | unknown program: 'nosuch': expected one of",
        "mutate nop --every 0 | --every: 0: expected 1 or more"
      })
  void badInputIsOneLine(String command, String message) {
    assertThat(run(command.strip().split(" ", -1))).isIn(2, 3);
    assertThat(err.toString().strip()).startsWith("plumb: " + message).doesNotContain("\n");
  }
}
