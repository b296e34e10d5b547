package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.kernel.TableProgram;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * One reader of the drops that an attached filter reports. Any number of readers may read at once;
 * each gets every drop from when it began, at its own rate at most, and knows how many it missed,
 * also if it did not run for so long that the gate stopped reporting.
 *
 * <p>Readers that begin at the same moment may each install a ring buffer. The last one stays, and
 * the others follow it.
 */
public final class DropEvents implements AutoCloseable {
  private static final int RING_BYTES = 4 << 20;
  private static final int LIMITER_BYTES = 24;
  private static final int SUPPRESSED = 16;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /** A listener that does not ask again is deaf after this time. */
  private static final long ASK_MILLIS = 3000;

  /** One moment on both clocks; the kernel's is the one of {@link System#nanoTime}. */
  private final Instant start = Instant.now();

  private final long startNanos = System.nanoTime();

  private final long rate;
  private final GateState.Control control;
  private final GateState.Answers answers;
  private final int events;
  private final int limiter;
  private final int cpus;
  private final Memory key = new Memory(4);
  private final Memory limiters;
  private final Deque<EventRing> rings = new ArrayDeque<>();
  private final Map<Integer, Second> seconds = new HashMap<>();
  private final long droppedBefore;
  private final long suppressedBefore;
  private long suppressed;
  private long unreported;
  private final Hook hook;
  private long overRate;
  private long closedLost;
  private long closedRecords;
  private long end;

  /** What this reader took from one CPU in one second. */
  private record Second(long second, long events) {}

  /**
   * One drop.
   *
   * @param length of the packet as the filter saw it, in bytes
   * @param packet its beginning; with an Ethernet header also where the interface has none
   */
  public record Event(Instant time, int length, Packet packet) {}

  private DropEvents(
      Hook hook,
      long rate,
      GateState.Control control,
      GateState.Answers answers,
      int events,
      int limiter,
      EventRing ring)
      throws EngineException {
    this.hook = hook;
    this.rate = rate;
    this.control = control;
    this.answers = answers;
    this.events = events;
    this.limiter = limiter;
    cpus = TableProgram.possibleCpus();
    key.setInt(0, 0);
    limiters = new Memory((long) LIMITER_BYTES * cpus);
    rings.add(ring);
    suppressedBefore = readSuppressed();
    suppressed = suppressedBefore;
    droppedBefore = answers.dropped().packets();
    control.listen(ASK_MILLIS, rate);
  }

  /**
   * Begins to read the drops of an attachment; empty if it has no gate, or this process may not
   * ask.
   *
   * @param rate how many drops this reader wants of each CPU in a second at most
   * @throws AttachException if an older version attached it, whose events go to one reader only
   */
  public static Optional<DropEvents> open(Attachment attachment, long rate) throws AttachException {
    int events = map(attachment, Gate.EVENTS_MAP);
    int limiter = map(attachment, Gate.LIMITER_MAP);
    Optional<GateState.Control> control = Optional.empty();
    Optional<GateState.Answers> answers = Optional.empty();
    Optional<DropEvents> reader = Optional.empty();
    try {
      if (events < 0) {
        return reader;
      }
      int type = Bpf.mapInfo(events).map(Bpf.MapInfo::type).orElse(0);
      if (type != BpfSyscall.MAP_TYPE_ARRAY_OF_MAPS) {
        throw new AttachException(
            AttachException.Kind.KERNEL,
            attachment.place()
                + ": events: attached by an older version: attach it again with --replace");
      }
      control = GateState.Control.open(attachment);
      answers = GateState.Answers.open(attachment);
      if (EventRing.installed(events) == 0) {
        EventRing.install(events, RING_BYTES);
      }
      EventRing ring = EventRing.open(EventRing.installed(events));
      reader =
          Optional.of(
              new DropEvents(
                  attachment.hook(),
                  rate,
                  control.orElseThrow(),
                  answers.orElseThrow(),
                  events,
                  limiter,
                  ring));
      return reader;
    } catch (EngineException e) {
      throw AttachException.of(e).in(attachment.place() + ": events");
    } finally {
      if (reader.isEmpty()) {
        control.ifPresent(GateState.Control::close);
        answers.ifPresent(GateState.Answers::close);
        close(limiter);
        close(events);
      }
    }
  }

  private static int map(Attachment attachment, String name) {
    return attachment.program().map(program -> Gate.openMap(program, name)).orElse(-1);
  }

