package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.EOFException;
import java.nio.file.Path;
import java.util.concurrent.TimeoutException;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapHandle.TimestampPrecision;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;

/** pcapng (draft-ietf-opsawg-pcapng) through libpcap. */
final class PcapngReader implements CaptureReader {
  static final int SECTION_HEADER = 0x0A0D0D0A;

  private final Path file;
  private final PcapHandle handle;

  private PcapngReader(Path file, PcapHandle handle) {
    this.file = file;
    this.handle = handle;
  }

  static PcapngReader open(Path file) throws CaptureException {
    try {
      return new PcapngReader(file, Pcaps.openOffline(file.toString(), TimestampPrecision.NANO));
    } catch (PcapNativeException | IllegalArgumentException e) {
      throw new CaptureException(file + ": libpcap: " + e.getMessage());
    } catch (LinkageError e) {
      throw new CaptureException(
          file + ": libpcap: not found: expected libpcap.so (package libpcap0.8)");
    }
  }

  @Override
  public int linkType() {
    return handle.getDlt().value();
  }

  @Override
  public boolean read(PacketBatch batch, int frames) throws CaptureException {
    try {
      while (batch.size() < frames) {
        byte[] bytes = handle.getNextRawPacketEx();
        batch.add(bytes, 0, bytes.length, Math.max(handle.getOriginalLength(), bytes.length), 0);
      }
      return true;
    } catch (EOFException e) {
      return false;
    } catch (PcapNativeException | TimeoutException | NotOpenException e) {
      throw new CaptureException(file + ": libpcap: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    handle.close();
  }
}
