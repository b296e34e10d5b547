package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.IdentityHashMap;

/**
 * Copies frames of a pcapng capture to another, little-endian: each with its time as it was, and
 * its interface, which is described before the first frame that needs it.
 */
final class PcapngWriter extends CaptureWriter {
  /** Interfaces that a section gets; then another one begins, which bounds the memory. */
  private static final int MAX_INTERFACES = 1 << 16;

  private final Origins origins;
  private final IdentityHashMap<CaptureInterface, Integer> numbers = new IdentityHashMap<>();
  private final byte[] padding = new byte[4];

  PcapngWriter(Path file, Origins origins) throws IOException {
    super(file);
    this.origins = origins;
    startSection();
  }

  private void startSection() throws IOException {
    numbers.clear();
    ByteBuffer block =
        ByteBuffer.allocate(PcapngFormat.SECTION_BLOCK).order(ByteOrder.LITTLE_ENDIAN);
    block.putInt(PcapngFormat.SECTION).putInt(PcapngFormat.SECTION_BLOCK);
    block.putInt(PcapngFormat.BYTE_ORDER_MAGIC).putShort((short) 1).putShort((short) 0);
    // The section's length: not given.
    block.putLong(-1).putInt(PcapngFormat.SECTION_BLOCK);
    out.write(block.array());
  }

  private int describe(CaptureInterface on) throws IOException {
    if (numbers.size() == MAX_INTERFACES) {
      startSection();
    }
    int end = on.options().length == 0 ? 0 : 4;
    int size = PcapngFormat.INTERFACE_BLOCK + on.options().length + end;
    ByteBuffer block = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    block.putInt(PcapngFormat.INTERFACE).putInt(size);
    block.putShort((short) on.linkType()).putShort((short) 0).putInt(on.snapLength());
    block.put(on.options()).put(padding, 0, end).putInt(size);
    out.write(block.array());
    numbers.put(on, numbers.size());
    return numbers.size() - 1;
  }

  @Override
  public void write(PacketBatch batch, int i) throws IOException {
    CaptureInterface on = origins.on(i);
    Integer known = numbers.get(on);
    int number = known == null ? describe(on) : known;
    int payload = batch.capturedLength(i) - origins.replaced(i);
    int captured = origins.headerLength(i) + payload;
    int size = PcapngFormat.PACKET_BLOCK + PcapngReader.padded(captured);
    ByteBuffer head =
        ByteBuffer.allocate(PcapngFormat.PACKET_BLOCK - 4).order(ByteOrder.LITTLE_ENDIAN);
    long time = origins.time(i);
    head.putInt(PcapngFormat.ENHANCED_PACKET).putInt(size).putInt(number);
    head.putInt((int) (time >>> 32)).putInt((int) time).putInt(captured).putInt(origins.wire(i));
    out.write(head.array());
    origins.writeHeader(i, out);
    out.write(batch.data(), batch.offset(i) + origins.replaced(i), payload);
    out.write(padding, 0, PcapngReader.padded(captured) - captured);
    out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(size).array());
  }

  @Override
  public void commit() throws IOException {
    if (numbers.isEmpty()) {
      // libpcap reads no file without an interface.
      describe(new CaptureInterface(0, "", LinkType.ETHERNET, 0, new byte[0]));
    }
    super.commit();
  }
}
