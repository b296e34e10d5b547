package io.plumbline.pcaps;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * The contents of Zstandard data (RFC 8878): any number of frames, skippable ones between them.
 * Contents are delivered block by block, so those in front of damage are. Dictionaries are not
 * supported.
 */
final class ZstdStream extends InputStream {
  private static final int MAGIC = 0xFD2FB528;
  private static final int SKIPPABLE = 0x184D2A50;
  private static final int SKIPPABLE_MASK = 0xFFFFFFF0;

  /** The largest window, as of the zstd tool; larger ones need its option --long. */
  private static final int MAX_WINDOW = 128 << 20;

  private static final int RESERVED = 8;
  private static final int CHECKSUM = 4;
  private static final int SINGLE_SEGMENT = 0x20;

  private final CaptureInput in;
  private byte[] window = new byte[2 * ZstdBlock.MAX];
  private int delivered;
  private int end;
  private int windowSize;
  private boolean inside;
  private boolean last;
  private boolean checked;
  private long contents;
  private long produced;
  private ZstdBlock blocks = new ZstdBlock();
  private XxHash64 hash = new XxHash64();

  ZstdStream(CaptureInput in) {
    this.in = in;
  }

  /** Returns whether a frame starts with this little-endian number. */
  static boolean isFrame(int magic) {
    return magic == MAGIC || (magic & SKIPPABLE_MASK) == SKIPPABLE;
  }

  static CompressionException damaged(String what) {
    return new CompressionException("zstd data: damaged: " + what);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int from, int length) throws IOException {
    while (delivered == end) {
      if (!inside) {
        if (!startFrame()) {
          return -1;
        }
      } else if (last) {
        endFrame();
      } else {
        decodeBlock();
      }
    }
    int count = Math.min(length, end - delivered);
    System.arraycopy(window, delivered, target, from, count);
    delivered += count;
    return count;
  }

  /** Reads a frame's header (section 3.1.1.1); skippable frames are passed over. */
  private boolean startFrame() throws IOException {
    if (!in.fill(1)) {
      return false;
    }
    int magic = (int) number(4);
    if (!isFrame(magic)) {
      throw damaged("no frame at byte %d".formatted(in.at() - 4));
    }
    if (magic != MAGIC) {
      if (!in.skip(number(4))) {
        throw cutOff();
      }
      return true;
    }
    int descriptor = (int) number(1);
    boolean single = (descriptor & SINGLE_SEGMENT) != 0;
    long size = 0;
    if (!single) {
      int exponent = (int) number(1);
      long base = 1L << 10 + (exponent >> 3);
      size = base + (base >> 3) * (exponent & 7);
    }
    long dictionary = number(new int[] {0, 1, 2, 4}[descriptor & 3]);
    int sizeBytes = new int[] {single ? 1 : 0, 2, 4, 8}[descriptor >> 6 & 3];
    contents = sizeBytes == 0 ? -1 : number(sizeBytes) + (sizeBytes == 2 ? 256 : 0);
    if ((descriptor & RESERVED) != 0) {
      throw damaged("a reserved bit is set");
    }
    if (dictionary != 0) {
      throw new CompressionException(
          "zstd data: needs dictionary %d: expected data without one".formatted(dictionary));
    }
    size = single ? contents : size;
    if (size < 0 || size > MAX_WINDOW) {
      throw new CompressionException(
          "zstd data: window of %s bytes: expected at most %d: zstd -dc --long=31 FILE | plumb ... -"
              .formatted(Long.toUnsignedString(size), MAX_WINDOW));
    }
    windowSize = (int) size;
    checked = (descriptor & CHECKSUM) != 0;
    blocks = new ZstdBlock();
    hash = new XxHash64();
    delivered = 0;
    end = 0;
    produced = 0;
    last = false;
    inside = true;
    return true;
  }

  /** Decodes a block (section 3.1.1.2) into the window. */
  private void decodeBlock() throws IOException {
    int header = (int) number(3);
    int type = header >> 1 & 3;
    int size = header >>> 3;
    int most = Math.min(ZstdBlock.MAX, windowSize);
    if (size > most || type == 3) {
      throw damaged("block of type %d and %d bytes".formatted(type, size));
    }
    int stored = type == 1 ? 1 : size;
    if (!in.fill(stored)) {
      throw cutOff();
    }
    makeRoom();
    int from = end;
    if (type == 0) {
      System.arraycopy(in.bytes, in.position, window, end, size);
      end += size;
    } else if (type == 1) {
      Arrays.fill(window, end, end + size, in.bytes[in.position]);
      end += size;
    } else {
      end = decodeCompressed(size, most);
    }
    in.position += stored;
    produced += end - from;
    if (contents >= 0 && produced > contents) {
      end = from;
      throw damaged("more contents than the %d bytes that the frame says".formatted(contents));
    }
    if (checked) {
      hash.update(window, from, end);
    }
    last = (header & 1) != 0;
  }

  private int decodeCompressed(int size, int most) throws CompressionException {
    if (size < 2) {
      throw damaged("block of %d bytes".formatted(size));
    }
    try {
      return blocks.decode(in.bytes, in.position, in.position + size, window, end, most);
    } catch (IndexOutOfBoundsException e) {
      // Java checks every index; data that leads out of a table or block is damaged.
      throw damaged("a number beyond its table");
    }
  }

  /** Makes room for a block after the window, which moves to the front, or grows, if need be. */
  private void makeRoom() {
    if (window.length - end >= ZstdBlock.MAX) {
      return;
    }
    int room = windowSize + Math.max(ZstdBlock.MAX, windowSize / 2);
    if (end > windowSize && window.length >= room) {
      System.arraycopy(window, end - windowSize, window, 0, windowSize);
      end = windowSize;
      delivered = end;
    } else {
      window =
          Arrays.copyOf(window, Math.min(Math.max(room, end + ZstdBlock.MAX), 2 * window.length));
    }
  }

  private void endFrame() throws IOException {
    if (contents >= 0 && produced != contents) {
      throw damaged("%d bytes of contents: expected %d".formatted(produced, contents));
    }
    if (checked && number(4) != (hash.value() & 0xFFFFFFFFL)) {
      throw damaged("another checksum");
    }
    inside = false;
  }

  private long number(int bytes) throws IOException {
    if (!in.fill(bytes)) {
      throw cutOff();
    }
    in.position += bytes;
    return ZstdBlock.number(in.bytes, in.position - bytes, bytes);
  }

  private CompressionException cutOff() {
    return new CompressionException(
        "zstd data: cut off after %d bytes".formatted(in.at() + in.available()));
  }

  @Override
  public void close() {
    in.close();
  }
}
