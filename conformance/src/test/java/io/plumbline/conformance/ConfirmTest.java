package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import java.io.BufferedReader;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Changes that are undone unless they are confirmed. */
@Tag("kernel")
class ConfirmTest {
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

  private static Program.Result plumb(String... args) throws Exception {
    return Program.finish(installation.builder("plumb", args).start(), "");
  }

  private static List<String> filters() throws Exception {
    try (Attacher attacher = new Attacher()) {
      return attacher.attachments(attacher.link("v0")).stream()
          .map(a -> a.about().map(about -> about.subject()).orElse("?"))
          .toList();
    }
  }

  /** Starts a replacement of block_port 80 by block_port 443, and waits for its prompt. */
  private static Process replace(String backend, int seconds) throws Exception {
    Program.Result first =
        plumb("attach", "-i", "v0", "--pin", "--backend", backend, "block_port", "80");
    assertThat(first.status()).as(first.toString()).isZero();
    Process process =
        installation
            .builder(
                "plumb",
                "attach",
                "-i",
                "v0",
                "--pin",
                "--replace",
                "--confirm",
                "" + seconds,
                "block_port",
                "443")
            .redirectErrorStream(true)
            .start();
    awaitPrompt(process.inputReader(UTF_8));
    return process;
  }

  private static void awaitPrompt(BufferedReader out) throws Exception {
    String line = out.readLine();
    while (line != null && !line.contains("unless confirmed")) {
      line = out.readLine();
    }
    assertThat(line).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void theUndoDoesNotWaitForWhoeverHoldsTheLock(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = replace(backend, 2);
          Path run = Path.of("/run/plumbline");
          Path file = run.resolve("lock");
          Process holder = new ProcessBuilder("flock", run.toString(), "sleep", "60").start();
          try (FileChannel channel =
              FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.lock();
            assertThat(process.waitFor(15, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(1);
            assertThat(filters()).containsExactly("block_port 80");
          } finally {
            holder.descendants().forEach(ProcessHandle::destroy);
            holder.destroy();
          }
          assertThat(plumb("detach", "-i", "v0").status()).isZero();
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void whatAKilledWaiterLeavesIsShownAndCanBeUndone(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          replace(backend, 60).destroyForcibly().waitFor();
          assertThat(filters()).containsExactly("block_port 443");
          assertThat(plumb("status", "-i", "v0").out())
              .containsPattern("unconfirmed, undone in 5[0-9] s");
          assertThat(plumb("status", "-i", "v0", "--json").out())
              .containsPattern("\"unconfirmed\":\\s+true")
              .containsPattern("\"undoneInSeconds\":\\s+5[0-9]");
          assertThat(plumb("confirm", "-i", "v0", "--undo"))
              .isEqualTo(
                  new Program.Result(
                      0,
                      "v0 egress " + backend + ": not confirmed: the filter before is back\n",
                      ""));
          assertThat(filters()).containsExactly("block_port 80");
          assertThat(sh("ls /sys/fs/bpf/plumbline")).doesNotContain("before-");
          assertThat(plumb("confirm", "-i", "v0").err())
              .isEqualTo("plumb: v0: no filter waits to be confirmed\n");
          assertThat(plumb("detach", "-i", "v0").status()).isZero();
          return true;
        });
  }

  @Test
  void theNextAttachUndoesWhatWasNotConfirmedInTime() throws Exception {
    OwnNetwork.in(
        () -> {
          replace("tcx", 1).destroyForcibly().waitFor();
          String status = "";
          for (int i = 0; i < 100 && !status.contains("to be undone 6 s ago"); i++) {
            Thread.sleep(100);
            status = plumb("status", "-i", "v0").out();
          }
          assertThat(status).contains("unconfirmed, to be undone").contains("plumb confirm --undo");
          assertThat(plumb("attach", "-i", "v0", "--pin", "nop").err())
              .contains("note: v0 egress tcx: not confirmed: the filter before is back");
          assertThat(filters()).containsExactly("nop", "block_port 80");
          assertThat(plumb("detach", "-i", "v0").status()).isZero();
          return true;
        });
  }

  @Test
  void aFirstFilterIsDetached() throws Exception {
    OwnNetwork.in(
        () -> {
          Process process =
              installation
                  .builder("plumb", "attach", "-i", "v0", "--pin", "--confirm", "60", "nop")
                  .redirectErrorStream(true)
                  .start();
          awaitPrompt(process.inputReader(UTF_8));
          process.destroyForcibly().waitFor();
          assertThat(filters()).containsExactly("nop");
          assertThat(plumb("confirm", "-i", "v0", "--undo").out())
              .isEqualTo("v0 egress tcx: not confirmed: detached\n");
          assertThat(filters()).isEmpty();
          return true;
        });
  }

  @Test
  void aConfirmedChangeStays() throws Exception {
    OwnNetwork.in(
        () -> {
          Process process = replace("tcx", 60);
          assertThat(plumb("confirm", "-i", "v0").out()).isEqualTo("v0 egress tcx: confirmed\n");
          assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
          assertThat(process.exitValue()).isZero();
          assertThat(filters()).containsExactly("block_port 443");
          assertThat(plumb("status", "-i", "v0").out()).doesNotContain("unconfirmed");
          assertThat(plumb("detach", "-i", "v0").status()).isZero();
          return true;
        });
  }

  /** script(1) gives the command a terminal, and types what it reads itself. */
  @Test
  void onlyWhatIsTypedAfterThePromptConfirms() throws Exception {
    OwnNetwork.in(
        () -> {
          Path log = folder.resolve("typescript");
          for (boolean before : List.of(true, false)) {
            Process process =
                new ProcessBuilder(
                        "script",
                        "-qefc",
                        installation.command("plumb") + " attach -i v0 --pin --confirm 3 nop",
                        log.toString())
                    .start();
            var keyboard = process.outputWriter();
            if (before) {
              keyboard.write("\nabc\n\n");
              keyboard.flush();
            }
            for (int i = 0; i < 500 && !text(log).contains("unless confirmed: Enter"); i++) {
              Thread.sleep(20);
            }
            if (!before) {
              keyboard.write("\n");
              keyboard.flush();
            }
            assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(text(log)).isEqualTo(before ? 1 : 0);
            assertThat(filters()).hasSize(before ? 0 : 1);
            Files.delete(log);
          }
          assertThat(plumb("detach", "-i", "v0").status()).isZero();
          return true;
        });
  }

  private static String text(Path file) throws Exception {
    return Files.exists(file) ? Files.readString(file) : "";
  }
}
