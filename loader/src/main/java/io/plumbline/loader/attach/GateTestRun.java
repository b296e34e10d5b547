package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.kernel.SplicedProgram;
import io.plumbline.loader.kernel.TableProgram;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * The gate in the kernel, around a filter that gives one answer to every frame, run by test runs:
 * the result is compared with {@link GateModel}.
 */
public final class GateTestRun implements AutoCloseable {
  private static final int ROOM = 64;

  /** The interface that frames of test runs are on. */
  private static final int LOOPBACK = 1;

  private static final int COUNT_BYTES = 16;
  private static final int LIMITER_BYTES = 24;
  private static final int CONTROL_BYTES = 32;
  private static final int EVENT_HEADER = 32;
  private static final int RING_BYTES = 64 * 1024;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /** More records than the ring buffer holds. */
  private static final int FILLING = 500;

  /**
   * A run.
   *
   * @param state what the gate was given: the state that was asked for, moved to the kernel's time
   */
  public record Ran(GateModel.State state, GateModel.Result result) {}

  private final GateModel.State wanted;
  private final LoadedObject gate;
  private final SplicedProgram program;
  private final EventRing events;
  private final int cpus;

  /**
   * Loads a gate.
   *
   * @param object the object of {@code gate} for that hook
   */
  public GateTestRun(Hook hook, byte[] object, GateModel.State state) throws EngineException {
    wanted = state;
    cpus = TableProgram.possibleCpus();
    gate =
        LoadedObject.relocate(
            GateModel.NAME,
            object,
            Map.of("observe", Gate.u32(state.observe()), "pass", Gate.u32(state.pass())));
    SplicedProgram spliced = null;
    try {
      byte[] code = Gate.splice(gate, constant(state.filter()));
      spliced = new SplicedProgram("kernel", ProgramType.inTestRuns(hook), GateModel.NAME, code);
      program = spliced;
      EventRing.install(gate.mapFd(Gate.EVENTS_MAP), RING_BYTES);
      events = EventRing.open(EventRing.installed(gate.mapFd(Gate.EVENTS_MAP)));
    } catch (EngineException | RuntimeException e) {
      if (spliced != null) {
        spliced.close();
      }
      gate.close();
      throw e;
    }
  }

