package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The kernel's verifier takes every object for each hook and first layer. */
@Tag("kernel")
class HookObjectsTest {
  private static final Path BPF = Path.of("..", "bpf");

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  @Test
  void everyObjectIsVerifiedForEachHook() throws Exception {
    Process load =
        new ProcessBuilder(BPF.resolve("build.sh").toString(), "load")
            .redirectErrorStream(true)
            .start();
    Program.Result result = Program.finish(load, "");
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out())
        .contains("gate.xdp.bpf.o", "intent.xdp.bpf.o", "lwt_in first layer 3")
        .containsPattern("bpf: load: [0-9]+ loads: verified\n");
  }
}
