package io.plumbline.conformance.replay;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
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
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Streams a capture through a subject's model, and other engines beside it, in memory of bounded
 * size. Packets that begin with the IP header are judged where a program is given such packets.
 */
public final class Replay implements AutoCloseable {
  private static final int CHUNK = 4096;

  /** Receives every frame. */
  public interface Listener {
    /** Receives frame i of a batch, with where it was judged and the model's outcomes. */
    void frame(Side side, PacketBatch batch, int i, Outcomes outcomes);
  }

  private final Subject subject;
  private final List<Engine> engines;
  private final Side usual;
  private @Nullable Side layer3;
  private final List<Map<String, Long>> unsupported = new ArrayList<>();
  private final long[] linePackets;
  private final long[] lineBytes;
  private long packets;
  private long bytes;
  private long allowed;
  private long cut;
  private long layer3Packets;
  private long disagreements;
  private long faults;
  private String firstFault = "";
  private long nanos;

  /** Makes one that compares engines with the model. */
  public Replay(Subject subject, List<Engine> engines) {
    this.subject = subject;
    this.engines = List.copyOf(engines);
    usual = new Side(subject);
    linePackets = new long[usual.lines().size()];
    lineBytes = new long[linePackets.length];
    engines.forEach(engine -> unsupported.add(new TreeMap<>()));
  }

  /**
   * Runs a capture to its end.
   *
   * @throws CaptureException where the file is damaged; everything before that has been run
   * @throws MissingHeaderException if packets begin with the IP header and the subject needs more
   */
  public void run(CaptureReader capture, Listener listener)
      throws CaptureException, EngineException, MissingHeaderException {
    PacketBatch batch = new PacketBatch(CHUNK, CHUNK * 256);
    Outcomes expected = new Outcomes(CHUNK);
    Outcomes actual = new Outcomes(CHUNK);
    boolean more = true;
    while (more) {
      batch.clear();
      long start = System.nanoTime();
      Side side = usual;
      try {
        more = capture.read(batch, CHUNK);
      } finally {
        side = side(batch.firstLayer());
        layer3Packets += side == layer3 ? batch.size() : 0;
        side.model().run(batch, expected);
        book(side.subject().hook(), batch, expected);
        nanos += System.nanoTime() - start;
        for (int i = 0; i < batch.size(); i++) {
          listener.frame(side, batch, i, expected);
        }
      }
      side.load(engines);
      for (int other = 0; other < engines.size(); other++) {
        side.other(other).run(batch, actual);
        compare(other, side.other(other), batch, expected, actual);
      }
    }
  }

  private Side side(int layer) throws MissingHeaderException {
    if (layer <= subject.hook().firstLayer()) {
      return usual;
    }
    if (layer3 == null) {
      Optional<Hook> hook = subject.hook().from(layer);
      if (hook.isEmpty()) {
        throw new MissingHeaderException(
            "hook %s: expected hook %s: packets at %s begin with an Ethernet header"
                .formatted(subject.hook(), Hook.usual(), subject.hook()));
      }
      Subject there = subject.at(hook.get());
      // A rule about ARP only has nothing to decide there; all others are as good as before.
      Optional<String> missing =
          there.rules().isPresent() ? Optional.empty() : there.asksForMissingHeader();
      if (missing.isPresent()) {
        throw new MissingHeaderException(
            missing.get() + ": expected a filter that asks for no Ethernet header");
      }
      layer3 = new Side(there);
    }
    return layer3;
  }

  private void compare(
      int other, Runner runner, PacketBatch batch, Outcomes expected, Outcomes actual) {
    for (int i = 0; i < batch.size(); i++) {
      if (!actual.ran(i)) {
        String reason =
            actual.status(i) == Outcomes.Status.NOT_RUN
                ? actual.notRunReason()
                : runner.unsupported(batch.packet(i)).orElseThrow();
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

  private void book(Hook hook, PacketBatch batch, Outcomes outcomes) {
    for (int i = 0; i < batch.size(); i++) {
      int length = Math.max(0, batch.wireLength(i) - hook.hidden());
      packets++;
      bytes += length;
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
        lineBytes[line] += length;
      }
    }
  }

  /** Returns how many frames the n-th runner beside the model could not run, by reason. */
  public Map<String, Long> unsupported(int other) {
    return new TreeMap<>(unsupported.get(other));
  }

  /**
   * Returns the subject where all packets were judged; if there are two places, as it was given.
   */
  public Subject subject() {
    return mainSide().subject();
  }

  public List<ModelRunner.Line> lines() {
    return mainSide().lines();
  }

  private Side mainSide() {
    return layer3 == null || layer3Packets < packets ? usual : layer3;
  }

  /**
   * Returns the rule that asks for a header that judged packets did not have; empty if there is
   * none.
   */
  public Optional<String> missingHeader() {
    return layer3 == null ? Optional.empty() : layer3.subject().asksForMissingHeader();
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

  @Override
  public void close() {
    usual.close();
    if (layer3 != null) {
      layer3.close();
    }
  }

  /** Returns the model's rate, reading included. */
  public double packetsPerSecond() {
    return nanos == 0 ? 0 : packets * 1e9 / nanos;
  }
}
