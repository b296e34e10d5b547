package io.plumbline.model.packet;

import java.util.Locale;

/**
 * The way from an IPv6 header to the transport header, over at most {@value #MAX} extension headers
 * (RFC 8200 section 4): hop-by-hop (only as the first), routing, fragment, authentication (RFC 4302
 * section 2) and destination options. Anything else is where the way ends.
 *
 * <p>It ends early at a header that is cut, at one that says that the packet is to go on to another
 * destination (segments left, RFC 8200 section 4.4), and at a fragment other than the first.
 */
public final class Ipv6Extensions {
  /** How many extension headers are walked over. */
  public static final int MAX = 8;

  /** The way was walked to its end. */
  public static final int FOUND = 0;

  /** The frame ends within an extension header. */
  public static final int TRUNCATED = 1;

  /** A routing header has segments left. */
  public static final int SOURCE_ROUTED = 2;

  /** A fragment header has an offset. */
  public static final int SUBSEQUENT_FRAGMENT = 3;

  /** There is one more extension header than are walked over. */
  public static final int TOO_MANY = 4;

  private static final int HOP_BY_HOP = 0;
  private static final int ROUTING = 43;
  private static final int FRAGMENT = 44;
  private static final int AUTHENTICATION = 51;
  private static final int DESTINATION = 60;
  private static final int FIRST = 14 + 40;
  private static final int SHORTEST = 8;

  /** One thing that the walk finds. */
  public enum Part {
    /** How it ended. */
    STATUS,
    /** The protocol of the header where it ended. */
    PROTOCOL,
    /** Where that header begins, in bytes from the Ethernet header. */
    OFFSET;

    /** Returns this part of what a walk returned. */
    public long of(long walked) {
      return switch (this) {
        case STATUS -> walked >>> 40;
        case PROTOCOL -> walked & 0xFF;
        case OFFSET -> walked >>> 8 & 0xFFFF_FFFFL;
      };
    }

    /** Returns what decision lists call it. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private Ipv6Extensions() {}

  /** Walks a frame that has a whole IPv6 header; {@link Part} takes the answer apart. */
  public static long walk(PacketView frame) {
    int protocol = frame.u8(14 + 6);
    int offset = FIRST;
    for (int i = 0; i < MAX; i++) {
      if (!isExtension(protocol, i)) {
        return result(FOUND, offset, protocol);
      }
      if (frame.length() < offset + SHORTEST) {
        return result(TRUNCATED, offset, protocol);
      }
      int length = SHORTEST;
      if (protocol == FRAGMENT) {
        if (frame.u16(offset + 2) >>> 3 != 0) {
          return result(SUBSEQUENT_FRAGMENT, offset, protocol);
        }
      } else if (protocol == AUTHENTICATION) {
        length = 4 * (frame.u8(offset + 1) + 2);
      } else {
        if (protocol == ROUTING && frame.u8(offset + 3) != 0) {
          return result(SOURCE_ROUTED, offset, protocol);
        }
        length = 8 * (frame.u8(offset + 1) + 1);
      }
      if (frame.length() < offset + length) {
        return result(TRUNCATED, offset, protocol);
      }
      protocol = frame.u8(offset);
      offset += length;
    }
    return result(isExtension(protocol, MAX) ? TOO_MANY : FOUND, offset, protocol);
  }

  private static boolean isExtension(int protocol, int index) {
    return protocol == HOP_BY_HOP && index == 0
        || protocol == ROUTING
        || protocol == FRAGMENT
        || protocol == AUTHENTICATION
        || protocol == DESTINATION;
  }

  private static long result(int status, int offset, int protocol) {
    return (long) status << 40 | (long) offset << 8 | protocol;
  }
}
