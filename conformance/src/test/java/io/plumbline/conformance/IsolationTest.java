package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests do not meet each other, nor what else is pinned on the machine. */
@Tag("kernel")
class IsolationTest {
  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static String pinsAndLocks() throws Exception {
    return sh("ls /sys/fs/bpf/plumbline /run/plumbline 2>/dev/null | grep link || true");
  }

  @Test
  void twoTestsAtOnceSeeTheirOwnPinsOnlyWhileAThirdPinsToo() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach -i v0 --pin block_port 80").status()).isZero();
          String before = pinsAndLocks();
          assertThat(before.lines()).hasSize(1);
          CyclicBarrier bothAttached = new CyclicBarrier(2);
          List<FutureTask<Boolean>> tests = new ArrayList<>();
          for (int i = 0; i < 2; i++) {
            tests.add(
                new FutureTask<>(
                    () ->
                        OwnNetwork.in(
                            () -> {
                              assertThat(pinsAndLocks()).isEmpty();
                              assertThat(plumb("attach -i v0 --pin block_port 81").status())
                                  .isZero();
                              bothAttached.await();
                              assertThat(pinsAndLocks().lines()).hasSize(1);
                              assertThat(plumb("detach --all-interfaces").out())
                                  .contains("v0 egress tcx: detached block_port 81");
                              assertThat(pinsAndLocks()).isEmpty();
                              return true;
                            })));
            new Thread(tests.get(i), "test " + i).start();
          }
          for (FutureTask<Boolean> test : tests) {
            assertThat(test.get()).isTrue();
          }
          assertThat(pinsAndLocks()).isEqualTo(before);
          return true;
        });
  }
}
