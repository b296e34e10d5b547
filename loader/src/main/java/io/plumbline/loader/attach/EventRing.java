package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.kernel.SharedArray;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * One reader's view of a ring buffer of drop events (kernel {@code Documentation/bpf/ringbuf.rst}):
 * a page with the consumer's position, a page with the producers', then the data, mapped twice in a
 * row so that no record is split.
 *
 * <pre>
 * record: 0 length u32 | BUSY   4 page offset   8 data: gate.bpf.c, struct event
 * </pre>
 *
 * <p>The kernel knows one consumer. Readers share that position only to give space back, and each
 * keeps its own position in the data, which stays there until the kernel writes over it. All
 * records have the same size, so a reader that was overtaken knows how many it missed.
 */
final class EventRing implements AutoCloseable {
  /** Size of the data of a record: {@code struct event} of {@code gate.bpf.c}. */
  static final int EVENT_BYTES = 32 + GateModel.CAPTURE_MAX;

  private static final int PAGE = 4096;
  private static final int BUSY = 1 << 31;
  private static final int HEADER = 8;
  private static final int RECORD = HEADER + EVENT_BYTES;
  private static final int PROT_READ = 1;

  private static final VarHandle LONG =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final VarHandle INT =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());

  private final int id;
  private final int size;
  private final Pointer consumerMemory;
  private final Pointer producerMemory;
  private final ByteBuffer consumer;
  private final ByteBuffer producer;
  private long begin;
  private long position;
  private long lost;

  private EventRing(int id, int size, Pointer consumerMemory, Pointer producerMemory) {
    this.id = id;
    this.size = size;
    this.consumerMemory = consumerMemory;
    this.producerMemory = producerMemory;
    consumer = consumerMemory.getByteBuffer(0, PAGE);
    producer = producerMemory.getByteBuffer(0, PAGE + 2L * size);
    begin = written();
    position = begin;
    release();
  }

  /** Makes a ring buffer and puts it into a gate's {@code plumb_events}. */
  static void install(int events, int bytes) throws EngineException {
    int map = BpfSyscall.mapCreate("plumb_ring", BpfSyscall.MAP_TYPE_RINGBUF, 0, 0, bytes, 0);
    check(map, "make a ring buffer of %d bytes".formatted(bytes));
    try (Memory key = new Memory(4);
        Memory value = new Memory(4)) {
      key.setInt(0, 0);
      value.setInt(0, map);
      check(BpfSyscall.mapUpdate(events, key, value), "give the filter a ring buffer");
    } finally {
      LibC.close(map);
    }
  }

  /** Returns the number of the ring buffer in a gate's {@code plumb_events}; 0 if it has none. */
  static int installed(int events) {
    try (Memory key = new Memory(4);
        Memory value = new Memory(4)) {
      key.setInt(0, 0);
      return BpfSyscall.mapLookup(events, key, value) < 0 ? 0 : value.getInt(0);
    }
  }

  /** Opens a ring buffer by its number; the reader begins with what is written next. */
  static EventRing open(int id) throws EngineException {
    int map = Bpf.mapById(id);
    check(map, "open ring buffer " + id);
    try {
      int size = Bpf.mapInfo(map).map(Bpf.MapInfo::entries).orElse(0);
      Pointer consumer = SharedArray.map(map, PAGE);
      Pointer producer = LibC.mmap(null, PAGE + 2L * size, PROT_READ, 1, map, PAGE);
      if (Pointer.nativeValue(producer) == -1) {
        SharedArray.unmap(consumer, PAGE);
        throw new EngineException("kernel: map a ring buffer: mmap refuses");
      }
      return new EventRing(id, size, consumer, producer);
    } finally {
      LibC.close(map);
    }
  }

  private static void check(int result, String what) throws EngineException {
    if (result < 0) {
      throw new EngineException("kernel: %s: %s".formatted(what, Errno.describe(-result)));
    }
  }

  /** Returns the number of the ring buffer. */
  int id() {
    return id;
  }

  /** Reads from the first record on, also what was written before this reader began. */
  EventRing fromStart() {
    begin = 0;
    position = 0;
    return this;
  }

  /** Returns the position up to which records have been reserved. */
  long written() {
    return (long) LONG.getAcquire(producer, 0);
  }

  /** Returns whether everything before a position has been read or lost. */
  boolean isAt(long end) {
    return position >= end;
  }

  /** Returns the number of records written since this reader began. */
  long records() {
    return (written() - begin) / RECORD;
  }

  /** Returns the number of records that were overwritten before this reader came to them. */
  long lost() {
    return lost;
  }

  /** Returns the next record before a position; empty if there is none, or it is being written. */
  Optional<byte[]> next(long end) {
    while (position < end) {
      int at = PAGE + (int) (position % size);
      int header = (int) INT.getAcquire(producer, at);
      byte[] data = new byte[EVENT_BYTES];
      producer.get(at + HEADER, data);
      // What was read counts only if it was not overwritten meanwhile.
      VarHandle.fullFence();
      if (overtaken()) {
        skip();
      } else if ((header & BUSY) != 0) {
        return Optional.empty();
      } else {
        position += RECORD;
        return Optional.of(data);
      }
    }
    return Optional.empty();
  }

  /**
   * Returns whether the record at this reader's position may have been overwritten. The kernel
   * writes the header of a new record before it moves the producers' position; it never writes what
   * the consumer has not given back.
   */
  private boolean overtaken() {
    boolean given = position < (long) LONG.getAcquire(consumer, 0);
    return given && written() - position > size - RECORD;
  }

  /** Leaves out what was overwritten, and an eighth more, which would be overwritten at once. */
  private void skip() {
    long behind = written() - position - (size - RECORD) + size / 8;
    long records = (behind + RECORD - 1) / RECORD;
    lost += records;
    position += records * RECORD;
  }

  /** Gives the space of everything that was read back to the kernel. */
  void release() {
    long before = (long) LONG.getAcquire(consumer, 0);
    while (before < position && !LONG.compareAndSet(consumer, 0, before, position)) {
      before = (long) LONG.getAcquire(consumer, 0);
    }
  }

  @Override
  public void close() {
    SharedArray.unmap(consumerMemory, PAGE);
    LibC.munmap(producerMemory, PAGE + 2L * size);
  }
}
