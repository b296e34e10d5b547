package io.plumbline.pcaps;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Recognises what a file is by its first bytes. */
final class CaptureFormats {
  private static final int MAGIC = 4;
  private static final int ZSTD = 0x28B52FFD;

  /** The least of sixteen numbers, little-endian. */
  private static final int ZSTD_SKIPPABLE = 0x184D2A50;

  /** What other tools write, by the first four bytes, with the way to make a capture of it. */
  private static final Map<Integer, String> OTHERS =
      Map.of(
          0xFD377A58, "xz: xz -dc FILE | plumb ... -",
          0x425A6839, "bzip2: bzip2 -dc FILE | plumb ... -",
          0x04224D18, "lz4: lz4 -dc FILE | plumb ... -",
          0x504B0304, "zip: unzip -p FILE | plumb ... -",
          0x736E6F6F, "snoop: editcap -F pcap FILE OUT.pcap",
          0x474D4255, "Network Monitor: editcap -F pcap FILE OUT.pcap");

  private CaptureFormats() {}

  /** Returns a reader of a capture, which closes the input. */
  static CaptureReader reader(String file, CaptureInput in) throws CaptureException {
    try {
      return contents(file, in);
    } catch (IOException e) {
      throw CaptureException.of(file, e);
    }
  }

  private static CaptureReader contents(String file, CaptureInput in)
      throws CaptureException, IOException {
    int magic = magic(file, in);
    InputStream plain = decompressed(magic, in);
    if (plain == null) {
      return reader(file, in, magic);
    }
    CaptureInput contents = new CaptureInput(plain, PcapFormat.BUFFER);
    boolean kept = false;
    try {
      magic = magic(file, contents);
      if (isGzip(magic) || isZstd(magic)) {
        throw new CaptureException(
            file + ": compressed twice: expected a capture, compressed once: decompress it first");
      }
      CaptureReader reader = reader(file, contents, magic);
      kept = true;
      return reader;
    } finally {
      if (!kept) {
        contents.close();
      }
    }
  }

  private static int magic(String file, CaptureInput in) throws CaptureException, IOException {
    if (!in.fill(MAGIC)) {
      throw new CaptureException(
          "%s: not a capture: %d bytes: expected pcap or pcapng".formatted(file, in.available()));
    }
    return ByteBuffer.wrap(in.bytes).getInt(in.position);
  }

  /** Returns the contents of compressed data, or null if it is not compressed. */
  private static @Nullable InputStream decompressed(int magic, CaptureInput in) throws IOException {
    if (isGzip(magic)) {
      return new GzipStream(in);
    }
    return isZstd(magic) ? new ZstdStream(in) : null;
  }

  private static boolean isGzip(int magic) {
    return magic >>> 8 == GzipStream.MAGIC;
  }

  /** Returns whether a frame starts, possibly a skippable one; without loading the library. */
  private static boolean isZstd(int magic) {
    return magic == ZSTD || (Integer.reverseBytes(magic) & 0xFFFFFFF0) == ZSTD_SKIPPABLE;
  }

  private static CaptureReader reader(String file, CaptureInput in, int magic)
      throws CaptureException, IOException {
    if (magic == PcapngFormat.SECTION) {
      return new PcapngReader(file, in);
    }
    PcapFormat format = PcapFormat.ofMagic(magic);
    if (format != null) {
      return new PcapReader(file, in, format);
    }
    String other = OTHERS.get(magic);
    throw new CaptureException(
        "%s: not a capture: starts with 0x%08x: expected pcap or pcapng%s"
            .formatted(file, magic, other == null ? "" : "; this is " + other));
  }
}
