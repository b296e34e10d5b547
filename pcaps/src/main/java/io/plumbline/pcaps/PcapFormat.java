package io.plumbline.pcaps;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The variants of classic pcap (draft-ietf-opsawg-pcap section 4; libpcap {@code sf-pcap.c}), which
 * differ in the first four bytes, read big-endian.
 *
 * @param order of the numbers in the file
 * @param nanoseconds whether timestamps count nanoseconds rather than microseconds
 * @param recordHeader bytes before each frame
 */
record PcapFormat(ByteOrder order, boolean nanoseconds, int recordHeader) {
  static final int MICROSECONDS = 0xA1B2C3D4;
  static final int NANOSECONDS = 0xA1B23C4D;
  static final int FILE_HEADER = 24;
  static final int RECORD_HEADER = 16;

  /** Records of Kuznetzov's libpcap also have interface, protocol and packet type. */
  static final int PATCHED_RECORD_HEADER = 24;

  /** The longest record that is believed, as in libpcap; more means that the file is damaged. */
  static final int MAX_RECORD = 256 * 1024;

  /** Size of a reader's buffer: any record fits, and most reads are large. */
  static final int BUFFER = 2 * MAX_RECORD;

  /** Bytes of frames that a reader puts into a batch at once, at least; bounds its memory. */
  static final int MAX_BATCH = 16 << 20;

  static @Nullable PcapFormat ofMagic(int bigEndian) {
    return switch (bigEndian) {
      case MICROSECONDS -> new PcapFormat(ByteOrder.BIG_ENDIAN, false, RECORD_HEADER);
      case NANOSECONDS -> new PcapFormat(ByteOrder.BIG_ENDIAN, true, RECORD_HEADER);
      case 0xA1B2CD34 -> new PcapFormat(ByteOrder.BIG_ENDIAN, false, PATCHED_RECORD_HEADER);
      case 0xD4C3B2A1 -> new PcapFormat(ByteOrder.LITTLE_ENDIAN, false, RECORD_HEADER);
      case 0x4D3CB2A1 -> new PcapFormat(ByteOrder.LITTLE_ENDIAN, true, RECORD_HEADER);
      case 0x34CDB2A1 -> new PcapFormat(ByteOrder.LITTLE_ENDIAN, false, PATCHED_RECORD_HEADER);
      default -> null;
    };
  }
}
