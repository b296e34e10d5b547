package io.plumbline.pcaps;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The contents of gzip data, of one member or several (RFC 1952). Unlike {@link
 * java.util.zip.GZIPInputStream} it reads several members from a pipe, and data that is cut off in
 * a later member's header, or followed by something else, is an error.
 */
final class GzipStream extends InputStream {
  /** The first three bytes: two of identification, and deflate. */
  static final int MAGIC = 0x1F8B08;

  private static final int HEADER = 10;
  private static final int TRAILER = 8;
  private static final int FLAG_CRC = 2;
  private static final int FLAG_EXTRA = 4;
  private static final int FLAG_NAME = 8;
  private static final int FLAG_COMMENT = 16;
  private static final int FLAGS_RESERVED = 0xE0;

  private final CaptureInput in;
  private final ByteBuffer bytes;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private boolean inside;

  GzipStream(CaptureInput in) {
    this.in = in;
    bytes = ByteBuffer.wrap(in.bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int from, int length) throws IOException {
    while (length > 0) {
      if (!inside && !startMember()) {
        return -1;
      }
      int read;
      try {
        read = inflater.inflate(target, from, length);
      } catch (DataFormatException e) {
        throw damaged("no deflate data");
      }
      if (read > 0) {
        crc.update(target, from, read);
        return read;
      }
      if (inflater.finished()) {
        in.position = in.limit - inflater.getRemaining();
        endMember();
      } else if (inflater.needsDictionary()) {
        throw damaged("a preset dictionary");
      } else {
        in.position = in.limit;
        require(1);
        inflater.setInput(in.bytes, in.position, in.limit - in.position);
      }
    }
    return 0;
  }

  /** Reads a member's header; zeros that pad the end of a tape are passed over. */
  private boolean startMember() throws IOException {
    while (in.fill(1) && in.bytes[in.position] == 0) {
      in.position++;
    }
    if (in.available() == 0) {
      return false;
    }
    if (!isMagic()) {
      throw new CompressionException(
          "gzip data: ends at byte %d: expected nothing after it, or more gzip data"
              .formatted(in.at()));
    }
    require(HEADER);
    int flags = in.bytes[in.position + 3] & 0xFF;
    if ((flags & FLAGS_RESERVED) != 0) {
      throw damaged("no gzip header");
    }
    in.position += HEADER;
    if ((flags & FLAG_EXTRA) != 0) {
      require(2);
      int extra = bytes.getShort(in.position) & 0xFFFF;
      require(2 + extra);
      in.position += 2 + extra;
    }
    for (int flag : new int[] {FLAG_NAME, FLAG_COMMENT}) {
      boolean more = (flags & flag) != 0;
      while (more) {
        require(1);
        more = in.bytes[in.position++] != 0;
      }
    }
    if ((flags & FLAG_CRC) != 0) {
      require(2);
      in.position += 2;
    }
    inflater.reset();
    inflater.setInput(in.bytes, in.position, in.limit - in.position);
    crc.reset();
    inside = true;
    return true;
  }

  /** Returns whether a header begins here, of which some bytes may be missing at the end. */
  private boolean isMagic() throws IOException {
    in.fill(3);
    for (int i = 0; i < Math.min(3, in.available()); i++) {
      if ((in.bytes[in.position + i] & 0xFF) != (MAGIC >> 16 - 8 * i & 0xFF)) {
        return false;
      }
    }
    return true;
  }

  private void endMember() throws IOException {
    require(TRAILER);
    if (bytes.getInt(in.position) != (int) crc.getValue()
        || bytes.getInt(in.position + 4) != (int) inflater.getBytesWritten()) {
      throw damaged("another checksum or length");
    }
    in.position += TRAILER;
    inside = false;
  }

  private void require(int count) throws IOException {
    if (!in.fill(count)) {
      throw new CompressionException(
          "gzip data: cut off after %d bytes".formatted(in.at() + in.available()));
    }
  }

  private CompressionException damaged(String what) {
    return new CompressionException("gzip data: damaged at byte %d: %s".formatted(in.at(), what));
  }

  @Override
  public void close() {
    inflater.end();
    in.close();
  }
}
