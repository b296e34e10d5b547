package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.cli.LoaderCommands;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands that replace a filter at the same time leave one. */
@Tag("kernel")
class ConcurrentAttachTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final int AT_ONCE = 8;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static void oneFilterThatDrops() throws Exception {
    try (Attacher attacher = new Attacher()) {
      List<Attachment> found = attacher.readable(attacher.link("v0"));
      assertThat(found).hasSize(1).allMatch(Attachment::ours);
    }
    assertThat(passes("v0", WEB)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void threadsThatAttachForTheFirstTimeLeaveOneFilter(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          for (int round = 0; round < 5; round++) {
            CountDownLatch start = new CountDownLatch(1);
            List<FutureTask<Program.Result>> tasks = new ArrayList<>();
            for (int i = 0; i < AT_ONCE; i++) {
              tasks.add(
                  new FutureTask<>(
                      () -> {
                        start.await();
                        return plumb(
                            "attach -i v0 --pin --replace block_port 80 --backend " + backend);
                      }));
              // A new thread is in the namespaces of the one that starts it.
              new Thread(tasks.get(i), "attach " + i).start();
            }
            start.countDown();
            for (FutureTask<Program.Result> task : tasks) {
              assertThat(task.get().status()).as(task.get().toString()).isZero();
            }
            oneFilterThatDrops();
            assertThat(plumb("detach -i v0").status()).isZero();
          }
          return true;
        });
  }

  @Test
  void processesThatAttachForTheFirstTimeLeaveOneFilter() throws Exception {
    OwnNetwork.in(
        () -> {
          List<Process> processes = new ArrayList<>();
          for (int i = 0; i < AT_ONCE; i++) {
            processes.add(
                Program.builder(
                        LoaderCommands.class.getName(),
                        "attach",
                        "-i",
                        "v0",
                        "--pin",
                        "--replace",
                        "block_port",
                        "80")
                    .start());
          }
          for (Process process : processes) {
            Program.Result result = Program.finish(process, "");
            assertThat(result.status()).as(result.toString()).isZero();
          }
          oneFilterThatDrops();
          return true;
        });
  }

  @Test
  void aSecondFilterBesideTheFirstIsPointedOut() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach -i v0 --pin block_port 80").err()).isEmpty();
          assertThat(plumb("attach -i v0 --pin block_port 81").err())
              .matches(
                  "plumb: note: v0 egress tcx: block_port 80 \\(program [0-9]+\\) is attached as well,"
                      + " and both decide: --replace would have replaced it\\R");
          assertThat(plumb("attach -i v0 --at ingress --pin block_port 80").err()).isEmpty();
          return true;
        });
  }
}
