package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.DropEvents;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.netlink.Link;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.ruleset.Effect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Filters on an interface: beside others, replaced, counted, removed. */
@Tag("kernel")
class AttachTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final String SSH = "eth ipv4(10.0.0.1) tcp(1024,22)";
  private static final Path PINS = Path.of("/sys/fs/bpf/plumbline");
  private static final int REPLACEMENTS = Integer.getInteger("replacements", 1000);

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static Subject block(int port) throws Exception {
    return SubjectOptions.standalone("block_port", Integer.toString(port));
  }

  private static Attacher.Request request(
      Subject subject, Link link, Direction direction, Backend backend) {
    return request(subject, link, direction, backend, false);
  }

  private static Attacher.Request request(
      Subject subject, Link link, Direction direction, Backend backend, boolean observing) {
    return new Attacher.Request(
        new Attacher.What.OfSubject(subject, ObjectSource.builtIn()),
        link,
        direction,
        Optional.of(backend),
        Order.FIRST,
        new Description(
            "plumb",
            subject.toString(),
            "",
            "test",
            ProcessHandle.current().pid(),
            Instant.now(),
            true,
            observing,
            false,
            CounterLines.of(subject)));
  }

  private static String state() throws Exception {
    return sh(
        "tc qdisc show dev v0; tc filter show dev v0 ingress; tc filter show dev v0 egress;"
            + " ls "
            + PINS
            + " 2>/dev/null || true");
  }

  @ParameterizedTest
  @EnumSource(names = {"TCX", "CLSACT"})
  void twoFiltersBothHaveTheirSayAndLeaveNothingBehind(Backend backend) throws Exception {
    OwnNetwork.in(
        () -> {
          final String before = state();
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            attacher.attach(request(block(80), link, Direction.EGRESS, backend));
            attacher.attach(
                request(SubjectOptions.standalone("nop", null), link, Direction.EGRESS, backend));
            attacher.attach(request(block(22), link, Direction.INGRESS, backend));
            assertThat(passes("v0", WEB)).isFalse();
            assertThat(passes("v0", SSH)).isTrue();
            List<Attachment> found = attacher.attachments(link);
            assertThat(found).hasSize(3).allMatch(Attachment::ours);
            assertThat(found.stream().map(a -> a.about().orElseThrow().subject()))
                .containsExactlyInAnyOrder("block_port 80", "nop", "block_port 22");
            for (Attachment attachment : found) {
              attacher.detach(attachment);
            }
            assertThat(state()).isEqualTo(before);
            assertThat(passes("v0", WEB)).isTrue();
            assertThatThrownBy(() -> attacher.detach(found.get(0)))
                .isInstanceOf(AttachException.class)
                .hasMessageContaining("is not there any more");
          }
          return true;
        });
  }

  @Test
  void filtersAndQdiscsOfOthersStay() throws Exception {
    OwnNetwork.in(
        () -> {
          sh(
              "tc qdisc add dev v0 clsact && tc filter add dev v0 egress bpf direct-action obj "
                  + Path.of("../bpf/target/objects/nop.bpf.o").toAbsolutePath()
                  + " sec tc");
          String before = sh("tc filter show dev v0 egress");
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            Attachment ours =
                attacher
                    .attach(request(block(80), link, Direction.EGRESS, Backend.CLSACT))
                    .attachment();
            // The other one runs behind it, and accepting ends there; this one drops before it.
            assertThat(passes("v0", WEB)).isFalse();
            assertThat(attacher.attachments(link)).hasSize(2);
            assertThat(attacher.attachments(link).stream().filter(Attachment::ours)).hasSize(1);
            assertThat(attacher.detach(ours)).isFalse();
          }
          assertThat(sh("tc filter show dev v0 egress")).isEqualTo(before);
          assertThat(sh("tc qdisc show dev v0")).contains("clsact");
          return true;
        });
  }

  @Test
  void aProgramOfAnotherIsTakenOffOnlyByItsNumber() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Attacher attacher = new Attacher();
              LoadedObject nop =
                  LoadedObject.load(
                      "nop", ObjectSource.builtIn().object("nop"), java.util.Map.of(), -1)) {
            Link link = attacher.link("v0");
            assertThat(Bpf.attach(nop.programFd(), link.index(), Bpf.ATTACH_TCX_EGRESS)).isZero();
            List<Attachment> found = attacher.attachments(link);
            assertThat(found).hasSize(1).noneMatch(Attachment::ours);
            assertThat(found.get(0).name()).isEqualTo("nop");
            assertThatThrownBy(
                    () ->
                        attacher.replace(
                            found.get(0),
                            request(block(80), link, Direction.EGRESS, Backend.TCX),
                            false))
                .hasMessage("v0 egress tcx: not attached by plumb");
            attacher.detach(found.get(0));
            assertThat(attacher.attachments(link)).isEmpty();
          }
          return true;
        });
  }

  @Test
  void interfacesOfOneNameInTwoNamespacesDoNotDisturbEachOther() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Attacher outer = new Attacher()) {
            Link link = outer.link("v0");
            Subject chain = SubjectOptions.chain("allow_ethertype:ipv4,allow_port:22");
            outer.attach(request(chain, link, Direction.EGRESS, Backend.TCX));
            OwnNetwork.in(
                () -> {
                  try (Attacher inner = new Attacher()) {
                    Link same = inner.link("v0");
                    Attachment attachment =
                        inner
                            .attach(request(chain, same, Direction.EGRESS, Backend.TCX))
                            .attachment();
                    inner.detach(attachment);
                  }
                  return true;
                });
            assertThat(passes("v0", WEB)).isFalse();
            assertThat(passes("v0", SSH)).isTrue();
            for (Attachment attachment : outer.attachments(link)) {
              outer.detach(attachment);
            }
          }
          return true;
        });
  }

  @Test
  void observingCountsAndDropsNothingAndReportsWhatItWouldDrop() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            StrictIntent intent = new StrictIntent();
            intent.add(Effect.ACCEPT, "tcp/10.0.0.1:80");
            intent.add(Effect.DROP, "tcp/10.0.0.1:22");
            Subject subject = new Subject.Intent(intent.build());
            Attachment attachment =
                attacher
                    .attach(request(subject, link, Direction.EGRESS, Backend.TCX, true))
                    .attachment();
            GateState.Counts before = GateState.counts(attachment).orElseThrow();
            assertThat(passes("v0", SSH)).isTrue();
            try (DropEvents events = DropEvents.open(attachment, 2).orElseThrow()) {
              for (int i = 0; i < 5; i++) {
                assertThat(passes("v0", SSH)).isTrue();
              }
              assertThat(passes("v0", WEB)).isTrue();
              events.poll();
              // Nobody listened at first; then two were reported, or three across a second's end.
              int seen = 0;
              Optional<DropEvents.Event> event = events.next();
              while (event.isPresent()) {
                seen++;
                assertThat(event.get().packet().wireLength())
                    .isEqualTo(io.plumbline.pcaps.PacketText.parse(SSH).wireLength());
                event = events.next();
              }
              assertThat(seen).isBetween(2, 4);
              assertThat(seen + events.missed()).isEqualTo(5);
            }
            GateState.Counts after = GateState.counts(attachment).orElseThrow();
            assertThat(after.dropped().packets() - before.dropped().packets())
                .isGreaterThanOrEqualTo(6);
            List<String> lines = attachment.about().orElseThrow().lines();
            int forbid = lines.indexOf("forbid_1\tforbid tcp/10.0.0.1:22\ttcp/10.0.0.1:22");
            int permit = lines.indexOf("permit_1\tpermit tcp/10.0.0.1:80\ttcp/10.0.0.1:80");
            assertThat(after.lines().get(forbid).packets()).isEqualTo(6);
            assertThat(after.lines().get(permit).packets()).isEqualTo(1);
            attacher.detach(attachment);
          }
          return true;
        });
  }

  /**
   * Both filters drop one packet and pass another, in different ways: whatever is in force, neither
   * may come out otherwise. Each of them alone drops a third one that the other passes, so that the
   * replacements are seen to happen.
   */
  @ParameterizedTest
  @EnumSource(names = {"TCX", "CLSACT"})
  void noPacketIsJudgedByNeitherFilterWhileOneReplacesTheOther(Backend backend) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            Subject one = SubjectOptions.chain("allow_ethertype:ipv4,allow_port:22");
            Subject two = SubjectOptions.standalone("block_port", "80");
            Attachment now =
                attacher.attach(request(one, link, Direction.EGRESS, backend)).attachment();
            AtomicBoolean done = new AtomicBoolean();
            long[] seen = new long[4];
            FutureTask<Boolean> traffic = new FutureTask<>(() -> watch(done, seen));
            Thread thread = new Thread(traffic, "traffic");
            // A thread inherits the network namespace of the one that starts it.
            thread.start();
            for (int i = 0; i < REPLACEMENTS && !traffic.isDone(); i++) {
              try (Attacher.Replaced replaced =
                  attacher.replace(
                      now,
                      request(i % 2 == 0 ? two : one, link, Direction.EGRESS, backend),
                      false)) {
                now = replaced.attachment();
              }
            }
            done.set(true);
            traffic.get();
            attacher.detach(now);
            assertThat(seen[0]).as("packets of port 80 passed").isZero();
            assertThat(seen[1]).as("packets of port 22 dropped").isZero();
            assertThat(seen[2]).as("packets of port 443 passed").isPositive();
            assertThat(seen[3]).as("packets of port 443 dropped").isPositive();
          }
          return true;
        });
  }

  private static boolean watch(AtomicBoolean done, long[] seen) throws Exception {
    try (OwnNetwork.Sender web = new OwnNetwork.Sender("v0", WEB);
        OwnNetwork.Sender ssh = new OwnNetwork.Sender("v0", SSH);
        OwnNetwork.Sender tls = new OwnNetwork.Sender("v0", "eth ipv4(10.0.0.1) tcp(1024,443)")) {
      while (!done.get()) {
        seen[0] += web.passes() ? 1 : 0;
        seen[1] += ssh.passes() ? 0 : 1;
        seen[tls.passes() ? 2 : 3]++;
      }
      return true;
    }
  }

  @Test
  void fiveHundredTimesLeaveNoDescriptorsAndNoPins() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Attacher attacher = new Attacher()) {
            Link link = attacher.link("v0");
            attachAndDetach(attacher, link, 20);
            final String before = state();
            int descriptors = descriptors();
            attachAndDetach(attacher, link, Integer.getInteger("attachments", 500));
            // Other tests of this process may have left some to be closed meanwhile, or open some.
            assertThat(descriptors()).isLessThan(descriptors + 10);
            assertThat(state()).isEqualTo(before);
          }
          return true;
        });
  }

  private static void attachAndDetach(Attacher attacher, Link link, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      Backend backend = i % 2 == 0 ? Backend.TCX : Backend.CLSACT;
      attacher.detach(
          attacher.attach(request(block(80), link, Direction.EGRESS, backend)).attachment());
    }
  }

  private static int descriptors() throws Exception {
    try (java.util.stream.Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
      return (int) fds.count();
    }
  }

  @Test
  void refusalsLeaveTheInterfaceAlone() throws Exception {
    OwnNetwork.in(
        () -> {
          final String before = state();
          try (Attacher attacher = new Attacher()) {
            assertThatThrownBy(() -> attacher.link("nowhere"))
                .hasMessage("interface 'nowhere': expected the name or number of one that exists");
            Link link = attacher.link("v0");
            ObjectSource broken = program -> new byte[] {1, 2, 3};
            Attacher.Request request =
                new Attacher.Request(
                    new Attacher.What.OfSubject(block(80), broken),
                    link,
                    Direction.EGRESS,
                    Optional.empty(),
                    Order.FIRST,
                    request(block(80), link, Direction.EGRESS, Backend.TCX).about());
            assertThatThrownBy(() -> attacher.attach(request))
                .hasMessage("kernel: open block_port: libbpf refuses the object");
            assertThatThrownBy(
                    () -> attacher.attach(request(block(80), link, Direction.EGRESS, Backend.XDP)))
                .hasMessage("backend xdp: there is no egress: expected --at ingress");
          }
          assertThat(state()).isEqualTo(before);
          return true;
        });
  }
}
