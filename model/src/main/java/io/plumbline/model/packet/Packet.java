package io.plumbline.model.packet;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * One Ethernet frame as captured, with what the kernel keeps beside its bytes.
 *
 * <p>A capture may hold fewer bytes than the frame had ({@code snaplen}); {@code wireLength} is
 * what the frame had.
 */
public final class Packet {
  private final byte[] bytes;
  private final int wireLength;
  private final int vlanWord;

  private Packet(byte[] bytes, int wireLength, int vlanWord) {
    if (wireLength < bytes.length) {
      throw new IllegalArgumentException(
          "packet: wire length %d: expected at least the %d bytes given"
              .formatted(wireLength, bytes.length));
    }
    this.bytes = bytes;
    this.wireLength = wireLength;
    this.vlanWord = vlanWord;
  }

  /** Returns a whole frame without a tag outside its bytes. The bytes are copied. */
  public static Packet of(byte[] bytes) {
    return new Packet(bytes.clone(), bytes.length, 0);
  }

  /** Returns a frame of which only the first bytes were captured. The bytes are copied. */
  public static Packet cut(byte[] bytes, int wireLength) {
    return new Packet(bytes.clone(), wireLength, 0);
  }

  /** Returns this frame with a VLAN tag outside its bytes. */
  public Packet withOutsideTag(VlanTag tag) {
    return new Packet(bytes, wireLength, tag.word());
  }

  /** Returns this frame without a VLAN tag outside its bytes. */
  public Packet withoutOutsideTag() {
    return new Packet(bytes, wireLength, 0);
  }

  /** Returns this packet behind the first bytes of another one. */
  public Packet behind(Packet other, int count) {
    if (count == 0) {
      return this;
    }
    byte[] all = Arrays.copyOf(other.bytes, count + bytes.length);
    System.arraycopy(bytes, 0, all, count, bytes.length);
    return new Packet(all, count + wireLength, vlanWord);
  }

  /** Returns a copy of the captured bytes. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** Returns how many bytes were captured. */
  public int capturedLength() {
    return bytes.length;
  }

  /** Returns how many bytes the frame had, at least {@link #capturedLength()}. */
  public int wireLength() {
    return wireLength;
  }

  /** Returns the VLAN tag outside the bytes, if there is one. */
  public Optional<VlanTag> outsideTag() {
    return vlanWord == 0 ? Optional.empty() : Optional.of(VlanTag.ofWord(vlanWord));
  }

  int vlanWord() {
    return vlanWord;
  }

  byte[] bytesShared() {
    return bytes;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Packet other
        && Arrays.equals(bytes, other.bytes)
        && wireLength == other.wireLength
        && vlanWord == other.vlanWord;
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Arrays.hashCode(bytes) + wireLength) + vlanWord;
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(bytes)
        + (wireLength == bytes.length ? "" : " (of " + wireLength + " bytes)")
        + outsideTag().map(t -> " + " + t).orElse("");
  }
}
