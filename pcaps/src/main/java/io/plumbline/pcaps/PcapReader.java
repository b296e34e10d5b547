package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * Classic pcap in bulk: micro- and nanoseconds, both byte orders, the longer record headers of
 * Kuznetzov's libpcap. Nothing is allocated per frame. Captured and wire length are kept apart.
 */
final class PcapReader implements CaptureReader {
  private static final VarHandle BIG =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LITTLE =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** Version of DG/UX's tcpdump, which swaps the lengths as versions up to 2.2 do. */
  private static final int DG_UX = 543 << 16;

  private static final int VERSION_2 = 2 << 16;
  private static final int ETHERNET_HEADER = 14;

  private final String file;
  private final CaptureInput in;
  private final byte[] buffer;
  private final boolean bigEndian;
  private final PcapFormat format;
  private final int recordHeader;
  private final boolean swapped;
  private final boolean maybeSwapped;

  /** The header's field: the upper bits hold the length of a frame check sequence. */
  private final int linkTypeField;

  private final CaptureInterface only;
  private final Origins origins = new Origins();
  private final LinkHeader header = new LinkHeader();
  private long record;

  /** Reads the file's header. */
  PcapReader(String file, CaptureInput in, PcapFormat format) throws IOException, CaptureException {
    this.file = file;
    this.in = in;
    this.format = format;
    buffer = in.bytes;
    recordHeader = format.recordHeader();
    if (!in.fill(PcapFormat.FILE_HEADER)) {
      throw new CaptureException(
          "%s: cut off in the file header: %d bytes: expected at least %d"
              .formatted(file, in.available(), PcapFormat.FILE_HEADER));
    }
    bigEndian = format.order() == ByteOrder.BIG_ENDIAN;
    int word = word(4);
    int version = bigEndian ? word : word << 16 | word >>> 16;
    if (version != DG_UX && (version < VERSION_2 || version > VERSION_2 + 4)) {
      throw new CaptureException(
          "%s: pcap version %d.%d: expected 2.0 to 2.4"
              .formatted(file, version >>> 16, version & 0xFFFF));
    }
    swapped = version == DG_UX || version < VERSION_2 + 3;
    maybeSwapped = version == VERSION_2 + 3;
    linkTypeField = word(20);
    int linkType = linkTypeField & 0xFFFF;
    only = new CaptureInterface(0, "", linkType, snapLength(word(16), linkType), new byte[0]);
    in.position = PcapFormat.FILE_HEADER;
  }

  /**
   * Returns the snap length in the usual format. Kuznetzov's did not count a header that it put in
   * front of packets, so libpcap adds it; so does this.
   */
  private int snapLength(int given, int linkType) {
    boolean uncounted =
        recordHeader == PcapFormat.PATCHED_RECORD_HEADER && linkType == LinkType.ETHERNET;
    return uncounted && given > 0 && given < PcapFormat.MAX_RECORD
        ? given + ETHERNET_HEADER
        : given;
  }

  @Override
  public String linkTypes() {
    return LinkType.describe(only.linkType());
  }

  @Override
  public String refused() {
    return "";
  }

  @Override
  public boolean read(PacketBatch batch, int frames) throws CaptureException {
    try {
      int layer = LinkType.layer(only.linkType());
      long before = batch.capturedBytes();
      while (batch.size() < frames && batch.capturedBytes() - before < PcapFormat.MAX_BATCH) {
        if (!in.fill(recordHeader)) {
          if (in.available() != 0) {
            throw cutOff("record header", in.available(), recordHeader);
          }
          return false;
        }
        if (layer == 0) {
          throw new CaptureException(file + ": link type " + LinkType.refuse(only.linkType()));
        }
        int position = in.position;
        int captured = word(position + (swapped ? 12 : 8));
        int wire = word(position + (swapped ? 8 : 12));
        if (maybeSwapped && Integer.compareUnsigned(captured, wire) > 0) {
          int first = captured;
          captured = wire;
          wire = first;
        }
        if (captured < 0 || captured > PcapFormat.MAX_RECORD) {
          throw new CaptureException(
              "%s: record %d at byte %d: captured length %d: expected 0..%d"
                  .formatted(
                      file, record + 1, in.at(), captured & 0xFFFFFFFFL, PcapFormat.MAX_RECORD));
        }
        long time = (long) word(position) << 32 | (word(position + 4) & 0xFFFFFFFFL);
        if (!in.fill(recordHeader + captured)) {
          throw cutOff("record", in.available() - recordHeader, captured);
        }
        batch.requireLayer(layer);
        int data = in.position + recordHeader;
        header.read(only.linkType(), buffer, data, captured);
        origins.put(batch.size(), time, wire, only, header, buffer, data);
        // Some writers set the wire length below the captured one; the bytes are there, so they
        // count.
        batch.add(
            header.frame(),
            header.frameLength(),
            buffer,
            data + header.length(),
            captured - header.length(),
            header.wireLength(Math.max(wire, captured)));
        in.position += recordHeader + captured;
        record++;
      }
      return true;
    } catch (IOException e) {
      throw CaptureException.of(file, e);
    }
  }

  private CaptureException cutOff(String what, int have, int expected) {
    return new CaptureException(
        "%s: cut off in %s %d at byte %d: %d bytes: expected %d"
            .formatted(file, what, record + 1, in.at(), have, expected));
  }

  private int word(int offset) {
    return bigEndian ? (int) BIG.get(buffer, offset) : (int) LITTLE.get(buffer, offset);
  }

  @Override
  public CaptureWriter copyTo(Path copy) throws IOException {
    return new PcapWriter(copy, format.nanoseconds(), only.snapLength(), linkTypeField, origins);
  }

  @Override
  public void close() {
    in.close();
  }
}