  private static void close(int fd) {
    if (fd >= 0) {
      LibC.close(fd);
    }
  }

  /**
   * Asks for further drops, gives space back to the kernel, and has {@link #next} return what has
   * been reported up to now.
   */
  public void poll() {
    count();
    control.listen(ASK_MILLIS, rate);
    rings.forEach(EventRing::release);
    end = rings.getLast().written();
  }

  /** Follows another reader's ring buffer if that is what the filter writes to now. */
  public void follow() throws AttachException {
    while (rings.size() > 1) {
      EventRing old = rings.remove();
      closedLost += old.lost();
      closedRecords += old.records();
      old.close();
    }
    int id = EventRing.installed(events);
    if (id != 0 && id != rings.getLast().id()) {
      try {
        rings.add(EventRing.open(id).fromStart());
      } catch (EngineException e) {
        throw AttachException.of(e).in("events");
      }
    }
  }

  /** Returns the next drop; empty if all up to the last {@link #poll} were returned. */
  public Optional<Event> next() {
    for (EventRing ring : rings) {
      long until = ring == rings.getLast() ? end : ring.written();
      for (Optional<byte[]> record = ring.next(until);
          record.isPresent();
          record = ring.next(until)) {
        if (mayTake(record.get())) {
          return record.map(this::event);
        }
        overRate++;
      }
    }
    return Optional.empty();
  }

  /** Returns whether {@link #next} has come to what was reported at the last {@link #poll}. */
  public boolean isDrained() {
    return rings.getLast().isAt(end);
  }

  /** Returns whether the reader's own rate allows a drop: other readers may want more. */
  private boolean mayTake(byte[] record) {
    long second = Long.divideUnsigned(GateTestRun.nanos(record), NANOS_PER_SECOND);
    Second before = seconds.get(GateTestRun.cpu(record));
    long taken = before != null && before.second == second ? before.events : 0;
    if (taken >= rate) {
      return false;
    }
    seconds.put(GateTestRun.cpu(record), new Second(second, taken + 1));
    return true;
  }

  /**
   * Returns how many drops since the reader began were not returned: over its rate, or overwritten
   * because it was too slow.
   */
  public long missed() {
    return suppressed
        - suppressedBefore
        + unreported
        + overRate
        + closedLost
        + rings.stream().mapToLong(EventRing::lost).sum();
  }

  /** Reads what was not reported up to now. */
  private void count() {
    boolean deaf = control.isDeaf();
    suppressed = readSuppressed();
    if (deaf) {
      long known =
          suppressed
              - suppressedBefore
              + closedRecords
              + rings.stream().mapToLong(EventRing::records).sum();
      long dropped = answers.dropped().packets() - droppedBefore;
      unreported = Math.max(unreported, dropped - known);
    }
  }

  private long readSuppressed() {
    limiters.clear();
    BpfSyscall.mapLookup(limiter, key, limiters);
    long all = 0;
    for (int cpu = 0; cpu < cpus; cpu++) {
      all += limiters.getLong((long) LIMITER_BYTES * cpu + SUPPRESSED);
    }
    return all;
  }

  private Event event(byte[] record) {
    GateModel.Event event = GateTestRun.event(record);
    byte[] bytes = HexFormat.of().parseHex(event.captured());
    Packet packet = Packet.cut(bytes, event.length()).behind(header(bytes), hook.hidden());
    return new Event(
        start.plusNanos(event.nanos() - startNanos),
        event.length(),
        event.vlanProto() == 0
            ? packet
            : packet.withOutsideTag(new VlanTag(event.vlanProto(), event.vlanTci())));
  }

  /** Returns an Ethernet header for a packet that has none: its IP version says the type. */
  private static Packet header(byte[] packet) {
    byte[] header = new byte[14];
    int version = packet.length == 0 ? 0 : packet[0] >> 4 & 0xF;
    int type = version == 4 ? EtherType.IPV4 : version == 6 ? EtherType.IPV6 : 0;
    header[12] = (byte) (type >> 8);
    header[13] = (byte) type;
    return Packet.of(header);
  }

  @Override
  public void close() {
    rings.forEach(EventRing::release);
    rings.forEach(EventRing::close);
    control.close();
    answers.close();
    close(limiter);
    close(events);
    key.close();
    limiters.close();
  }
}
