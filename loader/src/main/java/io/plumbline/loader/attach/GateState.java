package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.kernel.SharedArray;
import io.plumbline.loader.kernel.TableProgram;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What an attached filter of ours has counted, and how it is told something while it runs. */
public final class GateState {
  private static final int PAGE = 4096;
  private static final int TOTALS_BYTES = 16;
  private static final int LISTEN_UNTIL = 0;
  private static final int EVENTS_PER_SECOND = 8;

  /** Whether an attachment is confirmed: 0 not yet, 1 yes, 2 no, it is being undone. */
  private static final int CONFIRMED = 16;

  private static final int RATE_UNTIL = 24;

  /** When an unconfirmed attachment is undone, as {@link System#nanoTime}; 0 if never. */
  private static final int CONFIRM_BY = 32;

  /** Packets and bytes. */
  public record Totals(long packets, long bytes) {}

  /**
   * Everything counted.
   *
   * @param dropped in observe mode: what would have been dropped
   * @param other what a foreign program answered otherwise, such as a redirect
   * @param lines of a policy's clauses and rules, in the order of {@link Description#lines}
   */
  public record Counts(Totals passed, Totals dropped, Totals other, List<Totals> lines) {
    public Counts {
      lines = List.copyOf(lines);
    }
  }

  private GateState() {}

  /** Reads the counters; empty if the program has none, or this process may not ask. */
  public static Optional<Counts> counts(Attachment attachment) throws AttachException {
    Optional<Bpf.ProgramInfo> program = attachment.program();
    try (Answers answers = Answers.open(attachment).orElse(null)) {
      if (answers == null) {
        return Optional.empty();
      }
      int lines = attachment.about().map(about -> about.lines().size()).orElse(0);
      return Optional.of(
          new Counts(
              answers.passed(),
              answers.dropped(),
              answers.other(),
              lines == 0 ? List.of() : lines(program.orElseThrow(), lines)));
    } catch (EngineException e) {
      throw AttachException.of(e);
    }
  }

  /** The counters of a gate's answers, to be read often. */
  public static final class Answers implements AutoCloseable {
    private final int map;
    private final int cpus;
    private final Memory key = new Memory(4);
    private final Memory values;

    private Answers(int map, int cpus) {
      this.map = map;
      this.cpus = cpus;
      values = new Memory((long) TOTALS_BYTES * cpus);
    }

    /** Opens them; empty if the program has none, or this process may not ask. */
    public static Optional<Answers> open(Attachment attachment) throws AttachException {
      int map = attachment.program().map(p -> Gate.openMap(p, Gate.ANSWERS_MAP)).orElse(-1);
      try {
        return map < 0
            ? Optional.empty()
            : Optional.of(new Answers(map, TableProgram.possibleCpus()));
      } catch (EngineException e) {
        LibC.close(map);
        throw AttachException.of(e);
      }
    }

    /** Returns what was passed on. */
    public Totals passed() {
      return answer(0);
    }

    /** Returns what was dropped. */
    public Totals dropped() {
      return answer(1);
    }

    /** Returns what was answered otherwise. */
    public Totals other() {
      return answer(2);
    }

    /** Sums an entry of the per-CPU array over all CPUs. */
    private Totals answer(int index) {
      key.setInt(0, index);
      values.clear();
      BpfSyscall.mapLookup(map, key, values);
      long packets = 0;
      long bytes = 0;
      for (int cpu = 0; cpu < cpus; cpu++) {
        packets += values.getLong((long) TOTALS_BYTES * cpu);
        bytes += values.getLong((long) TOTALS_BYTES * cpu + 8);
      }
      return new Totals(packets, bytes);
    }

    @Override
    public void close() {
      LibC.close(map);
      key.close();
      values.close();
    }
  }

