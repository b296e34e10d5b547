package io.plumbline.loader.attach;

import com.sun.jna.Pointer;
import io.plumbline.loader.kernel.SharedArray;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The drops that a gate reports, read from its ring buffer (kernel {@code
 * Documentation/bpf/ringbuf.rst}): a page with how far the reader is, a page with how far the
 * writers are, then the data, twice, so that no record has a gap.
 *
 * <pre>
 * record: 0 length u32 | BUSY | DISCARD   4 page offset   8 data, padded to 8
 * data:   gate.bpf.c, struct event
 * </pre>
 */
public final class DropEvents implements AutoCloseable {
  private static final int PAGE = 4096;
  private static final int BUSY = 1 << 31;
  private static final int DISCARD = 1 << 30;
  private static final int RECORD_HEADER = 8;
  private static final int PROT_READ = 1;

  /** One moment on both clocks; the kernel's is the one of {@link System#nanoTime}. */
  private final Instant start = Instant.now();

  private final long startNanos = System.nanoTime();

  private final Pointer reader;
  private final Pointer writer;
  private final long size;

  /**
   * One drop.
   *
   * @param suppressed how many more there were before it that were not reported
   * @param packet its beginning, and how long it was
   */
  public record Event(Instant time, long suppressed, Packet packet) {}

  private DropEvents(Pointer reader, Pointer writer, long size) {
    this.reader = reader;
    this.writer = writer;
    this.size = size;
  }

  /**
   * Opens the buffer of an attachment; empty if it has none, or this process may not ask. Two
   * readers of one attachment would each get a part.
   */
  public static Optional<DropEvents> open(Attachment attachment) throws AttachException {
    int map = attachment.program().map(p -> Gate.openMap(p, Gate.EVENTS_MAP)).orElse(-1);
    if (map < 0) {
      return Optional.empty();
    }
    try {
      return Optional.of(of(map));
    } catch (EngineException e) {
      throw AttachException.of(e);
    } finally {
      LibC.close(map);
    }
  }

  /** Opens a ring buffer; its fd stays the caller's. */
  static DropEvents of(int map) throws EngineException {
    long size = Bpf.mapInfo(map).map(Bpf.MapInfo::entries).orElse(0);
    Pointer reader = SharedArray.map(map, PAGE);
    Pointer writer = LibC.mmap(null, PAGE + 2 * size, PROT_READ, 1, map, PAGE);
    if (Pointer.nativeValue(writer) == -1) {
      SharedArray.unmap(reader, PAGE);
      throw new EngineException("kernel: map a ring buffer: mmap refuses");
    }
    return new DropEvents(reader, writer, size);
  }

  /** Returns the next drop, if there is one. */
  public Optional<Event> next() {
    return record().map(this::event);
  }

  /** Returns the bytes of the next record, if there is one. */
  Optional<byte[]> record() {
    while (true) {
      long at = reader.getLong(0);
      if (at >= writer.getLong(0)) {
        return Optional.empty();
      }
      long record = PAGE + at % size;
      int header = writer.getInt(record);
      if ((header & BUSY) != 0) {
        return Optional.empty();
      }
      int length = header & ~(BUSY | DISCARD);
      Optional<byte[]> bytes =
          (header & DISCARD) != 0
              ? Optional.empty()
              : Optional.of(writer.getByteArray(record + RECORD_HEADER, length));
      reader.setLong(0, at + (RECORD_HEADER + length + 7L) / 8 * 8);
      if (bytes.isPresent()) {
        return bytes;
      }
    }
  }

  private Event event(byte[] record) {
    GateModel.Event event = GateTestRun.event(record);
    byte[] bytes = HexFormat.of().parseHex(event.captured());
    Packet packet =
        bytes.length < event.length() ? Packet.cut(bytes, event.length()) : Packet.of(bytes);
    return new Event(
        start.plusNanos(event.nanos() - startNanos),
        event.suppressed(),
        event.vlanProto() == 0
            ? packet
            : packet.withOutsideTag(new VlanTag(event.vlanProto(), event.vlanTci())));
  }

  @Override
  public void close() {
    SharedArray.unmap(reader, PAGE);
    LibC.munmap(writer, PAGE + 2 * size);
  }
}
