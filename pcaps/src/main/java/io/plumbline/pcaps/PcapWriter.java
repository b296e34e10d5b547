package io.plumbline.pcaps;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes Ethernet frames as classic pcap, little-endian, nanoseconds. The file gets its name when
 * it is complete; one that is not {@linkplain #commit committed} is removed. A VLAN tag outside the
 * bytes is written into the frame, as libpcap does.
 */
public final class PcapWriter implements AutoCloseable {
  private static final int SNAPLEN = PcapFormat.MAX_RECORD;

  private final Path file;
  private final Path temporary;
  private final OutputStream out;
  private final ByteBuffer header =
      ByteBuffer.allocate(PcapFormat.RECORD_HEADER).order(ByteOrder.LITTLE_ENDIAN);
  private long count;
  private boolean committed;

  /** Starts a file. */
  public PcapWriter(Path file) throws IOException {
    this.file = file;
    this.temporary =
        file.resolveSibling("." + file.getFileName() + "." + ProcessHandle.current().pid());
    this.out = new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16);
    out.write(
        ByteBuffer.allocate(PcapFormat.FILE_HEADER)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(PcapFormat.NANOSECONDS)
            .putShort((short) 2)
            .putShort((short) 4)
            .putInt(0)
            .putInt(0)
            .putInt(SNAPLEN)
            .putInt(LinkType.ETHERNET)
            .array());
  }

  /** Writes one frame; frames are a microsecond apart, from the epoch. */
  public void write(Packet packet) throws IOException {
    PacketBatch one = PacketBatch.of(packet);
    write(one, 0);
  }

  /** Writes frame i of a batch. */
  public void write(PacketBatch batch, int i) throws IOException {
    int captured = batch.capturedLength(i);
    int tag = captured >= 12 ? batch.vlanWord(i) : 0;
    int extra = tag == 0 ? 0 : 4;
    header
        .clear()
        .putInt((int) (count / 1_000_000))
        .putInt((int) (count % 1_000_000) * 1000)
        .putInt(captured + extra)
        .putInt(batch.wireLength(i) + extra);
    out.write(header.array());
    if (tag == 0) {
      out.write(batch.data(), batch.offset(i), captured);
    } else {
      out.write(batch.data(), batch.offset(i), 12);
      out.write(ByteBuffer.allocate(4).putInt(tag).array());
      out.write(batch.data(), batch.offset(i) + 12, captured - 12);
    }
    count++;
  }

  /** Completes the file and gives it its name. */
  public void commit() throws IOException {
    out.close();
    Files.move(
        temporary, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    committed = true;
  }

  @Override
  public void close() throws IOException {
    if (!committed) {
      out.close();
      Files.deleteIfExists(temporary);
    }
  }
}
