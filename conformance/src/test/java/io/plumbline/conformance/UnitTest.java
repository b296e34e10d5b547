package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The systemd units, as systemd-analyze reads them. */
class UnitTest {
  private static final Path UNITS = Path.of("src/main/dist/systemd");

  @TempDir private Path folder;

  @BeforeEach
  void systemdIsThere() throws Exception {
    boolean there =
        new ProcessBuilder("sh", "-c", "systemd-analyze --version").start().waitFor() == 0;
    assumeTrue(there, "systemd-analyze: not installed: package systemd");
  }

  private static Program.Result run(String... command) throws Exception {
    return Program.finish(new ProcessBuilder(command).start(), "");
  }

  /** Copies the units; what they start is a program that exists. */
  private List<String> copies() throws Exception {
    try (var units = Files.list(UNITS)) {
      for (Path unit : units.toList()) {
        Files.writeString(
            folder.resolve(unit.getFileName()),
            Files.readString(unit).replace("/usr/bin/plumb", "/bin/true"));
      }
    }
    try (var copies = Files.list(folder)) {
      return copies.map(Path::toString).sorted().toList();
    }
  }

  @Test
  void systemdAcceptsThem() throws Exception {
    List<String> command =
        new java.util.ArrayList<>(List.of("systemd-analyze", "verify", "--man=no"));
    command.addAll(copies());
    Program.Result result = run(command.toArray(String[]::new));
    assertThat(result).isEqualTo(new Program.Result(0, "", ""));
  }

  /** 0 is confined, 10 is not at all. */
  @ParameterizedTest
  @CsvSource({"plumbline-events, 2.5", "plumbline@, 6.0", "plumbline-closed@, 6.0"})
  void theyAreConfined(String unit, double most) throws Exception {
    copies();
    Program.Result result =
        run(
            "systemd-analyze",
            "security",
            "--offline=yes",
            folder.resolve(unit + ".service").toString());
    Matcher level =
        Pattern.compile("Overall exposure level for .*: ([0-9.]+)").matcher(result.out());
    assumeTrue(level.find(), "this systemd has no security --offline");
    assertThat(Double.parseDouble(level.group(1))).isLessThanOrEqualTo(most);
  }

  /** %i is escaped, as names of units are (br\x2dlan); %I is the interface's name. */
  @Test
  void namesOfInterfacesMayHaveADash() throws Exception {
    for (String unit : List.of("plumbline@.service", "plumbline-closed@.service")) {
      String text = Files.readString(UNITS.resolve(unit));
      assertThat(text.lines().filter(line -> line.startsWith("Exec")))
          .isNotEmpty()
          .allMatch(line -> line.contains("--ifname %I ") && !line.contains("%i"));
      assertThat(text.lines().filter(line -> line.contains(".device")))
          .isNotEmpty()
          .allMatch(line -> line.contains("sys-subsystem-net-devices-%i.device"));
    }
  }

  /** The unit that closes an interface attaches filters that drop everything. */
  @Test
  @Tag("kernel")
  void aClosedInterfacePassesNothing() throws Exception {
    KernelNeeded.orSkip();
    OwnNetwork.in(
        () -> {
          for (String line : Files.readAllLines(UNITS.resolve("plumbline-closed@.service"))) {
            if (line.startsWith("ExecStart=")) {
              String[] arguments =
                  line.replace("ExecStart=/usr/bin/plumb ", "").replace("%I", "v0").split(" ", -1);
              Program.Result result =
                  Program.run(
                      io.plumbline.loader.cli.LoaderCommands.class.getName(),
                      "",
                      java.util.Map.of(),
                      arguments);
              assertThat(result.status()).as(result.toString()).isZero();
            }
          }
          for (String frame :
              List.of("eth ipv4(10.0.0.1) tcp(1024,80)", "eth arp", "eth ipv6(17) udp(1,53)")) {
            assertThat(OwnNetwork.passes("v0", frame)).as(frame).isFalse();
          }
          Program.run(
              io.plumbline.loader.cli.LoaderCommands.class.getName(),
              "",
              java.util.Map.of(),
              "detach",
              "-i",
              "v0");
          return true;
        });
  }
}
