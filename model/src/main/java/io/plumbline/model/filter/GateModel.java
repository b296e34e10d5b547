package io.plumbline.model.filter;

import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Reference model of the program {@code gate}, which the loader puts around a filter. The gate asks
 * the filter, counts its answer, reports drops while a reader listens, and passes on to the next
 * filter on the hook what the filter accepts.
 *
 * <p>Times are nanoseconds of the kernel's monotonic clock; all numbers are unsigned.
 */
public final class GateModel {
  /** The program's name. */
  public static final String NAME = "gate";

  /** How many bytes of a frame are reported. */
  public static final int CAPTURE_MAX = 128;

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /** What a filter's answer is counted as; its position is the index in {@code plumb_answers}. */
  public enum Answer {
    /** Accepted, or left to the next filter. */
    PASSED,
    /** Dropped; in observe mode it would have been. */
    DROPPED,
    /** Anything else, such as a redirect. */
    OTHER
  }

  /**
   * How many drops of one second were reported.
   *
   * @param second the second, counted from when the clock began
   * @param events reported in it
   * @param suppressed not reported although someone listened, since the filter was attached
   */
  public record Limiter(long second, long events, long suppressed) {}

  /**
   * What the gate depends on beside the frame.
   *
   * @param filter what the filter leaves in r0; its low 32 bits are the answer
   * @param observe not 0: drop nothing
   * @param pass the code that replaces the hook's accepting one, so that the next filter is asked
   * @param listenUntil when the last reader of events has ended
   * @param eventsPerSecond how many drops may be reported in a second
   * @param now the time
   * @param room whether there is a ring buffer, and it takes another record
   * @param ifindex the number of the interface that the frame is on
   * @param mark of the frame; 0 where frames have none
   */
  public record State(
      long filter,
      int observe,
      int pass,
      long listenUntil,
      long eventsPerSecond,
      Limiter limiter,
      long now,
      boolean room,
      int ifindex,
      int mark) {

    /** Returns the same state at another time: what was the same second is, and so is listening. */
    public State at(long time) {
      long second = Long.divideUnsigned(time, NANOS_PER_SECOND);
      long other = limiter.second == second ? second + 1 : limiter.second;
      Limiter moved =
          new Limiter(
              limiter.second == Long.divideUnsigned(now, NANOS_PER_SECOND) ? second : other,
              limiter.events,
              limiter.suppressed);
      long until = listens() ? -1 : listenUntil == 0 ? 0 : 1;
      return new State(
          filter, observe, pass, until, eventsPerSecond, moved, time, room, ifindex, mark);
    }

    /** Returns the same state for a frame on an interface, with a mark. */
    public State of(int interfaceNumber, int frameMark) {
      return new State(
          filter,
          observe,
          pass,
          listenUntil,
          eventsPerSecond,
          limiter,
          now,
          room,
          interfaceNumber,
          frameMark);
    }

    private boolean listens() {
      return Long.compareUnsigned(now, listenUntil) < 0;
    }
  }

  /**
   * A reported drop.
   *
   * @param nanos when
   * @param length of what the program sees of the frame, in bytes
   * @param ifindex the interface that it is on
   * @param vlanProto the tag outside the frame, in host order; 0 if there is none
   * @param captured the first bytes of that, in hexadecimal
   */
  public record Event(
      long nanos, int length, int ifindex, int mark, int vlanProto, int vlanTci, String captured) {}

  /** Packets and bytes. */
  public record Count(long packets, long bytes) {}

  /**
   * Result for one frame.
   *
   * @param verdict what the gate returns
   * @param counted by how much each counter has grown; those that have not are left out
   * @param limiter afterwards
   */
  public record Result(
      int verdict, Map<Answer, Count> counted, Limiter limiter, Optional<Event> event) {

    /** Returns the same without the moment of the event. */
    public Result timeless() {
      return new Result(
          verdict,
          counted,
          limiter,
          event.map(
              e -> new Event(0, e.length, e.ifindex, e.mark, e.vlanProto, e.vlanTci, e.captured)));
    }
  }

  private GateModel() {}

  /** Returns what the gate does at a hook. */
  public static Result judge(Hook hook, State state, Packet frame) {
    int answer = (int) state.filter;
    boolean drops = answer == hook.drop();
    boolean accepts = answer == hook.accept();
    boolean passes = accepts || hook.next().isPresent() && answer == hook.next().getAsInt();
    int verdict = accepts || drops && state.observe != 0 ? state.pass : answer;
    int length = frame.wireLength() - hook.hidden();
    Map<Answer, Count> counted =
        Map.of(
            drops ? Answer.DROPPED : passes ? Answer.PASSED : Answer.OTHER, new Count(1, length));
    if (!drops || !state.listens()) {
      return new Result(verdict, counted, state.limiter, Optional.empty());
    }
    long second = Long.divideUnsigned(state.now, NANOS_PER_SECOND);
    long before = state.limiter.second == second ? state.limiter.events : 0;
    if (Long.compareUnsigned(before, state.eventsPerSecond) >= 0 || !state.room) {
      Limiter more = new Limiter(second, before, state.limiter.suppressed + 1);
      return new Result(verdict, counted, more, Optional.empty());
    }
    int from = hook.hidden();
    byte[] first = Arrays.copyOfRange(frame.bytes(), from, from + Math.min(length, CAPTURE_MAX));
    Event event =
        new Event(
            state.now,
            length,
            state.ifindex,
            state.mark,
            frame.outsideTag().map(VlanTag::tpid).orElse(0),
            frame.outsideTag().map(VlanTag::tci).orElse(0),
            HexFormat.of().formatHex(first));
    Limiter more = new Limiter(second, before + 1, state.limiter.suppressed);
    return new Result(verdict, counted, more, Optional.of(event));
  }
}
