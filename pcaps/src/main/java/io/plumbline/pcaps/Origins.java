package io.plumbline.pcaps;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a capture says of each frame of a batch: time and wire length as the file has them, which
 * need not make sense, the interface, and the link header if the frame has not the same.
 */
final class Origins {
  private long[] times = new long[0];
  private int[] wires = new int[0];
  private @Nullable CaptureInterface[] interfaces = new CaptureInterface[0];

  /** How many bytes of each frame stand for the link header. */
  private int[] replaced = new int[0];

  /**
   * Where the link header of each frame ends in {@link #headers}; it begins where the last ends.
   */
  private int[] headerEnds = new int[0];

  private byte[] headers = new byte[0];

  /** Records the origin of frame i, which is the first or follows the one recorded last. */
  void put(
      int i, long time, int wire, CaptureInterface on, LinkHeader header, byte[] data, int offset) {
    if (i >= times.length) {
      times = Arrays.copyOf(times, 2 * i + 1024);
      wires = Arrays.copyOf(wires, times.length);
      interfaces = Arrays.copyOf(interfaces, times.length);
      replaced = Arrays.copyOf(replaced, times.length);
      headerEnds = Arrays.copyOf(headerEnds, times.length);
    }
    times[i] = time;
    wires[i] = wire;
    interfaces[i] = on;
    replaced[i] = header.frameLength();
    int start = headerStart(i);
    int length = header.length();
    if (length > 0) {
      if (length > headers.length - start) {
        headers = Arrays.copyOf(headers, 2 * headers.length + length + 1024);
      }
      System.arraycopy(data, offset, headers, start, length);
    }
    headerEnds[i] = start + length;
  }

  private int headerStart(int i) {
    return i == 0 ? 0 : headerEnds[i - 1];
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

  /** Returns how many bytes at the start of a frame stand for its link header. */
  int replaced(int i) {
    return replaced[i];
  }

  /** Returns the length of the link header that {@link #writeHeader} writes. */
  int headerLength(int i) {
    return headerEnds[i] - headerStart(i);
  }

  void writeHeader(int i, OutputStream out) throws IOException {
    out.write(headers, headerStart(i), headerLength(i));
  }
}
