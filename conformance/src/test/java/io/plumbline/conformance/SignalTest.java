package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Signals to commands in the foreground: at every moment the filter goes and the process ends.
 * {@code -Dsignals=200} tries as many moments, however long it takes.
 */
@Tag("kernel")
class SignalTest {
  private static final int MOMENTS = Integer.getInteger("signals", 200);
  private static final Duration BUDGET =
      Integer.getInteger("signals") == null ? Duration.ofSeconds(45) : Duration.ofMinutes(4);
  private static final int AT_ONCE = 3;
  private static final int LATEST_MILLIS = 1500;
  private static final List<String> SIGNALS = List.of("TERM", "INT", "HUP", "QUIT", "USR2", "PIPE");

  @TempDir static Path folder;
  private static Installation installation;

  @BeforeAll
  static void install() throws Exception {
    installation = Installation.in(folder);
  }

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static ProcessBuilder start(String command, String... more) {
    List<String> args = new ArrayList<>(command.equals("plumb") ? List.of("attach") : List.of());
    args.addAll(List.of("-i", "v0"));
    args.addAll(List.of(more));
    args.addAll(List.of("block_port", "80"));
    ProcessBuilder builder = installation.builder(command, args.toArray(String[]::new));
    // Whoever runs the tests may have HUP ignored, as nohup does.
    builder.command().addAll(0, List.of("env", "--default-signal=HUP"));
    return builder;
  }

  private static boolean attached() throws Exception {
    try (Attacher attacher = new Attacher()) {
      return !attacher.attachments(attacher.link("v0")).isEmpty();
    }
  }

  private static void awaitFilter() throws Exception {
    for (int i = 0; i < 1000 && !attached(); i++) {
      Thread.sleep(20);
    }
    assertThat(attached()).isTrue();
  }

  private static int end(Process process) throws Exception {
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it ends").isTrue();
    return process.exitValue();
  }

  @Test
  void atAnyMomentTheFilterGoesAndTheProcessEnds() throws Exception {
    OwnNetwork.in(
        () -> {
          SplittableRandom random = new SplittableRandom(1);
          long end = System.nanoTime() + BUDGET.toNanos();
          int moments = 0;
          while (moments < MOMENTS && System.nanoTime() < end) {
            StringBuilder sent = new StringBuilder();
            List<Process> running = new ArrayList<>();
            StringBuilder kills = new StringBuilder();
            for (int i = 0; i < AT_ONCE; i++, moments++) {
              Process process =
                  (i % 2 == 0
                          ? start("plumb", "--backend", moments % 2 == 0 ? "tcx" : "clsact")
                          : start("traffico"))
                      .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                      .redirectError(ProcessBuilder.Redirect.DISCARD)
                      .start();
              running.add(process);
              int millis = random.nextInt(LATEST_MILLIS);
              String signal = SIGNALS.get(random.nextInt(SIGNALS.size()));
              sent.append("%s after %d ms; ".formatted(signal, millis));
              kills.append(
                  "(sleep %d.%03d; kill -%s %d"
                      .formatted(millis / 1000, millis % 1000, signal, process.pid()));
              // One more, at once, for every other process.
              kills.append(random.nextBoolean() ? "; kill -TERM %d".formatted(process.pid()) : "");
              kills.append(") 2>/dev/null & ");
            }
            sh(kills + "wait");
            for (Process process : running) {
              assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends: " + sent).isTrue();
            }
            assertThat(attached()).as("attached: " + sent).isFalse();
          }
          assertThat(moments).isPositive();
          return true;
        });
  }

