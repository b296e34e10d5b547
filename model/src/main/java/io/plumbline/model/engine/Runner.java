package io.plumbline.model.engine;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.Optional;

/**
 * A loaded subject. Runs of one frame do not influence those of another. Not safe for use by
 * several threads at once.
 */
public interface Runner extends AutoCloseable {
  /** The entry in a verdict array for a frame that this runner cannot run. */
  int UNSUPPORTED = Integer.MIN_VALUE;

  /**
   * The entry in a verdict array for a frame whose capture is cut before something that decides.
   */
  int CUT = Integer.MIN_VALUE + 1;

  /** Returns why this frame cannot be run, or empty if it can. */
  Optional<String> unsupported(Packet packet);

  /** Runs one frame and looks at everything afterwards. */
  Outcome run(Packet packet) throws EngineException;

  /**
   * Runs many frames.
   *
   * @param verdicts receives the return code of every frame, {@link #UNSUPPORTED} or {@link #CUT};
   *     at least as long as the batch
   */
  void run(PacketBatch batch, int[] verdicts) throws EngineException;

  /** Returns how often each clause has decided so far, if the program itself counts that. */
  default Optional<Counters> counters() {
    return Optional.empty();
  }

  /**
   * Counts of a program, by the lines of {@link ModelRunner#lines()}.
   *
   * @param packets how many frames each line decided
   * @param bytes their lengths summed, without a tag outside the bytes
   */
  record Counters(long[] packets, long[] bytes) {}

  @Override
  void close();
}
