package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.conformance.cli.Plumb;
import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.pcaps.FlowPackets;
import io.plumbline.pcaps.PacketText;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Files that are given as policies, and are none, or are large; and suggested policies. */
class PolicyFileTest {
  private static final String RULE = "egress: {permit: [arp]}\n";

  @TempDir private Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("p.yaml"), text);
  }

  private List<String> errors(String text) throws IOException {
    PolicyFile file = PolicyFile.read(file(text));
    if (file.errors().isEmpty()) {
      Policy unused = file.policy(Direction.EGRESS, Optional.empty());
      assertThat(unused.direction()).isEqualTo(Direction.EGRESS);
    }
    return file.errors().stream().map(PolicyException::getMessage).toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "version: 1\n" + RULE,
        "\uFEFFversion: 1\r\negress: {permit: [arp]}\r\n",
        "{\"version\": 1, \"egress\": {\"permit\": null}}",
        "version: 1\negress:\n  permit:\n  forbid: null\n",
        "---\nversion: 1\n" + RULE + "...\n",
      })
  void policies(String text) throws Exception {
    assertThat(errors(text)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "version: 2 => 1:10: version: '2': expected 1",
        "version: 99999999999999999999999 => 1:10: version: another number: expected 1",
        "version: [1] => 1:10: version: not a number: expected 1",
        "egress: {permit: [arp]} => 1:1: version: missing: expected a policy with version: 1",
        "version: 1 => 1:1: policy: expected a section egress or ingress",
        "{version: 1, ingress: {}} => 1:1: no section egress: expected one, or the direction ingress",
        "{version: 1, egress: ~} => 1:22: egress: expected a mapping",
        "{version: 1, egress: {permit: arp}} => 1:31: permit: expected a list",
        "{version: 1, egress: {permit: 0}} => 1:31: permit: expected a list",
        "{version: 1, egress: {forbid: !!null 'tcp/any:1'}} => 1:32: forbid: expected a list",
        "{version: 1, egress: {permit: !x [arp]}} => 1:31: permit: tag '!x': expected none",
        "{version: 1, egress: {permit: [!x arp]}} => 1:32: rule: tag '!x': expected none",
        "{version: 1, egress: !!set {permit: [arp]}} => 1:22: egress: tag 'tag:yaml.org,2002:set': expected none",
        "{version: 1, version: 1, egress: {}} => 1:14: policy: key 'version' comes twice",
      })
  void problemsHaveAPlace(String text, String problem) throws Exception {
    assertThat(errors(text)).containsExactly(folder + "/p.yaml:" + problem);
  }

  /** Root may be made to read any file; its content must not come out in a message. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "root:$6$hush:1:2:3\ndaemon:*:1:2\n",
        "hush: 1\n",
        "hush: [1\n",
        "- hush\n",
        "hush",
        "a: *hush\n",
        "a: !hush!b c\n",
        "%hush 1\n---\na: 1\n",
        "\"hush\\q\"",
        "version: hush\n" + RULE,
        "version: 3\nservices: {hush: 1}\n",
        "hush: 1\nhush: 2\n",
        "\thush",
        "\u0001hush",
        "--- hush\n--- hush\n",
      })
  void otherFilesAreNotQuoted(String text) throws Exception {
    assertThat(errors(text))
        .hasSize(1)
        .allSatisfy(error -> assertThat(error).doesNotContain("hush").hasLineCount(1));
  }

  @Test
  void whatIsNoFileIsNotRead() throws Exception {
    Path pipe = folder.resolve("pipe");
    OwnNetwork.sh("mkfifo " + pipe);
    for (Path path : List.of(pipe, Path.of("/dev/zero"), Path.of("/dev/tty"))) {
      Assertions.assertTimeoutPreemptively(
          Duration.ofSeconds(20),
          () ->
              assertThatThrownBy(() -> PolicyFile.read(path))
                  .hasMessage(path + ": a device or pipe: expected a file"));
    }
    assertThatThrownBy(() -> PolicyFile.read(folder))
        .hasMessage(folder + ": a directory: expected a file");
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> PolicyFile.read(missing)).hasMessage(missing + ": no such file");
    Path latin = folder.resolve("latin.yaml");
    Files.write(latin, "version: 1\nname: \u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> PolicyFile.read(latin))
        .hasMessage(latin + ": not UTF-8 text: expected a YAML policy file");
    Path large = folder.resolve("large.yaml");
    try (java.io.RandomAccessFile out = new java.io.RandomAccessFile(large.toFile(), "rw")) {
      out.setLength((32 << 20) + 1);
    }
    assertThatThrownBy(() -> PolicyFile.read(large))
        .hasMessage(large + ": larger than 32 MiB: expected a policy file");
  }

  private static String filled(int length) {
    char[] text = new char[length];
    Arrays.fill(text, 'x');
    return new String(text);
  }

  /** The time is linear: 4 million characters in a line took minutes, one million take none. */
  @Test
  void longLines() throws Exception {
    assertThat(errors("version: 1\n" + RULE + "# " + filled(4_000_000)))
        .containsExactly(
            folder + "/p.yaml:3:1: line: 4000002 characters: expected at most 1048576");
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          for (String text :
              List.of(
                  "# " + filled(1_000_000) + "\nversion: 1\n" + RULE,
                  "version: 1\ncomment: " + filled(1_000_000) + "\n" + RULE,
                  "version: 1\n" + RULE + ("# " + filled(1_000_000) + "\n").repeat(10))) {
            assertThat(errors(text)).isEmpty();
          }
          assertThat(errors("version: 1\negress: {permit: [\"tcp/" + filled(1_000_000) + "\"]}"))
              .hasSize(1)
              .allMatch(error -> error.length() < 1500);
        });
  }

  @Test
  void aliasesDoNotMultiply() throws Exception {
    StringBuilder text = new StringBuilder("version: 1\ngroups:\n  a: &a [10.0.0.1");
    text.append(",10.0.0.1".repeat(30_000)).append("]\n");
    for (int i = 0; i < 40; i++) {
      text.append("  g%d: *a%n".formatted(i));
    }
    assertThat(errors(text + RULE))
        .hasSize(1)
        .allMatch(error -> error.endsWith("groups: expected at most 1048576 hosts"));
  }

  @Test
  void outOfMemoryIsOneLine() throws Exception {
    StringBuilder text = new StringBuilder("version: 1\negress:\n  permit:\n");
    for (int i = 0; i < 100_001; i++) {
      text.append("    - tcp/10.%d.%d.%d:443%n".formatted(i >> 16, i >> 8 & 255, i & 255));
    }
    ProcessBuilder builder =
        Program.builder(Plumb.class.getName(), "policy", "check", file(text.toString()).toString());
    builder.command().add(3, "-Xmx48m");
    Program.Result result = Program.finish(builder.start(), "");
    assertThat(result.err()).startsWith("plumb: out of memory: heap of ").hasLineCount(1);
    assertThat(result.status()).isEqualTo(3);
    assertThat(result.out()).isEmpty();
  }

  /** Returns output, errors and status. */
  private static Map<String, String> run(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    int status = line.execute(args);
    return Map.of("out", out.toString(), "err", err.toString(), "status", "" + status);
  }

  private static final Packet ARP = PacketText.parse("eth arp");
  private static final Packet IPV4 = PacketText.parse("eth ipv4(10.3.0.1) tcp(1024,443)");
  private static final Packet IPV6 =
      FlowPackets.of(IntentFields.flow(FlowClass.UDP6, 0x2001_0DB8L << 32, 1, 53, 0, 2, 1024))
          .build();

  private String capture(Packet... packets) throws IOException {
    Path file = folder.resolve("few.pcap");
    try (PcapWriter writer = new PcapWriter(file)) {
      for (Packet packet : packets) {
        writer.write(packet);
      }
      writer.commit();
    }
    return file.toString();
  }

  @Test
  void aSuggestionPermitsAddressResolution() throws Exception {
    assertThat(run("policy", "suggest", capture(IPV4, IPV6)).get("out"))
        .contains("    - arp # not in the capture, but rules for IPv4 need it\n")
        .contains("    - ndp # not in the capture, but rules for IPv6 need it\n");
    assertThat(run("policy", "suggest", capture(ARP, IPV4)).get("out"))
        .contains("    - arp\n")
        .doesNotContain("ndp");
  }

  @Test
  void aSuggestionForAnotherHostIsMarked() throws Exception {
    String capture = capture(ARP, IPV4);
    assertThat(run("policy", "suggest", capture, "--local", "198.51.100.7").get("err"))
        .isEqualTo(
            "plumb: warning: --local: none of 1 IP packets of %s is from [198.51.100.7]: expected addresses of the host that made the capture%n"
                .formatted(capture));
    assertThat(run("policy", "suggest", capture, "--local", "192.0.2.0/24").get("err")).isEmpty();
    assertThat(run("policy", "suggest", capture(ARP), "--local", "198.51.100.7").get("err"))
        .isEmpty();
  }
}
