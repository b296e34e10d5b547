package io.plumbline.pcaps;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The variants of classic pcap (draft-ietf-opsawg-pcap section 4), told apart by the first four
 * bytes read big-endian.
 *
 * @param order of the numbers in the file
 * @param nanoseconds whether timestamps count nanoseconds rather than microseconds
 */
record PcapFormat(ByteOrder order, boolean nanoseconds) {
  static final int MICROSECONDS = 0xA1B2C3D4;
  static final int NANOSECONDS = 0xA1B23C4D;
  static final int FILE_HEADER = 24;
  static final int RECORD_HEADER = 16;

  /** The longest record that is believed, as in libpcap; more means that the file is damaged. */
  static final int MAX_RECORD = 256 * 1024;

  static @Nullable PcapFormat ofMagic(int bigEndian) {
    return switch (bigEndian) {
      case MICROSECONDS -> new PcapFormat(ByteOrder.BIG_ENDIAN, false);
      case NANOSECONDS -> new PcapFormat(ByteOrder.BIG_ENDIAN, true);
      case 0xD4C3B2A1 -> new PcapFormat(ByteOrder.LITTLE_ENDIAN, false);
      case 0x4D3CB2A1 -> new PcapFormat(ByteOrder.LITTLE_ENDIAN, true);
      default -> null;
    };
  }
}
