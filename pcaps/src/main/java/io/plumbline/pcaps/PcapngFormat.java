package io.plumbline.pcaps;

/** Numbers of pcapng (draft-ietf-opsawg-pcapng). */
final class PcapngFormat {
  /** Section Header Block (section 4.1); its type reads the same in both byte orders. */
  static final int SECTION = 0x0A0D0D0A;

  /** Interface Description Block (section 4.2). */
  static final int INTERFACE = 1;

  /** Packet Block, obsolete (appendix A). */
  static final int PACKET = 2;

  /** Simple Packet Block (section 4.4). */
  static final int SIMPLE_PACKET = 3;

  /** Enhanced Packet Block (section 4.3). */
  static final int ENHANCED_PACKET = 6;

  static final int BYTE_ORDER_MAGIC = 0x1A2B3C4D;

  /** Type and total length in front, total length again at the end (section 3.1). */
  static final int BLOCK = 12;

  static final int SECTION_BLOCK = 28;
  static final int INTERFACE_BLOCK = 20;
  static final int SIMPLE_PACKET_BLOCK = 16;

  /** Enhanced and obsolete packet blocks without data. */
  static final int PACKET_BLOCK = 32;

  private PcapngFormat() {}
}
