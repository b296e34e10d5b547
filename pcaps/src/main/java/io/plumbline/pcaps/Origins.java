package io.plumbline.pcaps;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a capture says of each frame of a batch: time and wire length as the file has them, which
 * need not make sense, and the interface.
 */
final class Origins {
  private long[] times = new long[0];
  private int[] wires = new int[0];
  private @Nullable CaptureInterface[] interfaces = new CaptureInterface[0];

  /** Records the origin of frame i. */
  void put(int i, long time, int wire, CaptureInterface on) {
    if (i >= times.length) {
      times = Arrays.copyOf(times, 2 * i + 1024);
      wires = Arrays.copyOf(wires, times.length);
      interfaces = Arrays.copyOf(interfaces, times.length);
    }
    times[i] = time;
    wires[i] = wire;
    interfaces[i] = on;
  }

  long time(int i) {
    return times[i];
  }

  int wire(int i) {
    return wires[i];
  }

  CaptureInterface on(int i) {
    CaptureInterface on = interfaces[i];
    if (on == null) {
      throw new IllegalArgumentException("frame " + i + ": not of this capture");
    }
    return on;
  }
}
