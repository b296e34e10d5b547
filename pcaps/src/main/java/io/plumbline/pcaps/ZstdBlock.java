package io.plumbline.pcaps;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Decoder of the compressed blocks of one Zstandard frame (RFC 8878 section 3.1.1.3). */
final class ZstdBlock {
  /** The longest block, and so the most literals. */
  static final int MAX = 128 << 10;

  private static final int MAX_WEIGHTS = 256;

  /** One of the three codes of a sequence, with its predefined table (section 3.1.1.3.2.2). */
  private static final class Code {
    private final int maxLog;
    private final int symbols;
    private final int log;
    private final int[] shares;
    private @Nullable ZstdTable table;

    Code(int maxLog, int symbols, int log, int... shares) {
      this.maxLog = maxLog;
      this.symbols = symbols;
      this.log = log;
      this.shares = shares;
    }

    /** Reads the table for a block, where its mode says so, and returns where that ends. */
    int read(int mode, byte[] bytes, int from, int to) throws CompressionException {
      int next = from;
      switch (mode) {
        case 0 -> table = ZstdTable.of(log, shares);
        case 1 -> {
          requireRoom(next < to && (bytes[next] & 0xFF) < symbols);
          table = ZstdTable.of(bytes[next++]);
        }
        case 2 -> {
          ZstdBits in = ZstdBits.forward(bytes, next, to);
          table = ZstdTable.read(in, maxLog, symbols);
          next = in.nextByte();
        }
        default -> {
          // The table of the block before.
        }
      }
      return next;
    }

    ZstdTable table() throws CompressionException {
      ZstdTable known = table;
      if (known == null) {
        throw ZstdStream.damaged("a table of an earlier block, and there is none");
      }
      return known;
    }
  }

