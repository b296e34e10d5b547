package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.policy.Direction;
import io.plumbline.pcaps.PacketText;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import picocli.CommandLine;

/** Policies on the command line, and policy files. */
class PolicyCommandTest {
  private static final Path CORPUS = Path.of("..", "pcaps", "corpora", "traffic.pcap");

  private static final String GOOD =
      """
      version: 1
      name: quarantine
      comment: an example
      groups:
        resolvers: [10.0.0.53, "[2001:db8::53]"]
      egress:
        permit:
          - arp
          - dns/@resolvers
          - rule: tcp/10.0.0.0/8:443
            name: internal-https
            comment: proxies
          - tcp/10.1.0.0/16:443
          - tcp/10.2.0.1:22
        forbid:
          - tcp/10.0.0.1:443
          - "tcp/10.2.0.0/16:20-30"
      ingress:
        permit: [icmp]
      """;

  @TempDir private Path folder;
  private String out = "";
  private String err = "";

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

  private String file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, text);
    return file.toString();
  }

  private String capture() throws IOException {
    Path file = folder.resolve("few.pcap");
    try (PcapWriter writer = new PcapWriter(file)) {
      writer.write(PacketText.parse("eth arp"));
      writer.write(PacketText.parse("eth ipv4(10.3.0.1) tcp(1024,443)"));
      writer.write(PacketText.parse("eth ipv4(10.0.0.1) tcp(1024,443)"));
      writer.write(PacketText.parse("eth ipv4(10.0.0.1) tcp(1024,80)"));
      writer.write(PacketText.parse("eth ipv4(10.0.0.1) tcp(1025,80)"));
      writer.write(PacketText.parse("eth vlan(5) ipv4(10.0.0.1) tcp(1025,80)"));
      writer.commit();
    }
    return file.toString();
  }

  private void failsWith(int status, String message, String... args) {
    assertThat(run(args)).as(out + err).isEqualTo(status);
    assertThat(err).startsWith("plumb: ").contains(message).hasLineCount(1);
  }

  @Test
  @Tag("kernel")
  void replaySaysWhatEachRuleDecided() throws Exception {
    KernelNeeded.orSkip();
    Path dropped = folder.resolve("dropped.pcap");
    int status =
        run(
            "replay",
            capture(),
            "--policy",
            file("p.yaml", GOOD),
            "--engine",
            "model,kernel,kernel-batch",
            "--dropped",
            dropped.toString());
    assertThat(status).as(err).isZero();
    assertThat(out)
        .containsPattern("intent.forbid_1 +TC_ACT_SHOT +1 +54  forbid tcp/10.0.0.1:443")
        .containsPattern(
            "intent.permit_2 +TC_ACT_OK +1 +54  permit tcp/10.0.0.0/8:443 \"internal-https\"")
        .containsPattern("intent.unsupported_ethertype +TC_ACT_SHOT +1 +58")
        .contains("intent.permit_4 decided nothing: permit tcp/10.1.0.0/16:443")
        .contains("unmatched flows, by destination (1):")
        .containsPattern("tcp/10.0.0.1:80 +2 +108")
        .contains("6 packets, 2 allowed, 4 dropped");
    assertThat(run("replay", dropped.toString(), "--policy", folder.resolve("p.yaml").toString()))
        .isZero();
    assertThat(out).contains("4 packets, 0 allowed, 4 dropped");
  }

  @Test
  void replayExplainsEachPacketWithItsBytes() throws Exception {
    assertThat(
            run(
                "replay",
                capture(),
                "--allow",
                "tcp/10.0.0.0/8:443",
                "--forbid",
                "ip/10.0.0.1",
                "--explain"))
        .isZero();
    assertThat(out.lines())
        .contains(
            "1 TC_ACT_SHOT intent.no_permit: no permit matches  [arp]",
            "2 TC_ACT_OK intent.permit_1: permit tcp/10.0.0.0/8:443 (--allow)"
                + "  [eth.type[12..13]=0x0800 protocol[23]=0x06 ip.daddr[30..33]=0x0a030001"
                + " ip.saddr[26..29]=0xc0000201 dport[36..37]=0x01bb sport[34..35]=0x0400]");
  }

  @Test
  void replayReportsAsJson() throws Exception {
    assertThat(run("replay", capture(), "--policy", file("p.yaml", GOOD), "--json", "-")).isZero();
    JsonNode report = new ObjectMapper().readTree(out);
    assertThat(report.get("packets").asInt()).isEqualTo(6);
    assertThat(report.get("unmatched").get(0).get("to").asText()).isEqualTo("tcp/10.0.0.1:80");
    assertThat(report.get("clauses").findValuesAsText("clause"))
        .contains("intent.forbid_1", "intent.forbid_2", "intent.permit_5");
  }

  @Test
  void ingressIsASectionOfItsOwn() throws Exception {
    assertThat(run("replay", capture(), "--policy", file("p.yaml", GOOD), "--at", "ingress"))
        .isZero();
    assertThat(out).contains("intent.permit_1 decided nothing: permit icmp");
  }

  @Test
  void badInputIsOneLine() throws Exception {
    String capture = capture();
    failsWith(
        2, "--allow: port: 'x': expected 0..65535", "replay", capture, "--allow", "tcp/any:x");
    failsWith(2, "p.yaml: no such file", "replay", capture, "--policy", folder + "/p.yaml");
    failsWith(2, "expected one of", "replay", capture);
    failsWith(2, "expected one of", "replay", capture, "--program", "nop", "--allow", "arp");
    String policy =
        file("e.yaml", "version: 1\negress:\n  permit:\n    - tcp/any:x\n    - bogus\n");
    failsWith(2, "e.yaml:4:15: port: 'x'", "replay", capture, "--policy", policy);
    assertThat(err).contains("(and 1 more)");
    failsWith(2, "no --allow", "replay", capture, "--policy", policy, "--allow", "arp");
    failsWith(2, "unsupported permit: 'icmp'", "replay", capture, "--strict", "--allow", "icmp");
    failsWith(2, "names are resolved only", "replay", capture, "--allow", "tcp/example.com:443");
    failsWith(
        2,
        "no section ingress",
        "replay",
        capture,
        "--at",
        "ingress",
        "--policy",
        file("o.yaml", "version: 1\negress: {permit: [arp]}\n"));
    failsWith(2, "not a capture", "policy", "suggest", file("no.pcap", "nothing"));
  }

  @Test
  @Tag("kernel")
  void checkFindsRulesThatCannotDecide() throws Exception {
    KernelNeeded.orSkip();
    String policy = file("p.yaml", GOOD);
    assertThat(run("policy", "check", policy)).as(err).isEqualTo(1);
    assertThat(out)
        .contains("egress: 5 permits, 2 forbids, 4 warnings")
        .contains(":9:7: permit dns/@resolvers: IPv6 needs neighbour discovery: ndp is not")
        .contains(":9:7: permit dns/@resolvers: no reply passes at ingress: rules know no")
        .contains(":13:7: permit tcp/10.1.0.0/16:443: never decides: permit tcp/10.0.0.0/8:443")
        .contains(":14:7: permit tcp/10.2.0.1:22: wholly forbidden: forbid tcp/10.2.0.0/16:20-30")
        .contains("example: tcp/10.2.0.1:22 from 192.0.2.1:49152: dropped by forbid")
        .contains(
            "6 example packets executed: model confirmed, kernel confirmed, emulator confirmed");
    assertThat(run("policy", "check", policy, "--json", "-")).isEqualTo(1);
    JsonNode report = new ObjectMapper().readTree(out);
    assertThat(report.get("warnings").get(0).get("line").asInt()).isEqualTo(13);
    assertThat(report.get("examples").get("engines").get("kernel").asText()).isEqualTo("confirmed");
    assertThat(run("policy", "check", file("fine.yaml", "version: 1\negress: {permit: [arp]}\n")))
        .isZero();
  }

  @Test
  void checkTellsEveryErrorWithItsPlace() throws Exception {
    String policy =
        file(
            "bad.yaml",
            """
            version: 1
            groups:
              web: [10.0.0.1/8, "@x"]
            egress:
              permit:
                - tcp/@nowhere
                - {rule: tcp/10.0.0.1:0-99999, nmae: x}
                - [arp]
              allow: []
            ingress: none
            """);
    assertThat(run("policy", "check", policy)).isEqualTo(2);
    assertThat(err.lines().map(line -> line.replace("plumb: " + policy + ":", "")))
        .containsExactly(
            "3:9: prefix: '10.0.0.1/8': bits behind the length are set: expected 10.0.0.0/8",
            "3:22: group: '@x': a group cannot hold a group",
            "6:7: group: '@nowhere': expected one that is defined: [web]",
            "7:27: port: '0-99999': expected 0..65535, or LOW-HIGH",
            "7:36: rule: unknown key 'nmae': expected one of [comment, name, rule]",
            "8:7: rule: expected a selector, or a mapping with the key rule",
            "9:3: egress: unknown key 'allow': expected one of [forbid, permit]",
            "10:10: ingress: expected a mapping");
  }

  /** One fault is one error, and the value is shown if it cannot be a secret. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "egress: {permit: [\"arp\\x01\"]} => 2:20: rule: 'arp\\x01': expected no control characters",
        "groups: {a: [\"x\\x01\"]}\\negress: {permit: [tcp/@a]} => 2:15: host: 'x\\x01': expected no control characters",
        "groups: {a: ['@b'], b: [10.0.0.1]}\\negress: {permit: [tcp/@a]} => 2:15: group: '@b': a group cannot hold a group",
        "groups: {a: [[x]]}\\negress: {permit: [tcp/@a]} => 2:14: host: expected text",
        "groups: {a: []}\\negress: {permit: [tcp/@a]} => 3:19: tcp/@a: no packet can match: a group in it has no hosts",
        "egress: {}\\n---\\nversion: 1 => 3:1: YAML: expected a single document in the stream but found another document",
      })
  void oneFaultIsOneError(String text, String message) throws Exception {
    String policy = file("x.yaml", "version: 1\n" + text.replace("\\n", "\n"));
    assertThat(run("policy", "check", policy)).isEqualTo(2);
    assertThat(err).isEqualTo("plumb: %s:%s%n".formatted(policy, message));
  }

  @ParameterizedTest
  @CsvSource({"2, '2'", "1.0, '1.0'", "'', empty", "secret, not a number", "[1], not a number"})
  void aWrongVersionIsShown(String version, String shown) throws Exception {
    String policy = file("x.yaml", "version: %s\negress: {}\n".formatted(version));
    assertThat(run("policy", "check", policy)).isEqualTo(2);
    assertThat(err)
        .endsWith(
            ": version: %s: expected 1%n"
                .formatted(Character.isDigit(shown.charAt(0)) ? "'" + shown + "'" : shown));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a: [",
        "version: 1",
        "- 1",
        "version: 1\nversion: 1\negress: {}",
        "\"\\uD800",
        "version: 1\negress: &a {permit: *a}",
        "&a [*a, *a]",
        "version: 1\negress:\n\tpermit: []",
        "\u0000",
        "%YAML 9.9\n---\nversion: 1",
        "version: 1\negress:\n  permit:\n    - |\n      arp\n      tcp",
        "version: 1\nname: \"\\e[31m\"\negress: {permit: [arp]}",
        "version: 1\negress: {permit: [~]}"
      })
  void whatIsNoPolicyIsAnErrorWithAPlace(String text) throws Exception {
    String policy = file("x.yaml", text);
    assertThat(run("policy", "check", policy)).as(text).isEqualTo(2);
    assertThat(err).as(text).matches("(?s)(plumb: .*x\\.yaml:\\d+:\\d+: [^\n]+\n)+");
  }

  /** A wrong verdict and a wrong counter alike are written to a folder that shows them again. */
  @ParameterizedTest
  @ValueSource(strings = {"intent_ipv6_destination", "intent_wrong_counter"})
  @Tag("kernel")
  void aDisagreementAboutAPolicyRunsAgain(String variant) {
    KernelNeeded.orSkip();
    String object = "../bpf/target/objects/negative/" + variant + ".bpf.o";
    Path repro = folder.resolve("repro");
    assertThat(
            run(
                "verify",
                "--program",
                "intent",
                "--policies",
                "20",
                "--object",
                object,
                "--repro",
                repro.toString()))
        .isEqualTo(1);
    assertThat(run("replay", repro + "/disagreement-1")).isEqualTo(1);
    assertThat(out).contains("intent of").contains("model says").contains("kernel says");
  }

  @Test
  void deepNestingIsAnErrorToo() throws Exception {
    assertThat(
            run("policy", "check", file("deep.yaml", "version: 1\negress: " + "[".repeat(100_000))))
        .isEqualTo(2);
    assertThat(err).endsWith("deep.yaml:1:1: YAML: nested too deeply\n");
  }

  @Test
  @Tag("kernel")
  void diffIsExactInBothDirections() throws Exception {
    KernelNeeded.orSkip();
    String a = file("a.yaml", GOOD);
    String b = file("b.yaml", GOOD.replace("tcp/10.0.0.0/8:443", "tcp/10.0.0.0/9:443-444"));
    assertThat(run("policy", "diff", a, a)).isZero();
    assertThat(out).isEqualTo("the policies decide alike" + System.lineSeparator());
    assertThat(run("policy", "diff", a, b)).isEqualTo(1);
    assertThat(out)
        .contains("a.yaml allows and " + b + " drops:")
        .contains("permit tcp/10.0.0.0/8:443 (" + a + ":10:13); there: no permit matches")
        .contains("    tcp/10.128.0.0/9:443\n")
        .contains("b.yaml allows and " + a + " drops:")
        .contains("    tcp/10.0.0.0/9:444\n")
        .contains(
            "4 example packets executed: model confirmed, kernel confirmed, emulator confirmed");
    assertThat(run("policy", "diff", a, b, "--json", "-")).isEqualTo(1);
    assertThat(new ObjectMapper().readTree(out).get("allowedOnlyByA")).hasSize(1);
  }

  @Test
  void aSuggestionPermitsTheTrafficItWasMadeFrom() throws Exception {
    for (String[] options :
        List.of(new String[] {}, new String[] {"--no-groups", "--prefix", "24"})) {
      List<String> args =
          new java.util.ArrayList<>(List.of("policy", "suggest", CORPUS.toString()));
      args.addAll(List.of(options));
      assertThat(run(args.toArray(String[]::new))).as(err).isZero();
      String policy = file("s.yaml", out);
      assertThat(run("policy", "check", policy)).as(out + err).isZero();
      assertThat(run("replay", CORPUS.toString(), "--policy", policy)).isZero();
      assertThat(out).contains("84 packets, 69 allowed").doesNotContain("unmatched flows");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INTENT", "DAG", "DOT", "RULES", "CLAUSES", "BYTES"})
  void everyStageIsShown(String view) throws Exception {
    assertThat(run("policy", "explain", "--policy", file("p.yaml", GOOD), "--as", view)).isZero();
    assertThat(out).isNotBlank();
  }

  @Test
  void theStrictLanguageKeepsItsTexts() {
    assertThat(run("policy", "explain", "--strict", "--allow", "dns/10.0.0.53")).isZero();
    assertThat(out)
        .startsWith("traffico intent\ninterface: not attached\n")
        .endsWith("intent dry-run: compiler ok\nintent backend: bpf admissible\n");
    assertThat(
            run(
                "policy",
                "explain",
                "--strict",
                "--as",
                "rows",
                "--allow",
                "dns/10.0.0.1",
                "--forbid",
                "tcp/10.0.0.1:1"))
        .isZero();
    assertThat(out.lines()).hasSize(3);
  }

  /**
   * The published schema accepts what the reader accepts, and refuses a document of another shape.
   */
  @Test
  void theSchemaAgreesWithTheReader() throws Exception {
    JsonSchema schema =
        JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
            .getSchema(PolicyFile.schema());
    List<String> good =
        List.of(
            GOOD,
            "version: 1\negress:\n  permit:\n",
            "version: 1\ningress: {forbid: [tcp/any, udp, 'tcp/[2001:db8::/32]:1,2-3 from any:5']}\n",
            "version: 1\ngroups: {a: [any, example.com, 10.0.0.0/8]}\negress: {permit: [icmpv6/any:echo-reply]}\n");
    List<String> bad =
        List.of(
            "version: 2\negress: {}\n",
            "egress: {}\n",
            "version: 1\n",
            "version: 1\negress: []\n",
            "version: 1\negress: {allow: []}\n",
            "version: 1\negress: {permit: [{name: x}]}\n",
            "version: 1\negress: {permit: [{rule: arp, nmae: x}]}\n",
            "version: 1\negress: {permit: [gre/10.0.0.1]}\n",
            "version: 1\ngroups: {1a: []}\negress: {}\n",
            "version: 1\nname: [x]\negress: {}\n");
    for (String text : good) {
      assertThat(schema.validate(tree(text))).as(text).isEmpty();
      assertThat(errors(text)).as(text).isEmpty();
    }
    for (String text : bad) {
      assertThat(schema.validate(tree(text))).as(text).isNotEmpty();
      assertThat(errors(text)).as(text).isNotEmpty();
    }
    assertThat(run("policy", "schema")).isZero();
    assertThat(out).isEqualTo(PolicyFile.schema());
  }

  private static JsonNode tree(String text) {
    Object loaded = new Load(LoadSettings.builder().build()).loadFromString(text);
    return new ObjectMapper().valueToTree(loaded);
  }

  private List<?> errors(String text) throws IOException {
    PolicyFile read = PolicyFile.read(Path.of(file("y.yaml", text)));
    for (Direction direction : read.directions()) {
      read.policy(
          direction, Optional.of(name -> List.of(io.plumbline.model.ruleset.Prefix.ipv4(1))));
    }
    return read.errors();
  }
}
