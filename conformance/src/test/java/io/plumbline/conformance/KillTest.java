package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.cli.LoaderCommands;
import io.plumbline.loader.netlink.Link;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Commands killed at any moment: the filter in force is the one before or the one after, and
 * everything can be found and removed afterwards. {@code -Dkills=200} kills more often.
 */
@Tag("kernel")
class KillTest {
  private static final String MAIN = LoaderCommands.class.getName();
  private static final int KILLS = Integer.getInteger("kills", 30);
  private static final String OLD = "block_port 80";
  private static final String NEW = "chain allow_ethertype:0x0800,allow_port:22";
  private static final long LONGEST_MILLIS = 700;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static void complete(String... args) throws Exception {
    Program.Result result = Program.run(MAIN, "", java.util.Map.of(), args);
    assertThat(result.status()).as(result.toString()).isZero();
  }

  /** Returns whether it ended by itself before it was killed. */
  private static boolean killed(SplittableRandom random, String... args) throws Exception {
    Process process = Program.builder(MAIN, args).start();
    boolean ended = process.waitFor(random.nextLong(LONGEST_MILLIS), TimeUnit.MILLISECONDS);
    process.destroyForcibly().waitFor();
    return ended;
  }

  private static List<String> subjects(Attacher attacher, Link link) throws Exception {
    return attacher.attachments(link).stream()
        .map(a -> a.about().map(about -> about.subject()).orElse("?"))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void whatIsKilledLeavesTheOldFilterOrTheNewOne(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          final String qdiscs = sh("tc qdisc show dev v0");
          final List<String> pins = pins();
          SplittableRandom random = new SplittableRandom(backend.hashCode());
          String[] attach = {
            "attach", "-i", "v0", "--pin", "--backend", backend, "block_port", "80"
          };
          String[] replace = {
            "attach",
            "-i",
            "v0",
            "--pin",
            "--replace",
            "--chain",
            "allow_ethertype:ipv4,allow_port:22"
          };
          String[] detach = {"detach", "-i", "v0"};
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            for (int i = 0; i < KILLS; i++) {
              switch (i % 3) {
                case 0 -> {
                  killed(random, attach);
                  assertThat(subjects(attacher, link)).isIn(List.of(), List.of(OLD));
                }
                case 1 -> {
                  if (subjects(attacher, link).isEmpty()) {
                    complete(attach);
                  }
                  killedUnderTraffic(random, replace);
                  assertThat(subjects(attacher, link)).isIn(List.of(OLD), List.of(NEW));
                }
                default -> {
                  final List<String> there = subjects(attacher, link);
                  killed(random, detach);
                  assertThat(subjects(attacher, link)).isIn(List.of(), there);
                  complete("status", "-i", "v0");
                  complete(detach);
                  assertThat(attacher.attachments(link)).isEmpty();
                }
              }
            }
            for (Attachment attachment : attacher.attachments(link)) {
              attacher.detach(attachment);
            }
          }
          assertThat(sh("tc qdisc show dev v0")).isEqualTo(qdiscs);
          assertThat(pins).containsAll(pins());
          return true;
        });
  }

  /** Returns what is pinned, also by whoever else uses this system. */
  private static List<String> pins() throws Exception {
    return sh("ls /sys/fs/bpf/plumbline 2>/dev/null || true").lines().toList();
  }

  private static void killedUnderTraffic(SplittableRandom random, String... args) throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    long[] wrong = new long[2];
    FutureTask<Boolean> traffic =
        new FutureTask<>(
            () -> {
              try (OwnNetwork.Sender web =
                      new OwnNetwork.Sender("v0", "eth ipv4(10.0.0.1) tcp(1024,80)");
                  OwnNetwork.Sender ssh =
                      new OwnNetwork.Sender("v0", "eth ipv4(10.0.0.1) tcp(1024,22)")) {
                while (!done.get()) {
                  wrong[0] += web.passes() ? 1 : 0;
                  wrong[1] += ssh.passes() ? 0 : 1;
                }
                return true;
              }
            });
    new Thread(traffic, "traffic").start();
    killed(random, args);
    done.set(true);
    traffic.get();
    assertThat(wrong).as("passed to port 80, dropped to port 22").containsExactly(0, 0);
  }
}
