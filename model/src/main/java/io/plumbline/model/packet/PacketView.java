package io.plumbline.model.packet;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A window on one frame at a time, for reading header fields without allocating.
 *
 * <p>A VLAN tag outside the bytes is shown as if it stood in the frame, after the MAC addresses,
 * where it goes on the wire; every byte behind it moves by four. A frame of fewer than 14 bytes has
 * no place for a tag and is shown as it is. Fields are big-endian, as on the wire; offsets are
 * counted from the first byte of the Ethernet header.
 */
public final class PacketView {
  private static final int TAG_OFFSET = 12;
  private static final int TAG_LENGTH = 4;
  private static final int ETHERNET_LENGTH = 14;
  private static final VarHandle U16 =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle U32 =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private byte[] data = new byte[0];
  private int base;
  private int captured;
  private int length;
  private int vlanWord;

  /** Shows frame i of a batch. */
  public void show(PacketBatch batch, int i) {
    show(
        batch.data(),
        batch.offset(i),
        batch.capturedLength(i),
        batch.wireLength(i),
        batch.vlanWord(i));
  }

  /** Shows one frame. */
  public void show(Packet packet) {
    show(packet.bytesShared(), 0, packet.capturedLength(), packet.wireLength(), packet.vlanWord());
  }

  private void show(byte[] bytes, int from, int capturedLength, int wireLength, int vlan) {
    boolean tagged = vlan != 0 && wireLength >= ETHERNET_LENGTH;
    data = bytes;
    base = from;
    captured = tagged ? capturedLength + TAG_LENGTH : capturedLength;
    length = tagged ? wireLength + TAG_LENGTH : wireLength;
    vlanWord = tagged ? vlan : 0;
  }

  /** Returns the length of the frame on the wire, a tag outside the bytes included. */
  public int length() {
    return length;
  }

  /** Returns the length of the frame without a tag outside the bytes. */
  public int untaggedLength() {
    return vlanWord == 0 ? length : length - TAG_LENGTH;
  }

  /**
   * Returns the byte at an offset, 0..255.
   *
   * @throws CutCaptureException if the frame had this byte but the capture does not
   * @throws IndexOutOfBoundsException if the frame ended before it
   */
  public int u8(int offset) {
    check(offset, 1);
    return vlanWord == 0 ? data[base + offset] & 0xFF : byteAt(offset);
  }

  /** Returns the two bytes at an offset, 0..0xFFFF; throws as {@link #u8} does. */
  public int u16(int offset) {
    check(offset, 2);
    return vlanWord == 0
        ? (short) U16.get(data, base + offset) & 0xFFFF
        : byteAt(offset) << 8 | byteAt(offset + 1);
  }

  /** Returns the four bytes at an offset, 0..0xFFFFFFFF; throws as {@link #u8} does. */
  public long u32(int offset) {
    check(offset, 4);
    return vlanWord == 0
        ? (int) U32.get(data, base + offset) & 0xFFFF_FFFFL
        : (long) byteAt(offset) << 24
            | byteAt(offset + 1) << 16
            | byteAt(offset + 2) << 8
            | byteAt(offset + 3);
  }

  /** Returns the eight bytes at an offset, unsigned; throws as {@link #u8} does. */
  public long u64(int offset) {
    return u32(offset) << 32 | u32(offset + 4);
  }

  private int byteAt(int offset) {
    if (offset < TAG_OFFSET) {
      return data[base + offset] & 0xFF;
    }
    if (offset < TAG_OFFSET + TAG_LENGTH) {
      return vlanWord >>> 8 * (TAG_OFFSET + TAG_LENGTH - 1 - offset) & 0xFF;
    }
    return data[base + offset - TAG_LENGTH] & 0xFF;
  }

  private void check(int offset, int width) {
    if (offset < 0 || offset > captured - width) {
      if (offset >= 0 && offset <= length - width) {
        throw CutCaptureException.INSTANCE;
      }
      throw new IndexOutOfBoundsException(
          "frame: read of %d bytes at %d: frame has %d".formatted(width, offset, length));
    }
  }
}
