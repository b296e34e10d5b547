package io.plumbline.pcaps;

import java.util.Arrays;

/**
 * A table that turns a state into a symbol and the way to the next state: of finite state entropy
 * (RFC 8878 section 4.1) or Huffman codes (section 4.2).
 */
final class ZstdTable {
  private static final int MAX_WEIGHT_LOG = 6;
  private static final int MAX_HUFFMAN_BITS = 11;

  /** Bits of a state. */
  final int log;

  final byte[] symbols;
  final byte[] bits;
  private final short[] base;

  private ZstdTable(int log) {
    this.log = log;
    symbols = new byte[1 << log];
    bits = new byte[1 << log];
    base = new short[1 << log];
  }

  /** Returns a table with one state. */
  static ZstdTable of(int symbol) {
    ZstdTable table = new ZstdTable(0);
    table.symbols[0] = (byte) symbol;
    return table;
  }

  /**
   * Returns the table of a distribution.
   *
   * @param shares of the symbols in {@code 1 << log} states; -1 is a share of less than one
   */
  static ZstdTable of(int log, int... shares) throws CompressionException {
    ZstdTable table = new ZstdTable(log);
    int size = 1 << log;
    int high = size;
    int[] next = new int[shares.length];
    for (int symbol = 0; symbol < shares.length; symbol++) {
      next[symbol] = Math.abs(shares[symbol]);
      if (shares[symbol] < 0) {
        table.symbols[--high] = (byte) symbol;
      }
    }
    int step = (size >> 1) + (size >> 3) + 3;
    int at = 0;
    for (int symbol = 0; symbol < shares.length; symbol++) {
      for (int i = 0; i < shares[symbol]; i++) {
        table.symbols[at] = (byte) symbol;
        do {
          at = at + step & size - 1;
        } while (at >= high);
      }
    }
    if (at != 0) {
      throw ZstdStream.damaged("a distribution that is not complete");
    }
    for (int state = 0; state < size; state++) {
      int number = next[table.symbols[state] & 0xFF]++;
      int bits = log - (31 - Integer.numberOfLeadingZeros(number));
      table.bits[state] = (byte) bits;
      table.base[state] = (short) ((number << bits) - size);
    }
    return table;
  }

  /** Reads the description of a distribution from a forward stream (section 4.1.1). */
  static ZstdTable read(ZstdBits in, int maxLog, int maxSymbols) throws CompressionException {
    int log = in.forward(4) + 5;
    if (log > maxLog) {
      throw ZstdStream.damaged("a table of %d bits: expected at most %d".formatted(log, maxLog));
    }
    int[] shares = new int[maxSymbols];
    int remaining = 1 << log;
    int symbol = 0;
    while (remaining > 0) {
      int count = 32 - Integer.numberOfLeadingZeros(remaining + 1);
      int value = in.forward(count);
      int low = (1 << count - 1) - 1;
      int threshold = (1 << count) - 1 - (remaining + 1);
      if ((value & low) < threshold) {
        in.back(1);
        value &= low;
      } else if (value > low) {
        value -= threshold;
      }
      int share = value - 1;
      remaining -= Math.abs(share);
      if (symbol >= maxSymbols || remaining < 0) {
        throw ZstdStream.damaged("a distribution of too many symbols");
      }
      shares[symbol++] = share;
      int zeros = share == 0 ? 3 : 0;
      while (zeros == 3) {
        zeros = in.forward(2);
        symbol += zeros;
        if (symbol > maxSymbols) {
          throw ZstdStream.damaged("a distribution of too many symbols");
        }
      }
    }
    return of(log, shares);
  }

  /** Returns the state that follows; bits come from a backward stream. */
  int next(int state, ZstdBits in) {
    return base[state] + (int) in.backward(bits[state]);
  }

  /**
   * Returns the table of a Huffman code: a state is the next {@link #log} bits.
   *
   * @param weights of all symbols but the last, which completes the code (section 4.2.1)
   */
  static ZstdTable huffman(int[] weights, int count) throws CompressionException {
    int sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i] == 0 ? 0 : 1 << weights[i] - 1;
    }
    int log = 32 - Integer.numberOfLeadingZeros(sum);
    int left = (1 << log) - sum;
    if (sum == 0
        || log > MAX_HUFFMAN_BITS
        || Integer.bitCount(left) != 1
        || count >= weights.length) {
      throw ZstdStream.damaged("a Huffman code that is not complete");
    }
    int[] all = Arrays.copyOf(weights, count + 1);
    all[count] = 32 - Integer.numberOfLeadingZeros(left);
    ZstdTable table = new ZstdTable(log);
    int at = 0;
    for (int weight = 1; weight <= log; weight++) {
      for (int symbol = 0; symbol <= count; symbol++) {
        if (all[symbol] == weight) {
          int end = at + (1 << weight - 1);
          Arrays.fill(table.symbols, at, end, (byte) symbol);
          Arrays.fill(table.bits, at, end, (byte) (log + 1 - weight));
          at = end;
        }
      }
    }
    return table;
  }

  /** Reads weights that are compressed by finite state entropy, with two states in turn. */
  static int readWeights(byte[] bytes, int from, int to, int[] weights)
      throws CompressionException {
    ZstdBits head = ZstdBits.forward(bytes, from, to);
    ZstdTable table = read(head, MAX_WEIGHT_LOG, MAX_HUFFMAN_BITS + 2);
    ZstdBits in = ZstdBits.backward(bytes, head.nextByte(), to);
    int state = (int) in.backward(table.log);
    int other = (int) in.backward(table.log);
    int count = 0;
    while (count < weights.length - 1) {
      weights[count++] = table.symbols[state];
      int next = table.next(state, in);
      if (in.left() < 0) {
        weights[count++] = table.symbols[other];
        return count;
      }
      state = other;
      other = next;
    }
    throw ZstdStream.damaged("a Huffman code of too many symbols");
  }
}
