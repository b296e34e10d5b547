package io.plumbline.pcaps;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import com.github.luben.zstd.util.Native;
import java.io.IOException;
import java.io.InputStream;

/**
 * The contents of Zstandard data (RFC 8878): any number of frames, skippable ones between them.
 * Dictionaries are not supported.
 */
final class ZstdStream extends InputStream {
  /** The largest window as a power of two: 128 MiB, as of the zstd tool. */
  private static final int MAX_WINDOW = 27;

  /** Bytes taken from the library at once: of these, it delivers nothing if it meets damage. */
  private static final int PIECE = 1024;

  private final CaptureInput in;
  private final ZstdInputStreamNoFinalizer contents;
  private boolean ended;

  /** Starts to decode; loads the library, which no other input needs. */
  ZstdStream(CaptureInput in) throws IOException {
    this.in = in;
    try {
      Native.load();
    } catch (LinkageError e) {
      throw new CompressionException(
          "zstd data: its native library cannot be unpacked to %s and loaded: expected a folder that can be written and is not mounted noexec: zstd -dc FILE | plumb ... -"
              .formatted(System.getProperty("java.io.tmpdir")));
    }
    contents = new ZstdInputStreamNoFinalizer(new Frames()).setLongMax(MAX_WINDOW);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int from, int length) throws IOException {
    try {
      return contents.read(target, from, Math.min(length, PIECE));
    } catch (ZstdIOException e) {
      throw new CompressionException("zstd data: " + reason(e));
    }
  }

  private String reason(ZstdIOException e) {
    if (ended) {
      return "cut off after %d bytes".formatted(in.at());
    }
    if (e.getErrorCode() == Zstd.errFrameParameterWindowTooLarge()) {
      return "window larger than 128 MiB: expected at most 128 MiB: zstd -dc --long=31 FILE | plumb ... -";
    }
    if (e.getErrorCode() == Zstd.errDictionaryWrong()) {
      return "needs a dictionary: expected data without one: zstd -dc -D DICTIONARY FILE | plumb ... -";
    }
    return "damaged: " + e.getMessage();
  }

  @Override
  public void close() throws IOException {
    contents.close();
  }

  /** The input, as the library reads it. */
  private final class Frames extends InputStream {
    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int from, int length) throws IOException {
      if (!in.fill(1)) {
        ended = true;
        return -1;
      }
      int count = Math.min(length, in.available());
      System.arraycopy(in.bytes, in.position, target, from, count);
      in.position += count;
      return count;
    }

    @Override
    public void close() {
      in.close();
    }
  }
}
