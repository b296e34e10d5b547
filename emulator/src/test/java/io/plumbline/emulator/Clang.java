package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Compiles C for a test; without clang-14 the test is skipped, in CI it fails. */
final class Clang {
  private Clang() {}

  static void orSkip() {
    boolean there = Files.exists(Path.of("/usr/bin/clang-14"));
    if (System.getenv("CI") != null) {
      assertThat(there).as("clang-14 is installed in CI").isTrue();
    }
    Assumptions.assumeTrue(there, "no clang-14 to compile an object");
  }

  static byte[] compile(Path folder, String name, String source) throws Exception {
    orSkip();
    Path file = Files.writeString(folder.resolve(name + ".c"), source);
    Path object = folder.resolve(name + ".o");
    Process clang =
        new ProcessBuilder(
                "clang-14", "-O2", "-g", "-target", "bpf", "-c", file + "", "-o", object + "")
            .redirectErrorStream(true)
            .start();
    String said = new String(clang.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(clang.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(clang.exitValue()).as(said).isZero();
    return Files.readAllBytes(object);
  }
}