  private static final int[] LITERAL_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16
  };
  private static final int[] MATCH_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  };
  private static final int[] LITERAL_BASE = bases(0, LITERAL_BITS);
  private static final int[] MATCH_BASE = bases(3, MATCH_BITS);

  private final byte[] literals = new byte[MAX];
  private int literalCount;
  private @Nullable ZstdTable huffman;
  private final Code literalCode =
      new Code(
          9, 36, 6, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2,
          1, 1, 1, 1, 1, -1, -1, -1, -1);
  private final Code offsetCode =
      new Code(
          8, 32, 5, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1,
          -1, -1, -1);
  private final Code matchCode =
      new Code(
          9, 53, 6, 1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
          1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1);
  private final long[] recent = {1, 4, 8};

  /** Returns the first value of each code: codes follow one another without a gap. */
  private static int[] bases(int first, int[] bits) {
    int[] bases = new int[bits.length];
    int next = first;
    for (int code = 0; code < bits.length; code++) {
      bases[code] = next;
      next += 1 << bits[code];
    }
    return bases;
  }

  /**
   * Decodes a block.
   *
   * @param window holds what was decoded before; has room for {@link #MAX} bytes more
   * @param at where the block's contents begin
   * @param most the longest block of this frame
   * @return where they end
   */
  int decode(byte[] bytes, int from, int to, byte[] window, int at, int most)
      throws CompressionException {
    int sequences = readLiterals(bytes, from, to);
    return runSequences(bytes, sequences, to, window, at, at + most);
  }

  /** Reads the literals section (section 3.1.1.3.1) and returns where it ends. */
  private int readLiterals(byte[] bytes, int from, int to) throws CompressionException {
    int type = bytes[from] & 3;
    int format = bytes[from] >> 2 & 3;
    if (type < 2) {
      int head = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
      literalCount = (int) (number(bytes, from, head) >>> (head == 1 ? 3 : 4));
      int next = from + head;
      int stored = type == 0 ? literalCount : 1;
      requireRoom(literalCount <= MAX && stored <= to - next);
      if (type == 0) {
        System.arraycopy(bytes, next, literals, 0, literalCount);
      } else {
        Arrays.fill(literals, 0, literalCount, bytes[next]);
      }
      return next + stored;
    }
    int head = format < 2 ? 3 : format + 2;
    int width = format < 2 ? 10 : format == 2 ? 14 : 18;
    long sizes = number(bytes, from, head) >>> 4;
    literalCount = (int) (sizes & (1 << width) - 1);
    int next = from + head;
    int end = next + (int) (sizes >>> width);
    requireRoom(literalCount <= MAX && end <= to && next < end);
    if (type == 2) {
      next = readHuffman(bytes, next, end);
    }
    if (format == 0) {
      decodeLiterals(bytes, next, end, 0, literalCount);
      return end;
    }
    requireRoom(end - next >= 6);
    int quarter = (literalCount + 3) / 4;
    int stream = next + 6;
    for (int i = 0; i < 4; i++) {
      int streamEnd = i == 3 ? end : stream + (int) number(bytes, next + 2 * i, 2);
      requireRoom(streamEnd <= end && 3 * quarter <= literalCount);
      decodeLiterals(
          bytes, stream, streamEnd, i * quarter, i == 3 ? literalCount : (i + 1) * quarter);
      stream = streamEnd;
    }
    return end;
  }

  private int readHuffman(byte[] bytes, int from, int end) throws CompressionException {
    int[] weights = new int[MAX_WEIGHTS];
    int head = bytes[from] & 0xFF;
    int next = from + 1;
    if (head < 128) {
      requireRoom(next + head <= end);
      huffman =
          ZstdTable.huffman(weights, ZstdTable.readWeights(bytes, next, next + head, weights));
      return next + head;
    }
    int count = head - 127;
    requireRoom(next + (count + 1) / 2 <= end);
    for (int i = 0; i < count; i++) {
      weights[i] = bytes[next + i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
    }
    huffman = ZstdTable.huffman(weights, count);
    return next + (count + 1) / 2;
  }

  private void decodeLiterals(byte[] bytes, int from, int end, int first, int last)
      throws CompressionException {
    ZstdTable table = huffman;
    if (table == null) {
      throw ZstdStream.damaged("a Huffman code of an earlier block, and there is none");
    }
    ZstdBits in = ZstdBits.backward(bytes, from, end);
    for (int i = first; i < last; i++) {
      int state = in.peek(table.log);
      literals[i] = table.symbols[state];
      in.back(table.bits[state]);
    }
    requireRoom(in.left() == 0);
  }

  /** Reads the sequences section (section 3.1.1.3.2) and carries it out. */
  private int runSequences(byte[] bytes, int from, int to, byte[] window, int at, int most)
      throws CompressionException {
    int count = bytes[from] & 0xFF;
    int next = from + 1;
    if (count == 255) {
      count = (int) number(bytes, next, 2) + 0x7F00;
      next += 2;
    } else if (count >= 128) {
      count = (count - 128 << 8) + (bytes[next] & 0xFF);
      next++;
    }
    int taken = 0;
    int end = at;
    if (count > 0) {
      int modes = bytes[next++];
      next = literalCode.read(modes >> 6 & 3, bytes, next, to);
      next = offsetCode.read(modes >> 4 & 3, bytes, next, to);
      next = matchCode.read(modes >> 2 & 3, bytes, next, to);
      ZstdTable literal = literalCode.table();
      ZstdTable offset = offsetCode.table();
      ZstdTable match = matchCode.table();
      requireRoom((modes & 3) == 0 && next <= to);
      ZstdBits in = ZstdBits.backward(bytes, next, to);
      int literalState = (int) in.backward(literal.log);
      int offsetState = (int) in.backward(offset.log);
      int matchState = (int) in.backward(match.log);
      for (int i = 0; i < count; i++) {
        int offsetSymbol = offset.symbols[offsetState];
        long value = (1L << offsetSymbol) + in.backward(offsetSymbol);
        int matchSymbol = match.symbols[matchState];
        int length = MATCH_BASE[matchSymbol] + (int) in.backward(MATCH_BITS[matchSymbol]);
        int literalSymbol = literal.symbols[literalState];
        int copied = LITERAL_BASE[literalSymbol] + (int) in.backward(LITERAL_BITS[literalSymbol]);
        if (i < count - 1) {
          literalState = literal.next(literalState, in);
          matchState = match.next(matchState, in);
          offsetState = offset.next(offsetState, in);
        }
        requireRoom(
            in.left() >= 0 && copied <= literalCount - taken && copied + length <= most - end);
        System.arraycopy(literals, taken, window, end, copied);
        taken += copied;
        end += copied;
        long distance = distance(value, copied);
        requireRoom(distance > 0 && distance <= end);
        copy(window, end, (int) distance, length);
        end += length;
      }
      requireRoom(in.left() == 0);
    } else {
      requireRoom(next == to);
    }
    int rest = literalCount - taken;
    requireRoom(rest <= most - end);
    System.arraycopy(literals, taken, window, end, rest);
    return end + rest;
  }

  private static void copy(byte[] window, int to, int distance, int length) {
    if (distance >= length) {
      System.arraycopy(window, to - distance, window, to, length);
      return;
    }
    for (int i = 0; i < length; i++) {
      window[to + i] = window[to + i - distance];
    }
  }

  /**
   * Returns the distance that a value means, which may be one of the last three (section 3.1.1.5).
   */
  private long distance(long value, int copied) {
    if (value > 3) {
      shift(2, value - 3);
      return value - 3;
    }
    int which = (int) value - 1 + (copied == 0 ? 1 : 0);
    shift(Math.min(which, 2), which == 3 ? recent[0] - 1 : recent[which]);
    return recent[0];
  }

  private void shift(int from, long first) {
    System.arraycopy(recent, 0, recent, 1, from);
    recent[0] = first;
  }

  /** Returns a little-endian number of up to 5 bytes. */
  static long number(byte[] bytes, int from, int count) {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (bytes[from + i] & 0xFFL) << 8 * i;
    }
    return value;
  }

  private static void requireRoom(boolean fits) throws CompressionException {
    if (!fits) {
      throw ZstdStream.damaged("a length or offset beyond its block");
    }
  }
}
