package io.plumbline.loader.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * One netlink message, to send or received; all numbers in host order.
 *
 * <pre>
 * 0 length u32 | 4 type u16 | 6 flags u16 | 8 sequence u32 | 12 port u32 | 16 fixed part, then attributes
 * </pre>
 */
final class Message {
  static final int HEADER = 16;
  static final int F_REQUEST = 1;
  static final int F_ACK = 4;
  static final int F_ECHO = 8;
  static final int F_DUMP = 0x300;
  static final int F_REPLACE = 0x100;
  static final int F_EXCL = 0x200;
  static final int F_CREATE = 0x400;

  private static final int F_NESTED = 0x8000;
  private static final int TYPE_MASK = 0x3FFF;
  private static final int MAX = 4096;

  private final ByteBuffer bytes;

  /** Begins a request; what belongs into its fixed part follows by {@link #u8} and so on. */
  Message(int type, int flags) {
    bytes = ByteBuffer.allocate(MAX).order(ByteOrder.nativeOrder());
    bytes.putInt(0).putShort((short) type).putShort((short) flags).putInt(0).putInt(0);
  }

  private Message(byte[] received) {
    bytes = ByteBuffer.wrap(received).order(ByteOrder.nativeOrder());
  }

  static Message received(byte[] received) {
    return new Message(received);
  }

  Message u8(int value) {
    bytes.put((byte) value);
    return this;
  }

  Message u16(int value) {
    bytes.putShort((short) value);
    return this;
  }

  Message u32(int value) {
    bytes.putInt(value);
    return this;
  }

  /** Adds an attribute of one number. */
  Message attribute(int type, int value) {
    return attribute(type, inner -> inner.u32(value));
  }

  /** Adds an attribute of a text with its closing zero. */
  Message attribute(int type, String value) {
    return attribute(
        type,
        inner -> {
          inner.bytes.put(value.getBytes(StandardCharsets.UTF_8));
          inner.u8(0);
        });
  }

  /** Adds an attribute that holds attributes. */
  Message nested(int type, Consumer<Message> content) {
    return attribute(type | F_NESTED, content);
  }

  private Message attribute(int type, Consumer<Message> content) {
    int start = bytes.position();
    u16(0).u16(type);
    content.accept(this);
    bytes.putShort(start, (short) (bytes.position() - start));
    while (bytes.position() % 4 != 0) {
      u8(0);
    }
    return this;
  }

  /** Returns what is sent. */
  byte[] encode(int sequence, boolean acknowledge) {
    bytes.putInt(0, bytes.position());
    bytes.putInt(8, sequence);
    if (acknowledge) {
      bytes.putShort(6, (short) (bytes.getShort(6) | F_ACK));
    }
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  int type() {
    return bytes.getShort(4) & 0xFFFF;
  }

  int flags() {
    return bytes.getShort(6) & 0xFFFF;
  }

  int sequence() {
    return bytes.getInt(8);
  }

  /** Returns a number of the fixed part. */
  int u32At(int offset) {
    return bytes.getInt(HEADER + offset);
  }

  int u16At(int offset) {
    return bytes.getShort(HEADER + offset) & 0xFFFF;
  }

  /** Returns a whole message that this one quotes, as an error does. */
  int length() {
    return bytes.limit();
  }

  /** Returns the attributes behind a fixed part of so many bytes. */
  Attributes attributes(int fixedBytes) {
    return new Attributes(bytes, HEADER + fixedBytes, bytes.limit());
  }

  /** Attributes side by side; a type that is not there reads as empty. */
  record Attributes(ByteBuffer bytes, int from, int to) {
    /** Returns where an attribute's value begins and ends. */
    private int[] find(int type) {
      int at = from;
      while (at + 4 <= to) {
        int length = bytes.getShort(at) & 0xFFFF;
        if (length < 4 || at + length > to) {
          break;
        }
        if ((bytes.getShort(at + 2) & TYPE_MASK) == type) {
          return new int[] {at + 4, at + length};
        }
        at += (length + 3) / 4 * 4;
      }
      return new int[] {from, from};
    }

    boolean has(int type) {
      int[] range = find(type);
      return range[1] > range[0];
    }

    int u32(int type) {
      int[] range = find(type);
      return range[1] - range[0] >= 4 ? bytes.getInt(range[0]) : 0;
    }

    int u8(int type) {
      int[] range = find(type);
      return range[1] > range[0] ? bytes.get(range[0]) & 0xFF : 0;
    }

    String text(int type) {
      int[] range = find(type);
      int end = range[0];
      while (end < range[1] && bytes.get(end) != 0) {
        end++;
      }
      byte[] copy = new byte[end - range[0]];
      for (int i = 0; i < copy.length; i++) {
        copy[i] = bytes.get(range[0] + i);
      }
      return new String(copy, StandardCharsets.UTF_8);
    }

    Attributes nested(int type) {
      int[] range = find(type);
      return new Attributes(bytes, range[0], range[1]);
    }
  }
}
