package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.conformance.OwnNetwork.Sender;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.DropEvents;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.policy.Direction;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code plumb events}: readers do not disturb each other, and lose nothing unnoticed. */
@Tag("kernel")
class EventsTest {
  private static final String MAIN = "io.plumbline.loader.start.Main";
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final String OPEN = "eth ipv4(10.0.0.1) tcp(1024,81)";
  private static final String UNLIMITED = "1000000";

  @TempDir private Path folder;

  private final List<Process> started = new ArrayList<>();

  @BeforeEach
  void needsTheKernel() {
    KernelNeeded.orSkip();
  }

  @AfterEach
  void endWhatStillRuns() {
    started.forEach(Process::destroyForcibly);
  }

  private Process start(ProcessBuilder builder) throws IOException {
    Process process = builder.start();
    started.add(process);
    return process;
  }

  /** A {@code plumb events} that runs. */
  private final class Reader {
    private final Path out;
    private final Path err;
    private final Process process;

    /** Starts it, and waits until it listens to a filter. */
    Reader(String... options) throws Exception {
      this(1, options);
    }

    Reader(int filters, String... options) throws Exception {
      out = Files.createTempFile(folder, "out", "");
      err = Files.createTempFile(folder, "err", "");
      List<String> arguments = new ArrayList<>(List.of("events"));
      arguments.addAll(List.of(options));
      process =
          start(
              Program.builder(MAIN, arguments.toArray(String[]::new))
                  .redirectOutput(out.toFile())
                  .redirectError(err.toFile()));
      awaitFilters(filters);
    }

    void awaitFilters(int filters) throws Exception {
      await(err, text -> text.split("listening on", -1).length > filters);
    }

    List<String> lines() throws IOException {
      return Files.readAllLines(out);
    }

    String messages() throws IOException {
      return Files.readString(err);
    }

    void signal(String name) throws Exception {
      sh("kill -%s %d".formatted(name, process.pid()));
    }

    /** Ends it as a service manager does. */
    void terminate() throws Exception {
      signal("TERM");
      status();
    }

    int status() throws Exception {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends").isTrue();
      return process.exitValue();
    }
  }

  private static void await(Path file, Predicate<String> condition) throws Exception {
    await(file.toString(), () -> condition.test(Files.readString(file)));
  }