  /** Reads the counters of a policy. */
  private static List<Totals> lines(Bpf.ProgramInfo program, int lines) throws EngineException {
    int outer = Gate.openPolicyMap(program, "counters");
    int inner = -1;
    try (Memory key = new Memory(4);
        Memory id = new Memory(4)) {
      key.setInt(0, 0);
      if (outer < 0 || BpfSyscall.mapLookup(outer, key, id) < 0) {
        return List.of();
      }
      inner = Bpf.mapById(id.getInt(0));
      if (inner < 0) {
        return List.of();
      }
      int cpus = TableProgram.possibleCpus();
      long bytes = ((long) TOTALS_BYTES * cpus * lines + PAGE - 1) / PAGE * PAGE;
      Pointer memory = SharedArray.map(inner, bytes);
      Runner.Counters counters = TableProgram.sum(memory, lines, cpus);
      List<Totals> all = new ArrayList<>();
      for (int line = 0; line < lines; line++) {
        all.add(new Totals(counters.packets()[line], counters.bytes()[line]));
      }
      SharedArray.unmap(memory, bytes);
      return all;
    } finally {
      if (outer >= 0) {
        LibC.close(outer);
      }
      if (inner >= 0) {
        LibC.close(inner);
      }
    }
  }

  /** The words that user space writes to a running gate. */
  public static final class Control implements AutoCloseable {
    private static final VarHandle WORD =
        MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final Pointer memory;

    private Control(Pointer memory) {
      this.memory = memory;
    }

    /** Opens it; empty if the program has none, or this process may not ask. */
    public static Optional<Control> open(Attachment attachment) throws AttachException {
      int map = attachment.program().map(p -> Gate.openMap(p, Gate.CONTROL_MAP)).orElse(-1);
      if (map < 0) {
        return Optional.empty();
      }
      try {
        return Optional.of(new Control(SharedArray.map(map, PAGE)));
      } catch (EngineException e) {
        throw AttachException.of(e);
      } finally {
        LibC.close(map);
      }
    }

    /**
     * Asks for drop events for some time from now on. Readers share the words: one that wants fewer
     * events, or ends, does not take them from another. A rate ends with the last reader that asks
     * for it; a reader whose rate was lowered by one that begins at the same moment raises it when
     * it asks again.
     */
    public void listen(long millis, long eventsPerSecond) {
      long now = System.nanoTime();
      long until = now + millis * 1_000_000;
      if (eventsPerSecond >= memory.getLong(EVENTS_PER_SECOND)
          || now > memory.getLong(RATE_UNTIL)) {
        memory.setLong(EVENTS_PER_SECOND, eventsPerSecond);
        memory.setLong(RATE_UNTIL, until);
      }
      if (until > memory.getLong(LISTEN_UNTIL)) {
        memory.setLong(LISTEN_UNTIL, until);
      }
    }

    /** Returns whether the gate reports nothing, because no reader has asked lately. */
    public boolean isDeaf() {
      return memory.getLong(LISTEN_UNTIL) <= System.nanoTime();
    }

    /** Marks the attachment as one that is undone at a time unless it is confirmed. */
    public void expectConfirmation(long nanoTime) {
      memory.setLong(CONFIRM_BY, nanoTime);
    }

    /** Returns whether the attachment waits for its confirmation, or to be undone without it. */
    public boolean unconfirmed() {
      return memory.getLong(CONFIRM_BY) != 0 && !confirmed();
    }

    /** Returns how long it may still be confirmed; negative after that time. */
    public Duration left() {
      return Duration.ofNanos(memory.getLong(CONFIRM_BY) - System.nanoTime());
    }

    /** Confirms the attachment, which then stays; returns false if it is being undone already. */
    public boolean confirm() {
      return decide(1);
    }

    /** Decides that the attachment is undone; returns false if it was confirmed before. */
    public boolean refuse() {
      return decide(2);
    }

    /** One of confirming and refusing wins, whatever process does either. */
    private boolean decide(long answer) {
      ByteBuffer words = memory.getByteBuffer(0, PAGE).order(ByteOrder.nativeOrder());
      return WORD.compareAndSet(words, CONFIRMED, 0L, answer)
          || memory.getLong(CONFIRMED) == answer;
    }

    /** Returns whether it is confirmed. */
    public boolean confirmed() {
      return memory.getLong(CONFIRMED) == 1;
    }

    @Override
    public void close() {
      SharedArray.unmap(memory, PAGE);
    }
  }
}
