package io.plumbline.pcaps;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Writes packets as classic pcap, little-endian. A VLAN tag outside the bytes is written into the
 * frame, as libpcap does.
 */
public final class PcapWriter extends CaptureWriter {
  private final ByteBuffer header =
      ByteBuffer.allocate(PcapFormat.RECORD_HEADER).order(ByteOrder.LITTLE_ENDIAN);
  private final @Nullable Origins origins;
  private long count;

  /** Starts a file of frames that were never captured: a microsecond apart, from the epoch. */
  public PcapWriter(Path file) throws IOException {
    this(file, true, PcapFormat.MAX_RECORD, LinkType.ETHERNET, null);
  }

  /** Starts a file of frames that a reader's {@code origins} describe. */
  PcapWriter(
      Path file, boolean nanoseconds, int snapLength, int linkTypeField, @Nullable Origins origins)
      throws IOException {
    super(file);
    this.origins = origins;
    out.write(
        ByteBuffer.allocate(PcapFormat.FILE_HEADER)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(nanoseconds ? PcapFormat.NANOSECONDS : PcapFormat.MICROSECONDS)
            .putShort((short) 2)
            .putShort((short) 4)
            .putInt(0)
            .putInt(0)
            .putInt(snapLength)
            .putInt(linkTypeField)
            .array());
  }

  /** Writes one frame. */
  public void write(Packet packet) throws IOException {
    write(PacketBatch.of(packet), 0);
  }

  @Override
  public void write(PacketBatch batch, int i) throws IOException {
    int replaced = origins == null ? 0 : origins.replaced(i);
    int linkHeader = origins == null ? 0 : origins.headerLength(i);
    int captured = batch.capturedLength(i) - replaced;
    int tag = captured >= 12 ? batch.vlanWord(i) : 0;
    int extra = tag == 0 ? 0 : 4;
    long made = count / 1_000_000 << 32 | count % 1_000_000 * 1000;
    long time = origins == null ? made : origins.time(i);
    int wire = origins == null ? batch.wireLength(i) : origins.wire(i);
    header
        .clear()
        .putInt((int) (time >>> 32))
        .putInt((int) time)
        .putInt(linkHeader + captured + extra)
        .putInt(wire + extra);
    out.write(header.array());
    if (origins != null) {
      origins.writeHeader(i, out);
    }
    if (tag == 0) {
      out.write(batch.data(), batch.offset(i) + replaced, captured);
    } else {
      out.write(batch.data(), batch.offset(i), 12);
      out.write(ByteBuffer.allocate(4).putInt(tag).array());
      out.write(batch.data(), batch.offset(i) + 12, captured - 12);
    }
    count++;
  }
}
