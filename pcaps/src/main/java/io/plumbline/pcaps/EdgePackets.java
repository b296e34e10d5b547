package io.plumbline.pcaps;

import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;

/** Frames around the values at which a subject's decisions change. */
public final class EdgePackets {
  private EdgePackets() {}

  /**
   * Appends frames.
   *
   * @param random how many random ones are made, less those that the subject's hook cannot be
   *     given; those that are made systematically come before them
   */
  public static void add(Subject subject, PacketBatch batch, int random, long seed) {
    PacketBatch made = new PacketBatch();
    if (subject.rules().isPresent()) {
      new PolicyPackets(subject.rules().get(), seed).add(made, random);
    } else {
      PacketGenerator generator = new PacketGenerator(subject.inputs());
      generator.systematic(made);
      generator.random(made, random, seed);
    }
    batch.addAll(made.seenAt(subject.hook()));
  }
}
