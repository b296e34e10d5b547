package io.plumbline.conformance.live;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.GateState.Answers;
import io.plumbline.loader.attach.GateState.Counts;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.process.User;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Direction;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One filter. It is on the interface only while it is run: when another one is to be run, that one
 * takes its place, as {@code plumb attach --replace} does it.
 *
 * <p>Out of the interface, {@code send} fails with ENOBUFS exactly when the filter drops (kernel
 * {@code net/packet/af_packet.c}, packet_snd). Into it, the filter's counters say what it did. The
 * counters of both kinds must come to the same as the single verdicts.
 */
final class LiveRunner implements Runner {
  private static final int TAG_BYTES = 4;
  private static final int LEAST_ETHERTYPE = 0x600;
  private static final long PATIENCE_NANOS = 2_000_000_000L;

  /** The gate's counters name the code of an answer only if it is one of these. */
  private static final String OTHER_ANSWER =
      "the filter returns a code that neither accepts, drops nor asks the next filter";

  private final LiveEngine engine;
  private final Subject subject;
  private final ObjectSource objects;
  private final Direction direction;
  private final Backend backend;

  /** Why the subject is not attached here; empty if it is. */
  private final Optional<String> notAttached;

  private @Nullable Attachment attachment;
  private long[] packets = new long[0];
  private long[] bytes = new long[0];

  LiveRunner(
      LiveEngine engine,
      Subject subject,
      ObjectSource objects,
      Direction direction,
      Backend backend) {
    this.engine = engine;
    this.subject = subject;
    this.objects = objects;
    this.direction = direction;
    this.backend = backend;
    notAttached = notAttached(subject, backend);
  }

  @Override
  public Optional<String> unsupported(Packet packet) {
    return refusal(PacketBatch.of(packet), 0);
  }

  private static Optional<String> notAttached(Subject subject, Backend backend) {
    if (!subject.hook().objects().equals(backend.hook().objects())) {
      return Optional.of("the live engine attaches filters of traffic control only");
    }
    Optional<String> missing = subject.asksForMissingHeader();
    return missing.isPresent()
        ? missing.map("not attached without an Ethernet header: "::concat)
        : Wire.missing(subject.hook());
  }

  private Optional<String> refusal(PacketBatch batch, int i) {
    if (notAttached.isPresent()) {
      return notAttached;
    }
    int length = batch.wireLength(i);
    int tag = batch.vlanWord(i) == 0 ? 0 : TAG_BYTES;
    int min = subject.hook().testRunLimits().min();
    if (length < min) {
      return Optional.of("a packet socket sends no frame of less than %d bytes".formatted(min));
    }
    if (length + tag > Wire.MAX_FRAME) {
      return Optional.of("a virtual interface takes no frame of more than 65535 bytes");
    }
    if (subject.hook().firstLayer() == 3) {
      if (tag != 0) {
        // tun_net_xmit would put it in where no Ethernet header is.
        return Optional.of("a tun interface takes no VLAN tag outside the packet");
      }
      if (batch.etherType(i) < LEAST_ETHERTYPE) {
        // Of protocol 0 the kernel finds out the type itself (packet_parse_headers).
        return Optional.of("a packet socket sends no protocol below 0x600");
      }
    }
    boolean tagInside =
        batch.etherType(i) == EtherType.VLAN || batch.etherType(i) == EtherType.QINQ;
    if (direction == Direction.INGRESS && tagInside && tag == 0) {
      return Optional.of("at ingress the kernel takes the outermost tag out of the frame");
    }
    return Optional.empty();
  }

  @Override
  public Outcome run(Packet packet) throws EngineException {
    PacketBatch one = PacketBatch.of(packet);
    Optional<String> refusal = refusal(one, 0);
    if (refusal.isPresent()) {
      return new Outcome.Unsupported(refusal.get());
    }
    Outcomes outcomes = new Outcomes(1);
    run(one, outcomes);
    return outcomes.isDecided(0)
        ? new Outcome.Decided(new Verdict(subject.hook(), outcomes.code(0)), packet)
        : new Outcome.Fault(outcomes.fault(0));
  }

  @Override
  public void run(PacketBatch batch, Outcomes outcomes) throws EngineException {
    if (notAttached.isPresent()) {
      outcomes.begin(batch.size());
      for (int i = 0; i < batch.size(); i++) {
        outcomes.unsupported(i);
      }
      return;
    }
    outcomes.begin(batch.size());
    engine.onThread(
        () -> {
          takePlace();
          send(batch, outcomes);
          return true;
        });
  }

  /** Attaches this filter, in the place of the one that is there. */
  private void takePlace() throws EngineException {
    LiveRunner other = engine.attached(subject.hook());
    if (other == this) {
      return;
    }
    Wire wire = engine.wire(subject.hook());
    Attacher.Request request =
        new Attacher.Request(
            new Attacher.What.OfSubject(subject, objects),
            wire.link(),
            direction,
            Optional.of(backend),
            new Order(Order.Place.LAST, 0),
            new Description(
                "plumb verify",
                subject.toString(),
                "",
                User.name(),
                ProcessHandle.current().pid(),
                Instant.now(),
                false,
                false,
                false,
                CounterLines.of(subject)));
    try {
      if (other == null || other.attachment == null) {
        attachment = wire.attacher().attach(request).attachment();
      } else {
        other.keepCounts();
        try (Attacher.Replaced replaced =
            wire.attacher().replace(other.attachment, request, false)) {
          attachment = replaced.attachment();
        }
        other.attachment = null;
      }
      engine.setAttached(subject.hook(), this);
    } catch (AttachException e) {
      throw new EngineException(String.valueOf(e.getMessage()), e.detail());
    }
  }

