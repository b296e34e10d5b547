package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * Classic pcap in bulk: micro- and nanoseconds, both byte orders, through one buffer of bounded
 * size. Nothing is allocated per frame. Captured and wire length are kept apart.
 */
final class PcapReader implements CaptureReader {
  private static final VarHandle BIG =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LITTLE =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final FileChannel channel;
  private final byte[] buffer = new byte[2 * PcapFormat.MAX_RECORD];
  private final boolean bigEndian;
  private final int linkType;
  private int position;
  private int limit;
  private long consumed;
  private long record;

  /**
   * Reads the file's header.
   *
   * @param begun what has been read of it; a pipe cannot be read again
   */
  PcapReader(Path file, FileChannel channel, ByteBuffer begun)
      throws IOException, CaptureException {
    this.file = file;
    this.channel = channel;
    limit = begun.position();
    begun.get(0, buffer, 0, limit);
    if (!fill(PcapFormat.FILE_HEADER)) {
      throw new CaptureException(
          "%s: cut off in the file header: %d bytes: expected at least %d"
              .formatted(file, limit, PcapFormat.FILE_HEADER));
    }
    PcapFormat format = PcapFormat.ofMagic((int) BIG.get(buffer, 0));
    if (format == null) {
      throw new CaptureException(file + ": not a classic pcap");
    }
    bigEndian = format.order() == ByteOrder.BIG_ENDIAN;
    // The upper bits hold the length of a frame check sequence (draft-ietf-opsawg-pcap section 4).
    linkType = word(20) & 0xFFFF;
    position = PcapFormat.FILE_HEADER;
  }

  @Override
  public int linkType() {
    return linkType;
  }

  @Override
  public boolean read(PacketBatch batch, int frames) throws CaptureException {
    try {
      while (batch.size() < frames) {
        if (!fill(PcapFormat.RECORD_HEADER)) {
          if (limit != position) {
            throw cutOff("record header", limit - position, PcapFormat.RECORD_HEADER);
          }
          return false;
        }
        int captured = word(position + 8);
        int wire = word(position + 12);
        if (captured < 0 || captured > PcapFormat.MAX_RECORD) {
          throw new CaptureException(
              "%s: record %d at byte %d: captured length %d: expected 0..%d"
                  .formatted(
                      file, record + 1, at(), captured & 0xFFFFFFFFL, PcapFormat.MAX_RECORD));
        }
        if (!fill(PcapFormat.RECORD_HEADER + captured)) {
          throw cutOff("record", limit - position - PcapFormat.RECORD_HEADER, captured);
        }
        // Some writers set the wire length below the captured one; the bytes are there, so they
        // count.
        batch.add(
            buffer, position + PcapFormat.RECORD_HEADER, captured, Math.max(wire, captured), 0);
        position += PcapFormat.RECORD_HEADER + captured;
        record++;
      }
      return true;
    } catch (IOException e) {
      throw new CaptureException(file + ": cannot be read: " + e.getMessage());
    }
  }

  private CaptureException cutOff(String what, int have, int expected) {
    return new CaptureException(
        "%s: cut off in %s %d at byte %d: %d bytes: expected %d"
            .formatted(file, what, record + 1, at(), have, expected));
  }

  private long at() {
    return consumed + position;
  }

  private int word(int offset) {
    return bigEndian ? (int) BIG.get(buffer, offset) : (int) LITTLE.get(buffer, offset);
  }

  /** Makes {@code bytes} bytes readable at {@link #position}; false if the file ends before. */
  private boolean fill(int bytes) throws IOException {
    if (limit - position >= bytes) {
      return true;
    }
    System.arraycopy(buffer, position, buffer, 0, limit - position);
    consumed += position;
    limit -= position;
    position = 0;
    while (limit < bytes) {
      int read = channel.read(ByteBuffer.wrap(buffer, limit, buffer.length - limit));
      if (read < 0) {
        return false;
      }
      limit += read;
    }
    return true;
  }

  @Override
  public void close() {
    close(channel);
  }

  static void close(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
