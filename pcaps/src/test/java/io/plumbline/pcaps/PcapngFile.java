package io.plumbline.pcaps;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes pcapng blocks for tests, in either byte order, also such as our writer never makes. */
final class PcapngFile {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private ByteOrder order = ByteOrder.LITTLE_ENDIAN;

  ByteBuffer body(int size) {
    return ByteBuffer.allocate(size).order(order);
  }

  PcapngFile block(int type, byte[] body) {
    int size = 12 + (body.length + 3 & ~3);
    byte[] block = new byte[size];
    ByteBuffer.wrap(block).order(order).putInt(type).putInt(size).put(body).putInt(size - 4, size);
    out.writeBytes(block);
    return this;
  }

  /** Adds a block of what was put into a body. */
  private PcapngFile block(int type, ByteBuffer body) {
    byte[] bytes = new byte[body.position()];
    body.get(0, bytes);
    return block(type, bytes);
  }

  PcapngFile section(ByteOrder in) {
    order = in;
    ByteBuffer body = body(16).putInt(0x1A2B3C4D).putShort((short) 1).putShort((short) 0);
    return block(0x0A0D0D0A, body.putLong(-1));
  }

  /** Adds an interface; options are pairs of a code and a value. */
  PcapngFile on(int linkType, int snapLength, Object... options) {
    ByteBuffer body = body(1000);
    body.putShort((short) linkType).putShort((short) 0).putInt(snapLength);
    for (int i = 0; i < options.length; i += 2) {
      byte[] value = (byte[]) options[i + 1];
      body.putShort(((Integer) options[i]).shortValue()).putShort((short) value.length).put(value);
      body.position(body.position() + 3 & ~3);
    }
    if (options.length > 0) {
      body.putInt(0);
    }
    return block(1, body);
  }

  PcapngFile enhanced(int on, long time, int wire, byte[] frame) {
    ByteBuffer body = body(20 + frame.length);
    body.putInt(on).putInt((int) (time >>> 32)).putInt((int) time);
    return block(6, body.putInt(frame.length).putInt(wire).put(frame));
  }

  PcapngFile obsolete(int on, long time, int wire, byte[] frame) {
    ByteBuffer body = body(20 + frame.length);
    body.putShort((short) on).putShort((short) 7).putInt((int) (time >>> 32)).putInt((int) time);
    return block(2, body.putInt(frame.length).putInt(wire).put(frame));
  }

  PcapngFile simple(int wire, byte[] frame) {
    return block(3, body(4 + frame.length).putInt(wire).put(frame));
  }

  byte[] bytes() {
    return out.toByteArray();
  }
}