  private Counts counts() throws EngineException {
    try {
      Attachment now = attachment;
      if (now == null) {
        throw new EngineException("live: " + subject + " is not attached");
      }
      return GateState.counts(now)
          .orElseThrow(() -> new EngineException("live: the counters cannot be read"));
    } catch (AttachException e) {
      throw new EngineException(String.valueOf(e.getMessage()));
    }
  }

  private void send(PacketBatch batch, Outcomes outcomes) throws EngineException {
    Attachment now = attachment;
    if (now == null) {
      throw new EngineException("live: " + subject + " is not attached");
    }
    try (Answers answers =
        Answers.open(now)
            .orElseThrow(() -> new EngineException("live: the counters cannot be read"))) {
      send(batch, outcomes, answers);
    } catch (AttachException e) {
      throw new EngineException(String.valueOf(e.getMessage()));
    }
  }

  private void send(PacketBatch batch, Outcomes outcomes, Answers answers) throws EngineException {
    Wire wire = engine.wire(subject.hook());
    long passed = answers.passed().packets();
    long dropped = answers.dropped().packets();
    long other = answers.other().packets();
    for (int i = 0; i < batch.size(); i++) {
      if (refusal(batch, i).isPresent()) {
        outcomes.unsupported(i);
        continue;
      }
      int error =
          wire.send(
              batch.data(),
              batch.offset(i),
              batch.capturedLength(i),
              batch.wireLength(i),
              batch.vlanWord(i));
      if (error != 0 && error != Errno.ENOBUFS) {
        throw new EngineException(
            "live: send %s: %s".formatted(batch.packet(i), Errno.describe(error)));
      }
      if (direction == Direction.INGRESS) {
        awaitAnswer(answers, passed + dropped + other);
      }
      if (answers.other().packets() > other) {
        other++;
        outcomes.fault(i, OTHER_ANSWER);
      } else if (direction == Direction.EGRESS
          ? error == Errno.ENOBUFS
          : answers.dropped().packets() > dropped) {
        dropped++;
        outcomes.decide(i, subject.hook().drop());
      } else {
        passed++;
        outcomes.decide(i, subject.hook().accept());
      }
    }
    if (answers.passed().packets() != passed || answers.dropped().packets() != dropped) {
      throw new EngineException(
          "live: %s: the filter counts %d passed and %d dropped frames: expected %d and %d"
              .formatted(
                  subject,
                  answers.passed().packets(),
                  answers.dropped().packets(),
                  passed,
                  dropped));
    }
  }

  /** Waits until more frames have been judged than before. */
  private static void awaitAnswer(Answers answers, long before) throws EngineException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (answers.passed().packets() + answers.dropped().packets() + answers.other().packets()
        <= before) {
      if (System.nanoTime() > end) {
        throw new EngineException("live: a frame did not arrive within two seconds");
      }
    }
  }

  /** Adds what the attached filter has counted, before it goes. */
  private void keepCounts() throws EngineException {
    Counts now = counts();
    int lines = now.lines().size();
    if (packets.length == 0) {
      packets = new long[lines];
      bytes = new long[lines];
    }
    for (int line = 0; line < lines; line++) {
      packets[line] += now.lines().get(line).packets();
      bytes[line] += now.lines().get(line).bytes();
    }
  }

  @Override
  public Optional<Counters> counters() {
    if (!subject.countsClauses() || notAttached.isPresent()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          engine.onThread(
              () -> {
                if (attachment == null) {
                  return new Counters(packets, bytes);
                }
                Counts now = counts();
                int lines = now.lines().size();
                long[] allPackets = new long[lines];
                long[] allBytes = new long[lines];
                for (int line = 0; line < lines; line++) {
                  allPackets[line] =
                      now.lines().get(line).packets() + (packets.length == 0 ? 0 : packets[line]);
                  allBytes[line] =
                      now.lines().get(line).bytes() + (bytes.length == 0 ? 0 : bytes[line]);
                }
                return new Counters(allPackets, allBytes);
              }));
    } catch (EngineException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes the filter off; only on the thread that has the interface. */
  void detach() throws EngineException {
    Attachment now = attachment;
    if (now != null) {
      try {
        engine.wire(subject.hook()).attacher().detach(now);
      } catch (AttachException e) {
        throw new EngineException(String.valueOf(e.getMessage()));
      }
      attachment = null;
      engine.setDetached(subject.hook());
    }
  }

  @Override
  public void close() {
    try {
      engine.onThread(
          () -> {
            detach();
            return true;
          });
    } catch (EngineException e) {
      throw new IllegalStateException(e);
    }
  }
}