  /** The status of a process that is ended by a signal is 128 and the signal's number. */
  @ParameterizedTest
  @CsvSource({
    "TERM, 0",
    "INT, 0",
    "HUP, 0",
    "QUIT, 131",
    "USR1, 138",
    "USR2, 140",
    "PIPE, 141",
    "ALRM, 142",
    "XCPU, 152",
    "ABRT, 134",
    "40, 168"
  })
  void everySignalDetachesFirst(String signal, int status) throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = start("traffico").directory(folder.toFile()).start();
          awaitFilter();
          sh("kill -" + signal + " " + process.pid());
          assertThat(end(process)).isEqualTo(status);
          assertThat(attached()).isFalse();
          String err = new String(process.getErrorStream().readAllBytes(), UTF_8);
          assertThat(err).isEmpty();
          assertThat(folder.toFile().list()).containsExactlyInAnyOrder("bin", "lib");
          return true;
        });
  }

  @Test
  void whatWasIgnoredByTheParentStillEndsIt() throws Exception {
    OwnNetwork.in(
        () -> {
          for (String signal : List.of("TERM", "INT")) {
            ProcessBuilder builder = start("traffico");
            builder.command().addAll(0, List.of("env", "--ignore-signal=TERM,INT,QUIT,HUP"));
            Process process = builder.start();
            awaitFilter();
            // Except for what nohup is for.
            sh("kill -HUP " + process.pid() + "; kill -" + signal + " " + process.pid());
            assertThat(end(process)).isZero();
            assertThat(attached()).isFalse();
          }
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({"traffico, >/dev/full", "traffico, >&-", "plumb, >/dev/full", "plumb, >&- 2>&-"})
  void anOutputThatCannotBeWrittenLeavesTheFilter(String command, String redirection)
      throws Exception {
    OwnNetwork.in(
        () -> {
          ProcessBuilder builder = start(command);
          String line = String.join(" ", builder.command());
          Process process =
              new ProcessBuilder("sh", "-c", "exec " + line + " " + redirection).start();
          awaitFilter();
          assertThat(process.waitFor(1500, TimeUnit.MILLISECONDS)).as("it continues").isFalse();
          assertThat(attached()).isTrue();
          sh("kill -TERM " + process.pid());
          // plumb says at the end that its output was lost; the original does not.
          assertThat(end(process)).isEqualTo(command.equals("plumb") ? 2 : 0);
          assertThat(attached()).isFalse();
          return true;
        });
  }

  @Test
  void aBrokenPipeLeavesTheFilter() throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = start("traffico").start();
          awaitFilter();
          process.getInputStream().close();
          assertThat(process.waitFor(1500, TimeUnit.MILLISECONDS)).isFalse();
          assertThat(attached()).isTrue();
          sh("kill -TERM " + process.pid());
          assertThat(end(process)).isZero();
          assertThat(attached()).isFalse();
          return true;
        });
  }

  @Test
  void theNameIsTheCommandsFromTheStartToTheEnd() throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = start("traffico").start();
          awaitFilter();
          assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/comm")))
              .isEqualTo("traffico\n");
          assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/cmdline")))
              .contains("/traffico\0");
          sh("pgrep -x traffico | grep -x " + process.pid());
          process.destroy();
          assertThat(end(process)).isZero();
          return true;
        });
  }

  @Test
  void stateFromTheEnvironmentOrOfAnotherProcessIsNotBelieved() throws Exception {
    OwnNetwork.in(
        () -> {
          Path forged =
              Files.writeString(folder.resolve("../forged"), "1 1\n2 v0 EGRESS TCX 1 1 false\nlie");
          for (String script :
              List.of(
                  "PLUMB_HOLDS='2 v0 EGRESS TCX 1 1 false\n"
                      + "lie' exec $BIN/plumb attach -i v0 block_port 80",
                  "PLUMB_JAVA_OPTS=-Dplumb.holds=7 exec $BIN/plumb attach -i v0 block_port 80 7<"
                      + forged)) {
            ProcessBuilder builder = new ProcessBuilder("sh", "-c", script);
            builder.environment().put("BIN", folder.resolve("bin").toString());
            Process process = builder.start();
            awaitFilter();
            sh("kill -TERM " + process.pid());
            assertThat(end(process)).isZero();
            assertThat(new String(process.getInputStream().readAllBytes(), UTF_8))
                .startsWith("v0 egress tcx: attached block_port 80")
                .doesNotContain("lie");
          }
          return true;
        });
  }
}
