package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.loader.kernel.FeatureProbe;
import java.util.Optional;

/** What tests ask before they use the kernel. */
final class KernelNeeded {
  private static boolean isolated;

  private KernelNeeded() {}

  /**
   * Skips a test, with the reason, where programs cannot be loaded; in CI that fails. The thread
   * that runs the tests gets private mounts, so that no test pins or locks anything of the machine.
   */
  static synchronized void orSkip() {
    Optional<String> reason = FeatureProbe.unavailable();
    if (System.getenv("CI") != null) {
      assertThat(reason).as("a missing kernel feature fails in CI").isEmpty();
    }
    assumeTrue(reason.isEmpty(), () -> "kernel engines: " + reason.orElse(""));
    if (!isolated) {
      OwnNetwork.privateMounts();
      isolated = true;
    }
  }
}
