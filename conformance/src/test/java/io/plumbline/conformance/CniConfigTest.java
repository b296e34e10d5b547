package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.cni.TrafficoCni;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.netlink.NetworkNamespace;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Network configurations of the CNI plugin: what is refused, and which interface is meant. */
class CniConfigTest {
  private static final String LO = "\"prevResult\":{\"interfaces\":[{\"name\":\"lo\"}]}";

  @TempDir private Path folder;

  /** Status, and the fields of the error. */
  private record Answer(int status, int code, String message, String details) {}

  private static Answer run(String command, byte[] input, String... environment)
      throws IOException {
    Map<String, String> all =
        new HashMap<>(Map.of("CNI_COMMAND", command, "CNI_CONTAINERID", "one"));
    for (int i = 0; i < environment.length; i += 2) {
      all.put(environment[i], environment[i + 1]);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    int status = TrafficoCni.run(all, new ByteArrayInputStream(input), stream, stream);
    if (status == 0) {
      return new Answer(0, 0, "", "");
    }
    Json error = Json.parse(out.toString(StandardCharsets.UTF_8));
    double code = error.get("code").map(c -> ((Json.Num) c).value()).orElseThrow();
    return new Answer(
        status, (int) code, error.text("msg").orElseThrow(), error.text("details").orElseThrow());
  }

  private static Answer run(String command, String input, String... environment)
      throws IOException {
    return run(command, input.getBytes(StandardCharsets.UTF_8), environment);
  }

  /** {@code P} stands for a previous result with the interface lo, {@code F} for a permit. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '~',
      value = {
        "{F,`forbidd`:[`tcp/10.0.0.1:22`],P} => 2 => forbidd => did you mean forbid?",
        "{`alow`:[`arp`],P} => 2 => alow => did you mean allow?",
        "{F,`Forbid`:[`tcp/10.0.0.1:22`],P} => 2 => Forbid => did you mean forbid?",
        "{`program`:`nop`,`attachpoint`:`INGRESS`,P} => 2 => attachpoint => attachPoint",
        "{`program`:`nop`,`x-note`:{},P} => 2 => x-note => x-note: {}: expected one of",
        "{`program`:`nop`,`cni.dev`:1,P} => 2 => cni.dev => expected one of",
        "{`cniVersion`:`0.2.0`,`program`:`nop`,P} => 1 => CNI version => 0.3.1, 0.4.0, 1.0.0, 1.1.0",
        "{`cniVersion`:`2.0.0`,`program`:`nop`,P} => 1 => CNI version => \"2.0.0\"",
        "{`cniVersion`:`banana`,`program`:`nop`,P} => 1 => CNI version => \"banana\"",
        "{`cniVersion`:``,`program`:`nop`,P} => 1 => CNI version => cniVersion: \"\"",
        "{`cniVersion`:1.0,`program`:`nop`,P} => 1 => CNI version => cniVersion: 1:",
        "{`cniVersion`:null,`program`:`nop`,P} => 1 => CNI version => cniVersion: null",
        "{F,`forbid`:`tcp/10.0.0.1:22`,P} => 7 => 'forbid' => \"tcp/10.0.0.1:22\": expected a list",
        "{F,`forbid`:[5],P} => 7 => 'forbid' => each a string",
        "{F,`forbid`:[{`rule`:`tcp/10.0.0.1:22`}],P} => 7 => 'forbid' => each a string",
        "{F,`forbid`:[`tcp/10.0.0.1:22`,null],P} => 7 => 'forbid' => each a string",
        "{F,`forbid`:[],P} => 7 => 'forbid' => one selector or more",
        "{F,`forbid`:null,P} => 7 => 'forbid' => a list",
        "{F,`forbid`:{},P} => 7 => 'forbid' => a list",
        "{F,`block`:true,P} => 7 => 'block' => a list",
        "{F,`permit`:[],P} => 7 => 'permit' => a list",
        "{`allow`:`arp`,P} => 7 => 'allow' => a list",
        "{`program`:`nop`,`forbid`:[`arp`],P} => 7 => 'forbid' => 'program' is given too",
        "{`chain`:`allow_ethertype:ipv4`,F,P} => 7 => 'allow' => 'chain' is given too",
        "{`policy`:`/x`,`block`:[`arp`],P} => 7 => 'block' => 'policy' is given too",
        "{`program`:`nop`,`chain`:`allow_ethertype:ipv4`,P} => 7 => 'chain' => too",
        "{`program`:5,F,P} => 7 => Missing or invalid field 'program' => ~~",
        "{`chain`:5,P} => 7 => 'chain' => a string",
        "{`policy`:[],P} => 7 => 'policy' => a string",
        "{F,`interface`:5,P} => 7 => 'interface' => a string",
        "{F,`target`:`host`,P} => 7 => 'target' => \"container\" or \"first\"",
        "{F,`target`:`first`,`interface`:`lo`,P} => 7 => 'target' => without 'interface'",
        "{F,`attachPoint`:[`INGRESS`],P} => 7 => 'attachPoint' => a string",
        "{F,`input`:`80`,P} => 7 => 'input' => without 'allow'",
        "{F,`name`:5,P} => 7 => 'name' => 5: expected a letter or digit",
        "{`program`:`nop`,`program`:`block_private_ipv4`,P} => 7 => duplicate field 'program' => ~~",
        "{`program`:`nop`,`args`:{`a`:1,`a`:2},P} => 7 => duplicate field 'args.a' => ~~",
        "{F,`dns`:[{},{`b`:1,`b`:1}],P} => 7 => duplicate field 'dns[1].b' => ~~",
        "{`program`:`nop\\u0000x`,P} => 7 => 'program' => expected no \\u0000",
        "{F,`args`:[`\\u0000`],P} => 7 => 'args[0]' => expected no \\u0000",
        "{`program`:`nop`,`prevResult`:5} => 7 => Could not find prevResult in JSON => ~~",
        "{F,`prevResult`:{`interfaces`:[{`name`:`lo`,`sandbox`:5}]}} => 7 => interfaces => sandbox",
        "{F,`prevResult`:{`interfaces`:[{`name`:`lo`},{}]}} => 7 => Failed to get ifname => ~~",
        "{F,`interface`:`eth7`,P} => 7 => Failed to get default interface => 'eth7': expected one of [lo]",
      })
  void whatIsNotUnderstoodIsRefused(String input, int code, String message, String details)
      throws Exception {
    String named = input.contains("`name`:5") ? input : input.replaceFirst("^\\{", "{`name`:`n`,");
    String config =
        named.replace("F,", "`allow`:[`arp`],").replace(",P}", "," + LO + "}").replace('`', '"');
    for (String command : List.of("ADD", "CHECK")) {
      Answer answer = run(command, config);
      assertThat(answer.status).isEqualTo(255);
      assertThat(answer.code).as("%s %s", command, answer).isEqualTo(code);
      assertThat(answer.message).contains(message);
      assertThat(answer.details).contains(details == null ? "" : details);
      assertThat(answer.details).doesNotContain("java.");
    }
  }

  /** A configuration that may be one of the original's needs no name, as there. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '~',
      delimiterString = " => ",
      value = {
        "{F,P} => 7 => name: missing: expected a letter or digit",
        "{`name`:``,`program`:`bogus`,P} => 7 => name: \"\": expected",
        "{`name`:`../x`,F,P} => 7 => name: \"../x\": expected",
        "{`name`:`a b`,`program`:`bogus`,P} => 7 => name: \"a b\": expected",
        "{`name`:`a.b-c_1`,`program`:`bogus`,P} => 7 => bogus",
        "{`program`:`bogus`,P} => 7 => bogus",
      })
  void namesAreThoseOfTheSpecification(String input, int code, String details) throws Exception {
    String config =
        input.replace("F,", "`allow`:[`arp`],").replace("P}", LO + "}").replace('`', '"');
    for (String command : List.of("ADD", "CHECK")) {
      Answer answer = run(command, config);
      assertThat(answer.code).isEqualTo(code);
      assertThat(answer.details).startsWith(details);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-one", ".", "a b", "../one", "one\n", "ö"})
  void idsOfContainersAreThoseOfTheSpecification(String id) throws Exception {
    String config = "{\"name\":\"n\",\"program\":\"bogus\"," + LO + "}";
    for (String command : List.of("ADD", "CHECK", "DEL")) {
      Answer answer = run(command, config, "CNI_CONTAINERID", id);
      assertThat(answer.code).as(command).isEqualTo(4);
      assertThat(answer.details).startsWith("CNI_CONTAINERID: '%s': expected".formatted(id));
    }
    String ours = "{\"name\":\"n\",\"allow\":[\"arp\"]," + LO + "}";
    assertThat(run("ADD", ours, "CNI_CONTAINERID", "").code).isEqualTo(4);
    assertThat(run("ADD", config, "CNI_CONTAINERID", "").details).isEqualTo("bogus");
  }

  /** The fields that a runtime adds, or that other plugins have, are no reason to refuse. */
  @Test
  void keysOfTheSpecificationAreKnown() throws Exception {
    String config =
        """
        {"cniVersion":"1.1.0","cniVersions":["1.1.0"],"name":"n","type":"traffico-cni","args":{},
         "ipMasq":true,"ipam":{},"dns":{},"capabilities":{"a":true},"runtimeConfig":{},
         "disableCheck":false,"disableGC":true,"loadOnlyInlinedPlugins":false,
         "cni.dev/attachments":[],"program":"bogus",%s}
        """
            .formatted(LO);
    assertThat(run("ADD", config)).isEqualTo(new Answer(255, 7, "Unknown program", "bogus"));
  }

  /** As cJSON reads it: accepted by the original, and harmless. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\uFEFF{P}",
        "{\"args\":[01,1.,-.5,1.e2,1E400,00],P}",
        "\u000B{\f\"args\":\u0001\"a\tb\nc\",P}",
        "{\"args\":\"\\ud83d\\ude00\",P} trailing",
      })
  void jsonIsReadAsTheOriginalReadsIt(String text) throws Exception {
    assertThat(run("ADD", text.replace("P", "\"program\":\"bogus\"," + LO)).message)
        .isEqualTo("Unknown program");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\uFEFF",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{a:1}",
        "'a'",
        "[+1]",
        "[.5]",
        "[-]",
        "[0x10]",
        "[1.5.2]",
        "[NaN]",
        "[tru]",
        "[nulll]",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u00g0\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"abc",
      })
  void whatIsNotJsonIsAnError(String text) throws Exception {
    assertThat(run("ADD", "\0" + text).code).as("a leading NUL").isEqualTo(6);
    assertThat(run("ADD", text.isEmpty() ? " " : text))
        .isEqualTo(new Answer(255, 6, "Error parsing JSON", "Error parsing JSON"));
    assertThat(run("ADD", "[".repeat(100_000)).code).isEqualTo(6);
    assertThat(run("ADD", new byte[] {'"', (byte) 0xE9, '"'}).code).isEqualTo(6);
  }

  @Test
  void detailsAreThoseOfTheOriginal() throws Exception {
    assertThat(run("ADD", "{\"program\":\"block_port\",\"input\":\"0\"," + LO + "}"))
        .isEqualTo(new Answer(255, 7, "invalid port number", "invalid port number"));
    assertThat(run("ADD", "{\"program\":\"nop\",\"input\":\"\"," + LO + "}").details)
        .isEqualTo("program does not accept input");
    assertThat(
            run("ADD", "{\"program\":\"nop\",\"prevResult\":{\"interfaces\":[{\"name\":\"x\"}]}}"))
        .isEqualTo(new Answer(255, 7, "Failed to retrieve ifindex", "x"));
  }

  @Test
  void numbersComeOutAsTheyAreWrittenByCjson() throws Exception {
    assertThat(JsonText.line(Json.parse("[01,1.,-0,1e2,\"\\u0041\\/\"]")))
        .isEqualTo("[1,1,0,100,\"A/\"]");
  }

  private String policy(String text) throws IOException {
    Path file = folder.resolve("p.yaml");
    Files.writeString(file, text);
    return file.toString();
  }

  @Test
  void aPolicyFileNeedsTheSectionOfTheDirection() throws Exception {
    String file = policy("version: 1\ningress: {permit: [arp]}\n");
    Answer answer = run("ADD", "{\"name\":\"n\",\"policy\":\"%s\",%s}".formatted(file, LO));
    assertThat(answer.code).isEqualTo(7);
    assertThat(answer.message)
        .isEqualTo(file + ":1:1: no section egress: expected one, or the direction ingress");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "root:*:1:2\nsecret: *hush\n",
        "secret:$6$hush:1:2\n",
        "secret: [hush\n",
        "\"hush\": \"\\q\"\n",
        "- hush\n",
        "hush: 1\nversion: 3\n",
        "%hush\n",
        "!hush!x a\n",
        "a: *hush\n",
        "@hush",
      })
  void aFileThatIsNoPolicyIsNotQuoted(String text) throws Exception {
    String file = policy(text);
    Answer answer = run("ADD", "{\"name\":\"n\",\"policy\":\"%s\",%s}".formatted(file, LO));
    assertThat(answer.code).isEqualTo(7);
    assertThat(answer.message).startsWith(file + ":").hasLineCount(1);
    assertThat(answer.message + answer.details).doesNotContain("hush").doesNotContain("secret");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"cniVersion\":\"1.1.0\",\"name\":\"net\"}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":null}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":{}}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":\"one\"}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[\"one\"]}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[null]}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[{}]}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[{\"containerID\":\"one\"}]}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[{\"containerID\":1,\"ifname\":\"eth0\"}]}",
        "{\"name\":\"net\",\"cni.dev/valid-attachments\":[{\"containerId\":\"one\",\"ifname\":\"eth0\"}]}",
        "{\"cni.dev/valid-attachments\":[]}",
        "{\"name\":\"\",\"cni.dev/valid-attachments\":[]}",
        "[]",
      })
  void garbageCollectionNeedsAWholeList(String config) throws Exception {
    assertThat(run("GC", config).code).isEqualTo(7);
  }

  @Test
  @Tag("kernel")
  void garbageCollectionThatIsRefusedRemovesNothing() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          add("\"program\":\"nop\"", "[{\"name\":\"v0\"}]", "CNI_IFNAME", "eth0");
          run("GC", "{\"name\":\"net\"}");
          assertThat(subjects("")).containsExactly("v0 nop");
          assertThat(run("GC", "{\"name\":\"other\",\"cni.dev/valid-attachments\":[]}").code)
              .isZero();
          assertThat(subjects("")).containsExactly("v0 nop");
          assertThat(run("GC", "{\"name\":\"net\",\"cni.dev/valid-attachments\":[]}").code)
              .isZero();
          assertThat(subjects("")).isEmpty();
          return true;
        });
  }

  private static Answer add(String filter, String interfaces, String... environment)
      throws IOException {
    List<String> all = new ArrayList<>(List.of(environment));
    all.addAll(List.of("CNI_CONTAINERID", "one"));
    return run(
        "ADD",
        "{\"name\":\"net\",%s,\"prevResult\":{\"interfaces\":%s}}".formatted(filter, interfaces),
        all.toArray(String[]::new));
  }

  /** Does something in a thread that may go into other network namespaces. */
  private static <T> T apart(Callable<T> task) throws Exception {
    FutureTask<T> future = new FutureTask<>(task);
    new Thread(future, "apart").start();
    return future.get();
  }

  /** Returns interfaces and filters in a network namespace, or here. */
  private static List<String> subjects(String netns) throws Exception {
    return apart(
        () -> {
          if (!netns.isEmpty()) {
            NetworkNamespace.enter(Path.of(netns));
          }
          try (Attacher attacher = new Attacher()) {
            return attacher.attachments().stream()
                .map(a -> a.ifname() + " " + a.about().map(Description::subject).orElse("?"))
                .toList();
          }
        });
  }

  /**
   * Interfaces are cni0 (a bridge), v0 (the host's end of a pair), eth0, d0 and d1 in the
   * container. Their sandbox is {@code /C}, the container; {@code /N}, the same under another name;
   * or {@code /X}, one that is gone.
   */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        // As the plugins bridge, ptp and macvlan list them.
        "program => cni0 v0 eth0/C => there eth0",
        "allow => cni0 v0 eth0/C => there eth0",
        "allow => v0 eth0/C => there eth0",
        "allow => eth0/C => there eth0",
        "allow => cni0 v0 eth0/N => there eth0",
        "allow => cni0 v0 d0/C eth0/C => there eth0",
        "allow => cni0 v0 d0/C => there d0",
        "allow => eth0/C eth0/C => there eth0",
        "program => cni0 v0 eth0/X => refused",
        "allow => eth0/X => refused",
        "allow => d0/C d1/C => refused",
        // Without a sandbox.
        "program => cni0 v0 eth0 => there eth0",
        "allow => eth0 => there eth0",
        "program => v0 => here v0",
        "allow => v0 => here v0",
        "program => cni0 v0 => refused",
        "allow => cni0 v0 => refused",
        // On request.
        "allow target=first => cni0 v0 eth0/C => here cni0",
        "program target=first => v0 eth0/X => here v0",
        "allow target=container => cni0 v0 eth0/C => there eth0",
        "allow interface=cni0 => cni0 v0 eth0/C => here cni0",
        "allow interface=d0 => cni0 d0/C eth0/C => there d0",
        "allow interface=d0 => d0 d0/C => there d0",
        "allow interface=eth0 => v0 eth0/X => refused",
      })
  @Tag("kernel")
  void theContainersInterfaceIsFiltered(String request, String interfaces, String expected)
      throws Exception {
    KernelNeeded.orSkip();
    String id = "container";
    String netns = "/run/netns/" + id;
    OwnNetwork.in(
        () -> {
          sh("ip netns add " + id);
          sh("ip link add cni0 type bridge && ip link set v1 netns %s name eth0".formatted(id));
          sh("ip -n %s link add d0 type veth peer name d1".formatted(id));
          // Docker and containerd may name one namespace by several paths.
          String alias = "/proc/thread-self/root" + netns;
          String json =
              interfaces
                  .replaceAll("(\\w+)(/\\w)?( |$)", "{\"name\":\"$1\",\"sandbox\":\"$2\"},")
                  .replaceAll(",$", "")
                  .replace("/C", netns)
                  .replace("/N", alias)
                  .replace("/X", "/run/netns/gone");
          String filter =
              request
                  .replace("program", "\"program\":\"nop\"")
                  .replace("allow", "\"allow\":[\"arp\"]")
                  .replaceAll(" (\\w+)=(\\w+)", ",\"$1\":\"$2\"");
          Answer answer =
              apart(() -> add(filter, "[" + json + "]", "CNI_NETNS", netns, "CNI_IFNAME", "eth0"));
          List<String> found = new ArrayList<>();
          subjects("").forEach(one -> found.add("here " + one));
          subjects(netns).forEach(one -> found.add("there " + one));
          if (expected.equals("refused")) {
            assertThat(answer.code).as(answer.toString()).isEqualTo(7);
            assertThat(found).isEmpty();
          } else {
            assertThat(answer.code).as(answer.toString()).isZero();
            assertThat(found).hasSize(1).allMatch(one -> one.startsWith(expected + " "));
          }
          sh("ip netns delete " + id);
          return true;
        });
  }

  /** The namespace of the container is gone; the host has an interface of the same name. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "\"allow\":[\"arp\"] => /run/netns/gone => 7",
        "\"program\":\"nop\" => /run/netns/gone => 7",
        "\"allow\":[\"arp\"] => `` => 7",
        "\"allow\":[\"arp\"],\"interface\":\"v0\" => `` => 7",
        "\"allow\":[\"arp\"],\"target\":\"first\" => /run/netns/gone => 0",
      })
  @Tag("kernel")
  void anInterfaceOfTheHostIsNotTheContainers(String filter, String sandbox, int code)
      throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          Answer answer =
              add(
                  filter,
                  "[{\"name\":\"v0\",\"sandbox\":\"%s\"}]".formatted(sandbox),
                  "CNI_NETNS",
                  "/run/netns/gone",
                  "CNI_IFNAME",
                  "v0");
          assertThat(answer.code).as(answer.toString()).isEqualTo(code);
          assertThat(subjects("")).hasSize(code == 0 ? 1 : 0);
          return true;
        });
  }

  /** A link stays on its interface; a clsact filter is lost, but is where the original's is. */
  @Test
  @Tag("kernel")
  void aFilterSurvivesTheMoveOfItsInterface() throws Exception {
    KernelNeeded.orSkip();
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Feature.TCX.missing().isEmpty() && Feature.BPFFS.missing().isEmpty(),
        "needs TCX and bpffs");
    String id = "container";
    OwnNetwork.in(
        () -> {
          sh("ip netns add " + id);
          assertThat(add("\"allow\":[\"arp\"]", "[{\"name\":\"v0\"}]").code).isZero();
          sh("ip link set v0 netns " + id);
          assertThat(subjects("/run/netns/" + id)).hasSize(1);
          assertThat(add("\"program\":\"nop\"", "[{\"name\":\"v1\"}]").code).isZero();
          assertThat(sh("tc filter show dev v1 egress")).contains("name nop");
          sh("ip netns delete " + id);
          return true;
        });
  }

  @Test
  void aNamedPipeIsNoNamespace() throws Exception {
    Path pipe = folder.resolve("pipe");
    sh("mkfifo " + pipe);
    Answer answer =
        apart(
            () ->
                add(
                    "\"program\":\"nop\"",
                    "[{\"name\":\"lo\",\"sandbox\":\"%s\"}]".formatted(pipe)));
    assertThat(answer.details)
        .isEqualTo("lo: network namespace %s cannot be entered".formatted(pipe));
  }

  /** A runtime may repeat ADD before the first one has ended. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '~',
      value = {"clsact,\"program\":\"nop\"", "tcx,\"allow\":[\"arp\"]"})
  @Tag("kernel")
  void equalAddsAtTheSameTimeLeaveOneFilter(String backend, String filter) throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          List<FutureTask<Answer>> adds = new ArrayList<>();
          for (int i = 0; i < 8; i++) {
            adds.add(new FutureTask<>(() -> add(filter, "[{\"name\":\"v0\"}]")));
          }
          adds.forEach(add -> new Thread(add, backend).start());
          for (FutureTask<Answer> add : adds) {
            assertThat(add.get().code).as(add.get().toString()).isZero();
          }
          assertThat(subjects("")).hasSize(1);
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void checkFailsWherePacketsMayNotReachTheFilter() throws Exception {
    KernelNeeded.orSkip();
    String nop = Path.of("../bpf/target/objects/nop.bpf.o").toAbsolutePath().toString();
    OwnNetwork.in(
        () -> {
          String config =
              "{\"program\":\"block_port\",\"input\":\"80\",\"prevResult\":{\"interfaces\":[{\"name\":\"v0\"}]}}";
          String[] of = {"CNI_CONTAINERID", "one"};
          assertThat(run("ADD", config, of).code).isZero();
          assertThat(run("CHECK", config, of).code).isZero();
          sh("tc filter add dev v0 egress pref 1 bpf direct-action obj " + nop + " sec tc");
          Answer answer = run("CHECK", config, of);
          assertThat(answer.code).isEqualTo(100);
          assertThat(answer.message).isEqualTo("packets may not reach the filter");
          assertThat(answer.details).contains("v0 egress clsact: program nop", "runs earlier");
          return true;
        });
  }

  @Test
  @Tag("kernel")
  void whatAsksForAMissingEthernetHeaderIsRefused() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          sh("ip tuntap add t0 mode tun && ip link set t0 up");
          for (String filter :
              List.of(
                  "\"program\":\"allow_ethertype\",\"input\":\"ipv4\"", "\"allow\":[\"arp\"]")) {
            Answer answer = add(filter, "[{\"name\":\"t0\"}]");
            assertThat(answer.code).isEqualTo(7);
            assertThat(answer.message).isEqualTo("Failed to attach BPF program");
            assertThat(answer.details).contains("t0", "Ethernet");
          }
          assertThat(sh("tc qdisc show dev t0")).doesNotContain("clsact");
          assertThat(subjects("")).isEmpty();
          return true;
        });
  }
}
