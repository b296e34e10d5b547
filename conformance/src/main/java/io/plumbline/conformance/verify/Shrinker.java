package io.plumbline.conformance.verify;

import io.plumbline.model.packet.Packet;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/** Makes a frame smaller and plainer for as long as it still shows the same thing. */
final class Shrinker {
  /** Whether a frame still shows it. */
  interface Shows {
    boolean test(Packet packet) throws io.plumbline.model.engine.EngineException;
  }

  private Shrinker() {}

  /**
   * Makes a frame shorter and plainer as long as it still shows something.
   *
   * @param least how many bytes it keeps
   */
  static Packet shrink(Packet start, int least, Shows shows)
      throws io.plumbline.model.engine.EngineException {
    Packet best = start;
    if (best.outsideTag().isPresent() && shows.test(best.withoutOutsideTag())) {
      best = best.withoutOutsideTag();
    }
    boolean progress = true;
    while (progress) {
      Packet before = best;
      for (int step = best.capturedLength() / 2; step > 0; step /= 2) {
        while (best.capturedLength() >= least + step && best.capturedLength() > step) {
          int length = best.capturedLength() - step;
          Packet shorter = edit(best, bytes -> Arrays.copyOf(bytes, length));
          if (!shows.test(shorter)) {
            break;
          }
          best = shorter;
        }
      }
      for (int i = 0; i < best.capturedLength(); i++) {
        best = plainer(best, i, shows);
      }
      progress = !best.equals(before);
    }
    return best;
  }

  private static Packet plainer(Packet packet, int at, Shows shows)
      throws io.plumbline.model.engine.EngineException {
    int value = packet.bytes()[at] & 0xFF;
    int[] candidates = {0, value >> 4 << 4, value & 0x0F, value / 2, value - 1};
    for (int candidate : candidates) {
      if (candidate >= 0 && candidate < value) {
        Packet simpler =
            edit(
                packet,
                bytes -> {
                  bytes[at] = (byte) candidate;
                  return bytes;
                });
        if (shows.test(simpler)) {
          return simpler;
        }
      }
    }
    return packet;
  }

  private static Packet edit(Packet packet, UnaryOperator<byte[]> change) {
    Packet changed = Packet.of(change.apply(packet.bytes()));
    return packet.outsideTag().map(changed::withOutsideTag).orElse(changed);
  }
}