  private static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertThat(System.nanoTime()).as(what).isLessThan(end);
      Thread.sleep(10);
    }
  }

  private static String ok(String... arguments) throws Exception {
    Program.Result result = Program.run(MAIN, "", java.util.Map.of(), arguments);
    assertThat(result.status()).as(result.err()).isZero();
    return result.out();
  }

  /** Sends a frame that the filter drops. */
  private static void drops(String ifname, int times) throws Exception {
    try (Sender sender = new Sender(ifname, WEB)) {
      for (int i = 0; i < times; i++) {
        assertThat(sender.passes()).isFalse();
      }
    }
  }

  private interface Body {
    void run() throws Exception;
  }

  /** Runs a test with a filter on v0 that drops port 80. */
  private static void filtered(Body test) throws Exception {
    OwnNetwork.in(
        () -> {
          ok("attach", "-i", "v0", "--pin", "block_port", "80");
          try {
            test.run();
          } finally {
            Program.run(MAIN, "", java.util.Map.of(), "detach", "-i", "v0");
          }
          return true;
        });
  }

  @Test
  void everyReaderShowsEveryDropOfABurstAlsoWhenItIsEndedAtOnce() throws Exception {
    int burst = 6000;
    filtered(
        () -> {
          Path file = folder.resolve("drops.json");
          Reader first = new Reader("-i", "v0", "--rate", UNLIMITED);
          Reader second =
              new Reader("--rate", UNLIMITED, "--format", "json", "--output", file.toString());
          Reader modest = new Reader("-i", "v0", "--rate", "10");
          drops("v0", burst);
          for (Reader reader : List.of(first, second, modest)) {
            reader.terminate();
            assertThat(reader.messages()).doesNotContain("the output takes nothing");
          }
          assertThat(first.lines()).hasSize(burst);
          assertThat(Files.readAllLines(file)).hasSize(burst);
          assertThat(first.messages()).doesNotContain("not shown");
          long shown = modest.lines().size();
          assertThat(shown).isBetween(10L, burst / 2L);
          assertThat(modest.messages())
              .contains(
                  "v0 egress tcx: %d drops shown, %d not shown".formatted(shown, burst - shown));
        });
  }

  @Test
  void aReaderThatIsKilledTakesNothingFromTheOthersAndLeavesNothingToTheNext() throws Exception {
    filtered(
        () -> {
          Reader killed = new Reader("-i", "v0");
          Reader other = new Reader("-i", "v0");
          drops("v0", 20);
          killed.signal("STOP");
          drops("v0", 20);
          killed.signal("KILL");
          drops("v0", 20);
          Reader next = new Reader("-i", "v0");
          drops("v0", 5);
          other.terminate();
          next.terminate();
          assertThat(other.lines()).hasSize(65);
          assertThat(next.lines()).hasSize(5);
        });
  }

  private static DropEvents open(long rate) throws Exception {
    try (Attacher attacher = new Attacher()) {
      for (Attachment attachment : attacher.attachments(attacher.link("v0"))) {
        if (attachment.ours()) {
          return DropEvents.open(attachment, rate).orElseThrow();
        }
      }
    }
    throw new AssertionError("nothing is attached");
  }

  private static long read(DropEvents events) {
    long read = 0;
    events.poll();
    while (events.next().isPresent()) {
      read++;
    }
    assertThat(events.isDrained()).isTrue();
    return read;
  }

  @Test
  void aSlowReaderCountsTheDropsItMissedAndSlowsNoOther() throws Exception {
    filtered(
        () -> {
          long rounds = 40;
          int each = 1000;
          try (DropEvents fast = open(1_000_000);
              DropEvents slow = open(1_000_000)) {
            long seen = 0;
            for (int i = 0; i < rounds; i++) {
              drops("v0", each);
              seen += read(fast);
            }
            assertThat(seen).isEqualTo(rounds * each);
            assertThat(fast.missed()).isZero();
            long kept = read(slow);
            assertThat(kept).isBetween(10_000L, rounds * each - 1L);
            assertThat(kept + slow.missed()).isEqualTo(rounds * each);
            drops("v0", 1);
            assertThat(read(slow)).isEqualTo(1);
          }
        });
  }

  @Test
  void aReaderThatDidNotRunForLongKnowsHowManyDropsItMissed() throws Exception {
    filtered(
        () -> {
          try (Attacher attacher = new Attacher();
              DropEvents events = open(1_000_000)) {
            Attachment attachment = attacher.attachments(attacher.link("v0")).get(0);
            drops("v0", 3);
            try (GateState.Control control = GateState.Control.open(attachment).orElseThrow()) {
              await("the gate reports no more", control::isDeaf);
            }
            drops("v0", 50);
            assertThat(read(events)).isEqualTo(3);
            assertThat(events.missed()).isEqualTo(50);
            drops("v0", 2);
            assertThat(read(events)).isEqualTo(2);
            assertThat(events.missed()).isEqualTo(50);
          }
        });
  }

  @Test
  void aReaderWithALowRateThatEndsDoesNotChangeAnothersRate() throws Exception {
    filtered(
        () -> {
          try (DropEvents many = open(1_000_000)) {
            try (DropEvents few = open(1)) {
              drops("v0", 200);
              long seen = read(few);
              assertThat(seen).isBetween(1L, 100L);
              assertThat(seen + few.missed()).isEqualTo(200);
            }
            drops("v0", 200);
            assertThat(read(many)).isEqualTo(400);
          }
        });
  }

  @Test
  void aFilterThatReplacesAnotherIsFollowedAndTheEndIsReported() throws Exception {
    filtered(
        () -> {
          Reader reader = new Reader("-i", "v0");
          drops("v0", 3);
          ok("attach", "-i", "v0", "--pin", "--replace", "block_port", "80");
          reader.awaitFilters(2);
          drops("v0", 4);
          ok("detach", "-i", "v0");
          assertThat(reader.status()).isEqualTo(1);
          assertThat(reader.lines()).hasSize(7);
          assertThat(reader.messages())
              .containsPattern("v0 egress tcx: program [0-9]+ is no longer attached")
              .endsWith("events: no filter of plumb's is attached there any more\n");
        });
  }

  @Test
  void anInterfaceThatDisappearsEndsItsReaderOnly() throws Exception {
    filtered(
        () -> {
          ok("attach", "-i", "lo", "--pin", "block_port", "80");
          Reader one = new Reader("-i", "v0");
          Reader all = new Reader(2);
          drops("v0", 3);
          sh("ip link del v0");
          assertThat(one.status()).isEqualTo(1);
          assertThat(one.lines()).hasSize(3);
          await(all.err, text -> text.contains("v0 egress tcx: program"));
          drops("lo", 2);
          all.terminate();
          assertThat(all.lines()).hasSize(5);
          ok("detach", "-i", "lo");
        });
  }

  @Test
  void observeModeHasItsOwnWordInEveryOutput() throws Exception {
    OwnNetwork.in(
        () -> {
          ok("attach", "-i", "v0", "--pin", "--observe", "block_port", "80");
          for (String format : List.of("text", "json", "csv")) {
            Reader reader = new Reader("-i", "v0", "--count", "1", "--format", format);
            assertThat(OwnNetwork.passes("v0", WEB)).isTrue();
            assertThat(reader.status()).isZero();
            assertThat(reader.messages()).contains("which observes and drops nothing");
            List<String> lines = reader.lines();
            assertThat(lines.get(lines.size() - 1))
                .containsPattern(
                    switch (format) {
                      case "json" -> "\"verdict\":\"would_drop\"";
                      case "csv" -> ",0,would_drop$";
                      default -> " v0 egress would_drop tcp ";
                    });
          }
          assertThat(ok("stats", "-i", "v0")).containsPattern("would_drop +3 ");
          assertThat(ok("stats", "-i", "v0", "--json"))
              .contains("\"observing\":true")
              .contains("\"dropped\":{\"packets\":0,\"bytes\":0}")
              .containsPattern("\"would_drop\":\\{\"packets\":3,");
          assertThat(ok("stats", "-i", "v0", "--prometheus"))
              .containsPattern("plumb_packets_total\\{.*observing=\"true\",answer=\"dropped\"} 0\n")
              .containsPattern(
                  "plumb_packets_total\\{.*observing=\"true\",answer=\"would_drop\"} 3\n");
          assertThat(ok("status", "-i", "v0")).contains("3 would_drop");
          ok("attach", "-i", "v0", "--pin", "--replace", "block_port", "80");
          Reader reader = new Reader("-i", "v0", "--count", "1", "--format", "json");
          drops("v0", 1);
          reader.status();
          assertThat(reader.lines().get(0)).contains("\"verdict\":\"drop\"");
          assertThat(ok("stats", "-i", "v0", "--prometheus"))
              .containsPattern("observing=\"false\",answer=\"dropped\"} 1\n")
              .containsPattern("observing=\"false\",answer=\"would_drop\"} 0\n");
          ok("detach", "-i", "v0");
          return true;
        });
  }

  @Test
  void filesAreForTheirOwnerAndAppendedAndCapturesAreNew() throws Exception {
    filtered(
        () -> {
          Path csv = folder.resolve("drops.csv");
          for (int i = 0; i < 2; i++) {
            Reader reader =
                new Reader("--format", "csv", "--count", "1", "--output", csv.toString());
            drops("v0", 1);
            assertThat(reader.status()).isZero();
          }
          assertThat(Files.readAllLines(csv)).hasSize(3);
          Path pcap = folder.resolve("drops.pcap");
          Reader reader =
              new Reader("--format", "pcap", "--count", "1", "--output", pcap.toString());
          drops("v0", 1);
          assertThat(reader.status()).isZero();
          for (Path file : List.of(csv, pcap)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
          }
          long size = Files.size(pcap);
          refused(pcap, "exists: expected a new file", "--format", "pcap");
          assertThat(Files.size(pcap)).isEqualTo(size);
          Path link = folder.resolve("link");
          Files.createSymbolicLink(link, folder.resolve("target"));
          refused(link, "is a symbolic link: expected a file");
          refused(link, "is a symbolic link: expected a file", "--format", "pcap");
          assertThat(folder.resolve("target")).doesNotExist();
          refused(folder, "cannot be written: Is a directory");
          refused(folder.resolve("no/file"), "cannot be written: no such directory");
        });
  }

  private static void refused(Path file, String why, String... options) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("events", "--output", file.toString()));
    arguments.addAll(List.of(options));
    Program.Result result =
        Program.run(MAIN, "", java.util.Map.of(), arguments.toArray(String[]::new));
    assertThat(result.err()).isEqualTo("plumb: --output: %s: %s\n".formatted(file, why));
    assertThat(result.status()).isEqualTo(2);
  }

  @Test
  void aFullDiskIsOneLine() throws Exception {
    filtered(
        () -> {
          Reader file = new Reader("-i", "v0", "--output", "/dev/full");
          drops("v0", 1);
          assertThat(file.status()).isEqualTo(2);
          assertThat(file.messages())
              .endsWith("plumb: --output: /dev/full: cannot be written: No space left on device\n");
          Process full =
              start(
                  Program.builder(MAIN, "events", "-i", "v0")
                      .redirectOutput(new File("/dev/full"))
                      .redirectError(folder.resolve("err").toFile()));
          await(folder.resolve("err"), text -> text.contains("listening"));
          drops("v0", 1);
          assertThat(full.waitFor()).isEqualTo(2);
          assertThat(Files.readString(folder.resolve("err")))
              .endsWith("plumb: standard output: cannot be written: No space left on device\n");
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "stats", "stats --json", "stats --prometheus"})
  void statisticsThatCannotBeWrittenAreNotASuccess(String command) throws Exception {
    Path err = folder.resolve("err");
    Process process =
        start(
            Program.builder(MAIN, command.split(" ", -1))
                .redirectOutput(new File("/dev/full"))
                .redirectError(err.toFile()));
    assertThat(process.waitFor()).isEqualTo(2);
    assertThat(Files.readString(err))
        .isEqualTo("plumb: standard output: cannot be written: No space left on device\n");
  }

  @Test
  void whoeverReadsAPipeMayEnd() throws Exception {
    filtered(
        () -> {
          Path err = folder.resolve("err");
          Process events =
              start(Program.builder(MAIN, "events", "-i", "v0").redirectError(err.toFile()));
          events.getInputStream().close();
          await(err, text -> text.contains("listening"));
          drops("v0", 1);
          assertThat(events.waitFor()).isZero();
        });
  }

  private Process toFifo(Path fifo, Path err) throws Exception {
    sh("mkfifo " + fifo);
    return start(
        Program.builder(
                MAIN, "events", "-i", "v0", "--rate", UNLIMITED, "--output", fifo.toString())
            .redirectError(err.toFile()));
  }

  @Test
  void sigtermEndsAReaderWhoseFifoIsNeverOpened() throws Exception {
    filtered(
        () -> {
          Path err = folder.resolve("err");
          Process events = toFifo(folder.resolve("fifo"), err);
          // The thread that is started before the output is opened.
          Path tasks = Path.of("/proc/%d/task".formatted(events.pid()));
          await("opens its output", () -> sh("cat " + tasks + "/*/comm; true").contains("limit\n"));
          sh("kill -TERM " + events.pid());
          assertThat(events.waitFor(30, TimeUnit.SECONDS)).isTrue();
        });
  }

  @Test
  void sigtermEndsAReaderWhoseFifoIsNotRead() throws Exception {
    filtered(
        () -> {
          Path err = folder.resolve("err");
          Path fifo = folder.resolve("fifo");
          Process events = toFifo(fifo, err);
          start(new ProcessBuilder("sh", "-c", "exec sleep 600 < " + fifo));
          await(err, text -> text.contains("listening"));
          // More than a pipe takes.
          drops("v0", 3000);
          sh("kill -TERM " + events.pid());
          assertThat(events.waitFor(30, TimeUnit.SECONDS)).isTrue();
          assertThat(events.exitValue()).isEqualTo(1);
          assertThat(Files.readString(err))
              .endsWith("events: the output takes nothing: what was not written is lost\n");
        });
  }

  @Test
  void aPacketWithoutAnEthernetHeaderIsNamedToo() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            sh("ip link set t0 up && ip addr add 10.9.0.1/24 dev t0");
            ok("attach", "-i", tun.name(), "--pin", "--allow", "udp/10.9.0.2:53");
            Reader reader = new Reader("-i", tun.name(), "--count", "1");
            try (java.net.DatagramSocket socket = new java.net.DatagramSocket()) {
              java.net.InetAddress to = java.net.InetAddress.getByName("10.9.0.3");
              socket.send(new java.net.DatagramPacket(new byte[8], 8, to, 53));
            } catch (IOException e) {
              // Dropped.
            }
            assertThat(reader.status()).isZero();
            // 20 bytes of IPv4, 8 of UDP, 8 of payload.
            assertThat(reader.lines())
                .singleElement()
                .asString()
                .containsPattern("t0 egress drop udp 10.9.0.1:[0-9]+ -> 10.9.0.3:53 36 bytes ")
                .contains("intent.no_permit");
          }
          return true;
        });
  }

  @Test
  void aFilterOfAnOlderVersionHasToBeAttachedAgain() throws Exception {
    int map = BpfSyscall.mapCreate("plumb_events", BpfSyscall.MAP_TYPE_RINGBUF, 0, 0, 1 << 16, 0);
    try {
      int id = Bpf.mapInfo(map).orElseThrow().id();
      Bpf.ProgramInfo program =
          new Bpf.ProgramInfo(1, BpfSyscall.PROG_TYPE_SCHED_CLS, "old", "", 0, 0, 0, List.of(id));
      Attachment old =
          new Attachment(
              1,
              "v0",
              Direction.EGRESS,
              Backend.TCX,
              Backend.TCX.hook(),
              1,
              "old",
              1,
              1,
              Optional.empty(),
              Optional.of(program),
              Optional.empty());
      assertThatThrownBy(() -> DropEvents.open(old, 1))
          .hasMessage(
              "v0 egress tcx: events: attached by an older version: attach it again with"
                  + " --replace");
    } finally {
      LibC.close(map);
    }
  }

  @Test
  void namespacesAreReadWhereTheyAre() throws Exception {
    filtered(
        () -> {
          String netns = "/proc/%d/task/%d/ns/net".formatted(ProcessHandle.current().pid(), tid());
          Reader reader = new Reader("--netns", netns, "--count", "2");
          drops("v0", 2);
          assertThat(OwnNetwork.passes("v0", OPEN)).isTrue();
          assertThat(reader.status()).isZero();
          assertThat(reader.lines()).hasSize(2);
        });
  }

  private static long tid() throws IOException {
    return Long.parseLong(Path.of("/proc/thread-self").toRealPath().getFileName().toString());
  }
}
