package io.plumbline.model.engine;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.Optional;

/**
 * A loaded subject. Runs of one frame do not influence those of another. Not safe for use by
 * several threads at once.
 */
public interface Runner extends AutoCloseable {
  /** Returns why this frame cannot be run, or empty if it can. */
  Optional<String> unsupported(Packet packet);

  /** Runs one frame; the outcome includes the frame as the program left it. */
  Outcome run(Packet packet) throws EngineException;

  /**
   * Runs many frames.
   *
   * @param outcomes receives the result of every frame
   * @throws EngineException if the engine itself failed; the frames before that have their results
   */
  void run(PacketBatch batch, Outcomes outcomes) throws EngineException;

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
