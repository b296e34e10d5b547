package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.cni.TrafficoCni;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The CNI plugin, alone and after the plugins that make a container's interface. */
class CniTest {
  private static final Path PLUGINS = Path.of("/usr/lib/cni");

  private static Program.Result run(String command, String input, String... environment) {
    Map<String, String> all = new HashMap<>();
    if (!command.isEmpty()) {
      all.put("CNI_COMMAND", command);
    }
    for (int i = 0; i < environment.length; i += 2) {
      all.put(environment[i], environment[i + 1]);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int status =
        TrafficoCni.run(
            all,
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Program.Result(
        status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private static String error(int code, String message, String details) {
    return "{\n\t\"cniVersion\":\t\"1.0.0\",\n\t\"code\":\t%d,\n\t\"msg\":\t\"%s\",\n\t\"details\":\t\"%s\"\n}\n"
        .formatted(code, message, details);
  }

  /** {@code P} stands for a previous result with the interface lo. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "`` => 5 => Error reading stdin",
        "{ => 6 => Error parsing JSON",
        "[] => 7 => Missing or invalid field 'program'",
        "{\"program\":5} => 7 => Missing or invalid field 'program'",
        "{\"program\":\"nop\"} => 7 => Could not find prevResult in JSON",
        "{\"program\":\"nop\",\"prevResult\":{}} => 7 => Failed to get interfaces",
        "{\"program\":\"nop\",\"prevResult\":{\"interfaces\":[]}} => 7 => Failed to get default interface",
        "{\"program\":\"nop\",\"prevResult\":{\"interfaces\":[{}]}} => 7 => Failed to get ifname",
        "{\"program\":\"block_port\",P} => 7 => program requires an 'input' field",
        "{\"program\":\"block_port\",\"input\":5,P} => 7 => 'input' field must be a string",
      })
  void addRefusesAsTrafficoDoes(String input, int code, String message) {
    String config =
        input.replace(
            "P", "P".equals(input) ? "" : "\"prevResult\":{\"interfaces\":[{\"name\":\"lo\"}]}");
    assertThat(run("ADD", config))
        .isEqualTo(new Program.Result(255, error(code, message, message), ""));
  }

  @Test
  void errorsNameWhatIsWrong() {
    assertThat(run("", "").out()).isEqualTo(error(4, "CNI_COMMAND not set", "CNI_COMMAND not set"));
    assertThat(run("add", "").status()).isEqualTo(255);
    String lo = "\"prevResult\":{\"interfaces\":[{\"name\":\"lo\"}]}}";
    assertThat(run("ADD", "{\"program\":\"bogus\"," + lo).out())
        .isEqualTo(error(7, "Unknown program", "bogus"));
    assertThat(run("ADD", "{\"program\":\"block_port\",\"input\":\"0\"," + lo).out())
        .isEqualTo(error(7, "invalid port number", "invalid port number"));
    assertThat(run("ADD", "{\"program\":\"nop\",\"attachPoint\":\"sideways\"," + lo).out())
        .contains("\"msg\":\t\"Failed to attach BPF program\"");
  }

  @Test
  void anInterfaceOfTheHostIsNotTakenForAContainers() {
    String lo =
        "{\"program\":\"nop\",\"prevResult\":{\"interfaces\":[{\"name\":\"lo\",\"sandbox\":\"/none\"}]}}";
    assertThat(run("ADD", lo, "CNI_NETNS", "/proc/self/ns/net").out())
        .isEqualTo(
            error(
                7,
                "Failed to get default interface",
                "CNI_NETNS: /proc/self/ns/net: expected the sandbox of an interface: [lo in /none]"));
  }

  @Test
  void versionAnswersInTheVersionThatIsAsked() throws Exception {
    Json answer = Json.parse(run("VERSION", "{\"cniVersion\":\"0.4.0\"}").out());
    assertThat(answer.text("cniVersion")).contains("0.4.0");
    assertThat(answer.texts("supportedVersions"))
        .containsExactly("0.3.1", "0.4.0", "1.0.0", "1.1.0");
  }

  @Test
  void numbersAndStringsAreWrittenAsByCjson() throws Exception {
    String text =
        "{\"a\":1.50,\"b\":[1e3,-0.001,12345678901234567890,1e-7,0.1],\"c\":\"\\u00e9\\/\\u0001\",\"d\":null,\"a\":{}} rest";
    assertThat(JsonText.pretty(Json.parse(text)))
        .isEqualTo(
            "{\n\t\"a\":\t1.5,\n\t\"b\":\t[1000, -0.001, 1.2345678901234567e+19, 1e-07, 0.1],\n"
                + "\t\"c\":\t\"\u00e9/\\u0001\",\n\t\"d\":\tnull,\n\t\"a\":\t{\n\t}\n}");
  }

  private static String config(String filter, String sandbox) {
    return """
        {"cniVersion":"1.1.0","name":"net","type":"traffico-cni",%s,
         "prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"v0","sandbox":"%s"}]}}
        """
        .formatted(filter, sandbox);
  }

  private static List<String> attached() throws Exception {
    try (Attacher attacher = new Attacher()) {
      List<String> all = new ArrayList<>();
      for (Attachment attachment : attacher.attachments()) {
        all.add(attachment.about().map(about -> about.subject()).orElse("?"));
      }
      return all;
    }
  }

  @Test
  @Tag("kernel")
  void addIsIdempotentAndDelRemovesWhatItMade() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          String[] of = {"CNI_CONTAINERID", "one", "CNI_IFNAME", "eth0", "CNI_NETNS", "/none"};
          String port80 = config("\"program\":\"block_port\",\"input\":\"80\"", "");
          Program.Result added = run("ADD", port80, of);
          assertThat(added.status()).as(added.out()).isZero();
          assertThat(added.out())
              .startsWith("{\n\t\"cniVersion\":\t\"1.1.0\",\n\t\"interfaces\":\t[{\n");
          assertThat(run("ADD", port80, of).status()).isZero();
          assertThat(attached()).containsExactly("block_port 80");
          assertThat(run("CHECK", port80, of)).isEqualTo(new Program.Result(0, "", ""));
          String port81 = config("\"program\":\"block_port\",\"input\":\"81\"", "");
          assertThat(run("CHECK", port81, of).out())
              .contains("another filter is attached", "v0: block_port 80: expected block_port 81");
          // A list of plugins may have this one twice, with two filters.
          assertThat(run("ADD", port81, of).status()).isZero();
          assertThat(attached()).containsExactlyInAnyOrder("block_port 80", "block_port 81");
          assertThat(run("CHECK", port80, of).status()).isZero();
          assertThat(run("CHECK", port81, of).status()).isZero();
          // Another container's filter on the same interface is another one.
          String chain = config("\"chain\":\"allow_ethertype:ipv4,allow_port:22\"", "");
          assertThat(run("ADD", chain, "CNI_CONTAINERID", "two", "CNI_IFNAME", "eth0").status())
              .isZero();
          assertThat(attached()).hasSize(3);
          assertThat(run("DEL", "", of)).isEqualTo(new Program.Result(0, "", ""));
          assertThat(run("DEL", "", of)).isEqualTo(new Program.Result(0, "", ""));
          assertThat(attached()).containsExactly("chain allow_ethertype:0x0800,allow_port:22");
          String valid =
              """
              {"cniVersion":"1.1.0","name":"net","program":"nop",
               "cni.dev/valid-attachments":[{"containerID":"%s","ifname":"eth0"}]}
              """;
          assertThat(run("GC", valid.formatted("two")).status()).isZero();
          assertThat(attached()).hasSize(1);
          assertThat(run("GC", valid.formatted("three")).status()).isZero();
          assertThat(attached()).isEmpty();
          assertThat(sh("tc qdisc show dev v0")).doesNotContain("clsact");
          assertThat(run("CHECK", port80, of).out()).contains("filter is not attached");
          assertThat(run("STATUS", "")).isEqualTo(new Program.Result(0, "", ""));
          return true;
        });
  }

  /** Runs a plugin of the system as a container runtime does. */
  private static String plugin(String name, String command, String config, String id, String netns)
      throws Exception {
    ProcessBuilder builder = new ProcessBuilder(PLUGINS.resolve(name).toString());
    builder
        .environment()
        .putAll(
            Map.of(
                "CNI_COMMAND", command,
                "CNI_CONTAINERID", id,
                "CNI_NETNS", netns,
                "CNI_IFNAME", "eth0",
                "CNI_PATH", PLUGINS.toString()));
    Program.Result result = Program.finish(builder.start(), config);
    assertThat(result.status()).as(name + " " + command + ": " + result).isZero();
    return result.out();
  }

  /**
   * A list of plugins as a runtime runs it: the interface, then one filter on the host's end and
   * one on the container's; then CHECK of everything, and DEL in reverse order.
   */
  @ParameterizedTest
  @ValueSource(strings = {"ptp", "bridge"})
  @Tag("kernel")
  void afterThePluginsThatMakeInterfaces(String plugin) throws Exception {
    KernelNeeded.orSkip();
    if (System.getenv("CI") != null) {
      assertThat(PLUGINS.resolve(plugin)).as("package containernetworking-plugins").exists();
    }
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Files.exists(PLUGINS.resolve(plugin)), "needs the package containernetworking-plugins");
    String id = "plumb-" + plugin + "-" + ProcessHandle.current().pid();
    Path leases = Files.createTempDirectory("plumb-cni");
    OwnNetwork.in(
        () -> {
          sh("ip netns add " + id);
          try {
            return list(plugin, id, leases);
          } finally {
            sh("ip netns delete " + id + "; rm -r " + leases);
          }
        });
  }

  private static Program.Result process(
      String command, String config, Map<String, String> environment) throws Exception {
    Map<String, String> all = new HashMap<>(environment);
    all.put("CNI_COMMAND", command);
    return Program.run(TrafficoCni.class.getName(), config, all);
  }

  private static boolean list(String plugin, String id, Path leases) throws Exception {
    String netns = "/run/netns/" + id;
    String network =
        """
        {"cniVersion":"1.0.0","name":"net","type":"%s","bridge":"cni0","isGateway":true,
         "ipam":{"type":"host-local","dataDir":"%s","subnet":"10.88.0.0/24"}}
        """
            .formatted(plugin, leases);
    String result = plugin(plugin, "ADD", network, id, netns).strip();
    // A bridge is the first interface of that result, and its port the second.
    String port =
        Json.parse(result)
            .items("interfaces")
            .get(plugin.equals("ptp") ? 0 : 1)
            .text("name")
            .orElseThrow();
    Map<String, String> of =
        Map.of("CNI_CONTAINERID", id, "CNI_IFNAME", "eth0", "CNI_NETNS", netns);
    String host =
        list(result, "\"interface\":\"" + port + "\",\"program\":\"block_port\",\"input\":\"81\"");
    String container = list(result, "\"allow\":[\"arp\",\"tcp/10.88.0.1:80\",\"icmp/10.88.0.1\"]");
    for (String config : List.of(host, container)) {
      Program.Result added = process("ADD", config, of);
      assertThat(added.status()).as(added.out()).isZero();
      assertThat(Json.parse(added.out())).isEqualTo(Json.parse(result));
      assertThat(process("CHECK", config, of)).isEqualTo(new Program.Result(0, "", ""));
    }
    assertThat(attached()).containsExactly("block_port 81");
    sh("ip netns exec " + id + " ping -c 1 -W 2 10.88.0.1");
    sh("! ip netns exec " + id + " ping -c 1 -W 1 10.88.0.9");
    assertThat(process("DEL", host, of)).isEqualTo(new Program.Result(0, "", ""));
    assertThat(attached()).isEmpty();
    sh("ip netns exec " + id + " ping -c 1 -W 2 10.88.0.1");
    plugin(plugin, "DEL", network, id, netns);
    assertThat(process("DEL", host, of)).isEqualTo(new Program.Result(0, "", ""));
    return true;
  }

  private static String list(String result, String filter) {
    return "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"traffico-cni\",%s,\"prevResult\":%s}"
        .formatted(filter, result);
  }
}