  /** Returns a function that returns a number: {@code lddw r0; exit}. */
  private static byte[] constant(long r0) {
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0x18)
        .putInt((int) r0)
        .putInt(0)
        .putInt((int) (r0 >>> 32))
        .putLong(0x95)
        .array();
  }

  /** Returns why a frame cannot be run at a hook, or empty. */
  public static Optional<String> unsupported(Hook hook, Packet frame) {
    if (frame.outsideTag().isPresent()) {
      return Optional.of("test runs of the gate have no tag outside the frame");
    }
    PacketBatch one = PacketBatch.of(frame);
    return hook.testRunLimits().refusal(one.etherType(0), one.wireLength(0));
  }

  /** Runs a frame. */
  public Ran run(Packet frame) throws EngineException {
    byte[] bytes = Arrays.copyOf(frame.bytes(), frame.wireLength());
    try (Memory in = new Memory(Math.max(1, bytes.length));
        Memory out = new Memory(bytes.length + (long) ROOM);
        BpfSyscall.TestRun call = new BpfSyscall.TestRun(program.fd(), in, out)) {
      in.write(0, bytes, 0, bytes.length);
      if (!wanted.room()) {
        control(-1, -1);
        run(call, bytes.length, FILLING);
      }
      while (true) {
        GateModel.State state = wanted.at(System.nanoTime()).of(LOOPBACK, 0);
        control(state.listenUntil(), state.eventsPerSecond());
        limiter(state.limiter());
        Map<GateModel.Answer, GateModel.Count> before = counts();
        run(call, bytes.length, 1);
        Optional<GateModel.Event> event = wanted.room() ? last() : Optional.empty();
        // If another second has begun, it is not known what the gate was given.
        if (second(System.nanoTime()) == second(state.now())) {
          return new Ran(
              state,
              new GateModel.Result(
                  call.retval(), grown(before, counts()), changed(state.limiter()), event));
        }
      }
    }
  }

  private static long second(long nanos) {
    return nanos / NANOS_PER_SECOND;
  }

  private static void run(BpfSyscall.TestRun call, int length, int repeat) throws EngineException {
    int result = call.run(length, length + ROOM, repeat);
    while (result == -Errno.EINTR) {
      result = call.run(length, length + ROOM, repeat);
    }
    check(result, "test run of the gate");
  }

  private Optional<GateModel.Event> last() {
    Optional<byte[]> last = Optional.empty();
    long end = events.written();
    for (Optional<byte[]> next = events.next(end); next.isPresent(); next = events.next(end)) {
      last = next;
    }
    events.release();
    return last.map(GateTestRun::event);
  }

  /** Reads a record as {@code struct event} of {@code gate.bpf.c} lays it out. */
  public static GateModel.Event event(byte[] record) {
    ByteBuffer data = fields(record);
    // A wrong gate may say anything.
    int captured = Math.max(0, Math.min(data.getInt(24), record.length - EVENT_HEADER));
    return new GateModel.Event(
        nanos(record),
        data.getInt(8),
        data.getInt(12),
        data.getInt(16),
        Short.toUnsignedInt(Short.reverseBytes(data.getShort(20))),
        Short.toUnsignedInt(data.getShort(22)),
        HexFormat.of().formatHex(record, EVENT_HEADER, EVENT_HEADER + captured));
  }

  /** Returns when a record was written. */
  static long nanos(byte[] record) {
    return fields(record).getLong(0);
  }

  /** Returns which CPU wrote a record. */
  static int cpu(byte[] record) {
    return fields(record).getInt(28);
  }

  private static ByteBuffer fields(byte[] record) {
    return ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void control(long listenUntil, long eventsPerSecond) throws EngineException {
    update(
        Gate.CONTROL_MAP,
        ByteBuffer.allocate(CONTROL_BYTES)
            .order(ByteOrder.nativeOrder())
            .putLong(listenUntil)
            .putLong(eventsPerSecond)
            .array());
  }

  private void limiter(GateModel.Limiter limiter) throws EngineException {
    ByteBuffer all = ByteBuffer.allocate(LIMITER_BYTES * cpus).order(ByteOrder.nativeOrder());
    for (int cpu = 0; cpu < cpus; cpu++) {
      all.putLong(limiter.second()).putLong(limiter.events()).putLong(limiter.suppressed());
    }
    update(Gate.LIMITER_MAP, all.array());
  }

  /** Returns the limiter of the CPU that has changed it. */
  private GateModel.Limiter changed(GateModel.Limiter before) throws EngineException {
    ByteBuffer all = lookup(Gate.LIMITER_MAP, 0, LIMITER_BYTES * cpus);
    for (int cpu = 0; cpu < cpus; cpu++) {
      GateModel.Limiter after = new GateModel.Limiter(all.getLong(), all.getLong(), all.getLong());
      if (!after.equals(before)) {
        return after;
      }
    }
    return before;
  }

  private Map<GateModel.Answer, GateModel.Count> counts() throws EngineException {
    Map<GateModel.Answer, GateModel.Count> counts = new EnumMap<>(GateModel.Answer.class);
    int index = 0;
    for (GateModel.Answer answer : GateModel.Answer.values()) {
      ByteBuffer all = lookup(Gate.ANSWERS_MAP, index++, COUNT_BYTES * cpus);
      long packets = 0;
      long bytes = 0;
      for (int cpu = 0; cpu < cpus; cpu++) {
        packets += all.getLong();
        bytes += all.getLong();
      }
      counts.put(answer, new GateModel.Count(packets, bytes));
    }
    return counts;
  }

  private static Map<GateModel.Answer, GateModel.Count> grown(
      Map<GateModel.Answer, GateModel.Count> before, Map<GateModel.Answer, GateModel.Count> after) {
    Map<GateModel.Answer, GateModel.Count> grown = new EnumMap<>(GateModel.Answer.class);
    after.forEach(
        (answer, now) -> {
          GateModel.Count then = before.getOrDefault(answer, new GateModel.Count(0, 0));
          if (!now.equals(then)) {
            grown.put(
                answer,
                new GateModel.Count(now.packets() - then.packets(), now.bytes() - then.bytes()));
          }
        });
    return grown;
  }

  private void update(String map, byte[] value) throws EngineException {
    try (Memory key = new Memory(4);
        Memory memory = new Memory(value.length)) {
      key.setInt(0, 0);
      memory.write(0, value, 0, value.length);
      check(BpfSyscall.mapUpdate(gate.mapFd(map), key, memory), "write map " + map);
    }
  }

  private ByteBuffer lookup(String map, int index, int bytes) throws EngineException {
    try (Memory key = new Memory(4);
        Memory memory = new Memory(bytes)) {
      key.setInt(0, index);
      check(BpfSyscall.mapLookup(gate.mapFd(map), key, memory), "read map " + map);
      return ByteBuffer.wrap(memory.getByteArray(0, bytes)).order(ByteOrder.nativeOrder());
    }
  }

  private static void check(int result, String what) throws EngineException {
    if (result < 0) {
      throw new EngineException("kernel: %s: %s".formatted(what, Errno.describe(-result)));
    }
  }

  @Override
  public void close() {
    events.close();
    program.close();
    gate.close();
  }
}
