package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Headers in the non-linear part of a live skb are judged, and programs that do not pull them are
 * told apart.
 */
@Tag("kernel")
class NonlinearTest {
  private static final Path OBJECTS = Path.of("..", "bpf", "target", "objects");

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** The programs' input is its default, 0.0.0.0. */
  @ParameterizedTest
  @CsvSource({
    "block_ipv4, 00000000, dropped",
    "block_ipv4, c0000209, passed",
    "allow_ipv4, 00000000, passed",
    "allow_ipv4, c0000209, dropped",
    "negative/live_block_ipv4_no_pull, 00000000, passed",
    "negative/live_allow_ipv4_no_pull, 00000000, dropped"
  })
  void aLargeFrameIsJudgedByItsHeaders(String object, String destination, String expected)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of("src", "test", "resources", "nonlinear.sh").toString(),
                OBJECTS.resolve(object + ".bpf.o").toString(),
                destination)
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output.strip()).isEqualTo(expected);
  }
}
