package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher in odd surroundings: names, limits, descriptors, directories, locales. */
class LauncherTest {
  private static final String TRY =
      "Try `traffico --help' or `traffico --usage' for more information.\n";

  private static final Path CAPTURE = Path.of("../pcaps/corpora/traffic.pcap");

  @TempDir static Path folder;
  private static Installation installation;

  @BeforeAll
  static void install() throws Exception {
    installation = Installation.in(folder.resolve("installed here"));
    Path links = Files.createDirectory(folder.resolve("links"));
    Files.createSymbolicLink(links.resolve("filter"), installation.command("traffico"));
    Files.createSymbolicLink(links.resolve("second"), Path.of("filter"));
    Files.createSymbolicLink(links.resolve("plugin"), installation.command("traffico-cni"));
    Files.createSymbolicLink(links.resolve("tool"), installation.command("plumb"));
  }

  private static Program.Result script(String script) throws Exception {
    return installation.script("LINKS=" + folder.resolve("links") + "\n" + script);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "\"$BIN/traffico\" -V => traffico 0.0",
        "$LINKS/filter -V => traffico 0.0",
        "$LINKS/second -V => traffico 0.0",
        "cd $LINKS; ./second -V => traffico 0.0",
        "PATH=$LINKS:$PATH; second -V => traffico 0.0",
        "$LINKS/tool --version => plumb 0.1.0",
        "env -i PATH=/usr/bin:/bin $LINKS/filter -V => traffico 0.0",
        "unset HOME; $LINKS/filter -V => traffico 0.0",
        "mkdir gone; cd gone; rmdir ../gone; $LINKS/filter -V => traffico 0.0",
        "cd /; TMPDIR=/nowhere $LINKS/filter -V => traffico 0.0",
        "$LINKS/filter -V <&- => traffico 0.0",
        "$LINKS/filter -V 2>&- => traffico 0.0",
        "PLUMB_NAME=traffico-cni $LINKS/filter -V => traffico 0.0",
        "ulimit -v 2000000; $LINKS/filter -V => traffico 0.0",
        "nohup $LINKS/filter -V => traffico 0.0",
      })
  void itStarts(String command, String output) throws Exception {
    Program.Result result = script("cd " + folder + "\n" + command);
    assertThat(result.out()).as(result.toString()).isEqualTo(output + "\n");
    assertThat(result.status()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "-n 40 => limit of open files: 40: expected 64 or more (ulimit -n)",
        "-v 400000 => limits: address space 409600000: too low for Java: expected more (ulimit -a)",
        "-s 16 => limits: stack size 16384: too low for Java: expected more (ulimit -a)",
      })
  void limitsThatAreTooLowGiveOneLine(String limit, String message) throws Exception {
    for (String command : new String[] {"traffico", "traffico-cni", "plumb"}) {
      Program.Result result = script("ulimit " + limit + "; exec \"$BIN/" + command + "\" status");
      assertThat(result).isEqualTo(new Program.Result(3, "", command + ": " + message + "\n"));
    }
  }

  /** What is closed is no empty input. */
  @ParameterizedTest
  @ValueSource(strings = {"bpf asm", "bpf run", "replay - --program nop", "policy check -"})
  void standardInputThatIsClosedCannotBeRead(String command) throws Exception {
    Program.Result result = script("\"$BIN/plumb\" " + command + " <&-");
    assertThat(result.status()).as(result.toString()).isEqualTo(2);
    assertThat(result.err()).startsWith("plumb: ").hasLineCount(1).doesNotContain("Exception");
  }

  /** There is no file in a directory that was deleted, and none can be made. */
  @ParameterizedTest
  @ValueSource(
      strings = {"replay x --program nop", "replay CAPTURE --program nop --json x-of-plumb"})
  void relativePathsInADeletedDirectoryNameNothing(String arguments) throws Exception {
    String command = arguments.replace("CAPTURE", CAPTURE.toAbsolutePath().toString());
    Program.Result result =
        script(
            "mkdir %s/gone; cd %s/gone; rmdir ../gone; \"$BIN/plumb\" %s"
                .formatted(folder, folder, command));
    assertThat(result.status()).as(result.toString()).isEqualTo(2);
    assertThat(result.err().lines().filter(line -> !line.startsWith("sh: ")))
        .hasSize(1)
        .allMatch(line -> line.matches("plumb: .*x.*: (no such file|cannot be written.*)"));
    assertThat(Path.of("/x-of-plumb")).doesNotExist();
  }

  @Test
  void standardOutputHasOnlyTheCommandsOwn() throws Exception {
    Program.Result result =
        script(
            "export JAVA_TOOL_OPTIONS=-Dx=y; echo '{}' | CNI_COMMAND=VERSION $LINKS/plugin"
                + " 2>/dev/null");
    assertThat(result.out()).startsWith("{").contains("supportedVersions");
    assertThat(script("$LINKS/filter -x >&-").err())
        .contains("invalid option -- 'x'\n" + TRY.replace("traffico", "filter"));
  }

  @Test
  void theNameOfTheProcessIsTheCommands() throws Exception {
    ProcessBuilder builder = installation.builder("traffico-cni");
    builder.environment().put("CNI_COMMAND", "ADD");
    Process process = builder.start();
    // It reads its configuration, and waits for it.
    Path comm = Path.of("/proc/" + process.pid() + "/comm");
    Path exe = Path.of("/proc/" + process.pid() + "/exe");
    for (int i = 0; i < 500 && !Files.readSymbolicLink(exe).endsWith("java"); i++) {
      Thread.sleep(10);
    }
    assertThat(Files.readString(comm)).isEqualTo("traffico-cni\n");
    assertThat(OwnNetwork.sh("pgrep -x traffico-cni")).contains(Long.toString(process.pid()));
    assertThat(Program.finish(process, "{").status()).isEqualTo(255);
  }

  @Test
  void withoutTheLinksTheNameIsSetLater() throws Exception {
    Path other = folder.resolve("other");
    Installation.in(other);
    // What may not be made is not needed.
    Files.createFile(other.resolve("lib/as"));
    Program.Result result =
        installation.script("CNI_COMMAND=VERSION '" + other + "/bin/traffico-cni' </dev/null");
    assertThat(result.status()).as(result.toString()).isZero();
  }

  /** Digits of other scripts are the default of these locales. */
  @ParameterizedTest
  @ValueSource(strings = {"fa-IR", "ar-EG", "ne-NP", "bn-BD", "mr-IN", "th-TH-u-nu-thai"})
  void localesDoNotMatter(String locale) throws Exception {
    String script =
        "\"$BIN/plumb\" bpf classic --expression 'tcp port 80 and len > 100' --as ebpf &&"
            + " \"$BIN/plumb\" programs allow_port &&"
            + " { \"$BIN/plumb\" verify --fuzz -12 2>&1 || :; }";
    String[] parts = locale.split("-", 3);
    String options =
        "export JAVA_TOOL_OPTIONS='-Duser.language=%s -Duser.country=%s -Duser.extensions=%s'; "
            .formatted(parts[0], parts[1], parts.length > 2 ? parts[2] : "");
    Program.Result result =
        script(options + "export LC_ALL=" + locale.replace('-', '_') + "; " + script);
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out()).endsWith("plumb: --fuzz: -12: expected 0 or more\n");
    assertThat(result.out().replaceAll("Picked up.*\n", "")).isEqualTo(script(script).out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "de_DE.ISO-8859-1"})
  void fileNamesAreUtf8(String locale) throws Exception {
    Program.Result result =
        script(
            "cp %s %s/übung.pcap; cd %s; LC_ALL=%s \"$BIN/plumb\" replay übung.pcap --program nop"
                .formatted(CAPTURE.toAbsolutePath(), folder, folder, locale));
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out()).contains("übung.pcap");
  }
}
