package io.plumbline.conformance.replay;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.CaptureException;
import io.plumbline.pcaps.CaptureReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Streams a capture through a subject's model, and other engines beside it, in memory of bounded
 * size.
 */
public final class Replay {
  private final Hook hook;
  private static final int CHUNK = 4096;

  /** Receives every frame. */
  public interface Listener {
    /** Receives frame i of a batch, with the model's outcomes of that batch. */
    void frame(PacketBatch batch, int i, Outcomes outcomes);
  }

  private final ModelRunner model;
  private final List<Runner> others = new ArrayList<>();
  private final List<Map<String, Long>> unsupported = new ArrayList<>();
  private final long[] linePackets;
  private final long[] lineBytes;
  private long packets;
  private long bytes;
  private long allowed;
  private long cut;
  private long disagreements;
  private long faults;
  private String firstFault = "";
  private long nanos;

  public Replay(Subject subject) {
    hook = subject.hook();
    model = new ModelEngine().load(subject);
    linePackets = new long[model.lines().size()];
    lineBytes = new long[linePackets.length];
  }

  /** Adds an engine's runner to compare with; it stays the caller's. */
  public void beside(Runner runner) {
    others.add(runner);
    unsupported.add(new TreeMap<>());
  }

  /**
   * Runs a capture to its end.
   *
   * @throws CaptureException where the file is damaged; everything before that has been run
   */
  public void run(CaptureReader capture, Listener listener)
      throws CaptureException, EngineException {
    PacketBatch batch = new PacketBatch(CHUNK, CHUNK * 256);
    Outcomes expected = new Outcomes(CHUNK);
    Outcomes actual = new Outcomes(CHUNK);
    boolean more = true;
    while (more) {
      batch.clear();
      long start = System.nanoTime();
      try {
        more = capture.read(batch, CHUNK);
      } finally {
        model.run(batch, expected);
        book(batch, expected);
        nanos += System.nanoTime() - start;
        for (int i = 0; i < batch.size(); i++) {
          listener.frame(batch, i, expected);
        }
      }
      for (int other = 0; other < others.size(); other++) {
        others.get(other).run(batch, actual);
        compare(other, batch, expected, actual);
      }
    }
  }

  private void compare(int other, PacketBatch batch, Outcomes expected, Outcomes actual) {
    for (int i = 0; i < batch.size(); i++) {
      if (!actual.ran(i)) {
        String reason =
            actual.status(i) == Outcomes.Status.NOT_RUN
                ? actual.notRunReason()
                : others.get(other).unsupported(batch.packet(i)).orElseThrow();
        unsupported.get(other).merge(reason, 1L, Long::sum);
        continue;
      }
      if (actual.status(i) == Outcomes.Status.FAULT) {
        faults++;
        firstFault = firstFault.isEmpty() ? actual.fault(i) : firstFault;
      }
      // A cut frame is undecided, whatever an engine returns for the zeros in its place; a fault
      // is a fault.
      boolean judged = expected.isDecided(i) || actual.status(i) == Outcomes.Status.FAULT;
      if (judged && !actual.agrees(i, expected)) {
        disagreements++;
      }
    }
  }

  private void book(PacketBatch batch, Outcomes outcomes) {
    for (int i = 0; i < batch.size(); i++) {
      packets++;
      bytes += batch.wireLength(i);
      if (!outcomes.isDecided(i)) {
        cut++;
        continue;
      }
      if (outcomes.code(i) == hook.accept()) {
        allowed++;
      }
      int line = outcomes.line(i);
      if (line != Outcomes.NO_LINE) {
        linePackets[line]++;
        lineBytes[line] += batch.wireLength(i);
      }
    }
  }

  /** Returns how many frames the n-th runner beside the model could not run, by reason. */
  public Map<String, Long> unsupported(int other) {
    return new TreeMap<>(unsupported.get(other));
  }

  public List<ModelRunner.Line> lines() {
    return model.lines();
  }

  /** Returns how many frames a line decided. */
  public long packets(int line) {
    return linePackets[line];
  }

  /** Returns the wire bytes of the frames that a line decided. */
  public long bytes(int line) {
    return lineBytes[line];
  }

  public long packets() {
    return packets;
  }

  public long bytes() {
    return bytes;
  }

  public long allowed() {
    return allowed;
  }

  /**
   * Returns how many frames cannot be judged because the capture is cut before something that
   * decides.
   */
  public long cut() {
    return cut;
  }

  public long dropped() {
    return packets - allowed - cut;
  }

  public long disagreements() {
    return disagreements;
  }

  /** Returns how many times the program faulted on an engine; each is a disagreement. */
  public long faults() {
    return faults;
  }

  /** Returns what the first fault was; empty if there was none. */
  public String firstFault() {
    return firstFault;
  }

  /** Returns the model's rate, reading included. */
  public double packetsPerSecond() {
    return nanos == 0 ? 0 : packets * 1e9 / nanos;
  }
}
