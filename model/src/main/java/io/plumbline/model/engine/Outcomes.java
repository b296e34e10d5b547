package io.plumbline.model.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Results of the frames of a batch: a status for each, and what belongs to that status. Reused for
 * the next batch.
 *
 * <p>A status is kept beside the code and never in its place: each of the 2^32 codes is a verdict.
 * Filling allocates nothing, except for the text of a fault.
 */
public final class Outcomes {
  /** How a frame ended. */
  public enum Status {
    /** The engine stopped before this frame: {@link Outcomes#notRunReason}. */
    NOT_RUN,
    /** The program returned: {@link Outcomes#code}. */
    DECIDED,
    /** The program did what it must not: {@link Outcomes#fault}. */
    FAULT,
    /** The capture is cut before a field that decides; only the model finds that out. */
    CUT,
    /** The engine cannot run such a frame: {@link Runner#unsupported}. */
    UNSUPPORTED
  }

  /** The line of a frame that no clause decided. */
  public static final int NO_LINE = -1;

  private Status[] statuses;
  private int[] codes;
  private int[] lines;
  private int size;
  private final Map<Integer, String> faults = new HashMap<>();
  private String notRunReason = "";

  public Outcomes() {
    this(0);
  }

  /** Makes results with room for a number of frames; more room is made when it is needed. */
  public Outcomes(int frames) {
    statuses = new Status[frames];
    codes = new int[frames];
    lines = new int[frames];
  }

  /** Begins a batch: none of its frames has been run. */
  public void begin(int frames) {
    if (statuses.length < frames) {
      statuses = new Status[frames];
      codes = new int[frames];
      lines = new int[frames];
    }
    size = frames;
    Arrays.fill(statuses, 0, frames, Status.NOT_RUN);
    Arrays.fill(lines, 0, frames, NO_LINE);
    faults.clear();
    notRunReason = "";
  }

  /** Returns how many frames the batch has. */
  public int size() {
    return size;
  }

  /**
   * Returns the array of the codes, for an engine that fills many at once and then calls {@link
   * #decided(int, int)}; not a copy, and replaced by {@link #begin}.
   */
  public int[] codes() {
    return codes;
  }

  /** Notes that the program returned for frames {@code [from, to)}, whose codes are filled in. */
  public void decided(int from, int to) {
    Arrays.fill(statuses, from, to, Status.DECIDED);
  }

  /** Notes what the program returned for a frame. */
  public void decide(int i, int code) {
    statuses[i] = Status.DECIDED;
    codes[i] = code;
  }

  /** Notes which line of {@link ModelRunner#lines()} decided a frame. */
  void line(int i, int line) {
    lines[i] = line;
  }

  /** Notes that the program faulted. */
  public void fault(int i, String message) {
    statuses[i] = Status.FAULT;
    faults.put(i, message);
  }

  void cut(int i) {
    statuses[i] = Status.CUT;
  }

  /** Notes that the engine cannot run a frame. */
  public void unsupported(int i) {
    statuses[i] = Status.UNSUPPORTED;
  }

  /** Notes why the frames that have no other status were not run. */
  public void notRun(String reason) {
    notRunReason = reason;
  }

  public Status status(int i) {
    return statuses[i];
  }

  /** Returns whether the program returned for a frame. */
  public boolean isDecided(int i) {
    return statuses[i] == Status.DECIDED;
  }

  /** Returns what the program returned for a frame that is decided. */
  public int code(int i) {
    return codes[i];
  }

  /** Returns the line that decided a frame, or {@link #NO_LINE}; only the model knows lines. */
  public int line(int i) {
    return lines[i];
  }

  /** Returns what a fault was and where; empty if the frame has none. */
  public String fault(int i) {
    return faults.getOrDefault(i, "");
  }

  /** Returns why frames were not run; empty if all were. */
  public String notRunReason() {
    return notRunReason;
  }

  /** Returns whether the program ran on a frame to its end, or to a fault. */
  public boolean ran(int i) {
    return statuses[i] == Status.DECIDED || statuses[i] == Status.FAULT;
  }

  /**
   * Returns whether a frame that ran in both ended alike: with the same code, or with a fault in
   * both. Where and how it faulted is not compared: engines and versions of a program differ there.
   */
  public boolean agrees(int i, Outcomes other) {
    return statuses[i] == other.statuses[i]
        && (statuses[i] != Status.DECIDED || codes[i] == other.codes[i]);
  }
}
