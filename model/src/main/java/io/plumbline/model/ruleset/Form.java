package io.plumbline.model.ruleset;

import java.util.Optional;

/**
 * The form of a field in packets of one class.
 *
 * @param name what messages call it
 * @param bits its width, 1..128; 0 if packets of this class do not have it: its value is then 0
 * @param location where a packet has it; empty if that is not in a header
 * @param exampleHi the value that examples have where any is allowed; of 128 bits, the higher half
 * @param exampleLo of 128 bits, the lower half; otherwise 0
 */
public record Form(
    String name, int bits, Optional<Location> location, long exampleHi, long exampleLo) {
  /** Of packets that do not have the field. */
  public static final Form NONE = new Form("", 0, Optional.empty(), 0, 0);

  /** Where offsets are counted from. */
  public enum Base {
    /** The first byte of the frame. */
    FRAME,
    /** The first byte of the transport header. */
    TRANSPORT
  }

  /**
   * Location in a header; the field is big-endian there.
   *
   * @param header the field's name in decision lists, {@code ip.daddr}
   */
  public record Location(Base base, int offsetBytes, String header) {}

  public Form {
    if (bits < 0 || bits > 128) {
      throw new IllegalArgumentException(
          "field %s: %d bits: expected 0..128".formatted(name, bits));
    }
    if (location.isPresent() && (bits % 8 != 0 || Integer.bitCount(bits) != 1)) {
      throw new IllegalArgumentException(
          "field %s: %d bits in a header: expected 8, 16, 32, 64 or 128".formatted(name, bits));
    }
  }

  /** Returns a field that is in no header, with 0 as its example. */
  public static Form of(String name, int bits) {
    return new Form(name, bits, Optional.empty(), 0, 0);
  }

  /** Returns the form of a header field. */
  public Form at(Base base, int offsetBytes, String header) {
    return new Form(
        name, bits, Optional.of(new Location(base, offsetBytes, header)), exampleHi, exampleLo);
  }

  /** Returns the form with another example. */
  public Form example(long hi, long lo) {
    return new Form(name, bits, location, hi, lo);
  }

  /** Returns the highest value of part 0 or 1, see {@link Values}. */
  public long max(int part) {
    int width = bits <= 64 ? (part == 0 ? bits : 0) : part == 0 ? 64 : bits - 64;
    return width == 0 ? 0 : -1L >>> (64 - width);
  }
}
