package io.plumbline.pcaps;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** A stream read through one buffer of fixed size, which readers walk in place. */
final class CaptureInput implements AutoCloseable {
  final byte[] bytes;
  int position;
  int limit;
  private final InputStream in;
  private long consumed;

  CaptureInput(InputStream in, int size) {
    this.in = in;
    bytes = new byte[size];
  }

  /** Returns the offset of {@link #position} in the stream. */
  long at() {
    return consumed + position;
  }

  /** Returns how many bytes can be read at {@link #position} without another read. */
  int available() {
    return limit - position;
  }

  /**
   * Makes bytes readable at {@link #position}.
   *
   * @param count at most the buffer's size
   * @return false if the stream ends before
   */
  boolean fill(int count) throws IOException {
    if (limit - position >= count) {
      return true;
    }
    System.arraycopy(bytes, position, bytes, 0, limit - position);
    consumed += position;
    limit -= position;
    position = 0;
    while (limit < count) {
      int read = in.read(bytes, limit, bytes.length - limit);
      if (read < 0) {
        return false;
      }
      limit += read;
    }
    return true;
  }

  /**
   * Passes over bytes.
   *
   * @return false if the stream ends before
   */
  boolean skip(long count) throws IOException {
    long left = count;
    while (left > 0) {
      if (!fill(1)) {
        return false;
      }
      int step = (int) Math.min(left, limit - position);
      position += step;
      left -= step;
    }
    return true;
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
