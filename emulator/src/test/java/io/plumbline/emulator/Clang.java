package io.plumbline.emulator;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Makes objects of C in a test; the test is skipped where there is no clang. */
final class Clang {
  private Clang() {}

  static byte[] compile(Path folder, String name, String source) throws Exception {
    Assumptions.assumeTrue(
        Files.exists(Path.of("/usr/bin/clang-14")), "no clang-14 to make an object");
    Path file = folder.resolve(name + ".c");
    Path object = folder.resolve(name + ".o");
    Files.writeString(file, source);
    Process clang =
        new ProcessBuilder(
                "clang-14", "-O2", "-g", "-target", "bpf", "-c", file.toString(), "-o", object + "")
            .redirectErrorStream(true)
            .start();
    String said = new String(clang.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    Assumptions.assumeTrue(
        clang.waitFor(30, TimeUnit.SECONDS) && clang.exitValue() == 0, "clang: " + said);
    return Files.readAllBytes(object);
  }
}
