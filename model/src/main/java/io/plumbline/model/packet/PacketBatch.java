package io.plumbline.model.packet;

import io.plumbline.model.hook.Hook;
import java.util.Arrays;

/**
 * Many frames in flat arrays, so that engines can walk them without touching an object per frame.
 * All are Ethernet frames; where {@link #firstLayer} is 3 they stand for packets that begin with
 * the IP header, and the header only carries the EtherType.
 */
public final class PacketBatch {
  private static final int ETHERNET_LAYER = 2;

  private byte[] data;
  private int used;
  private int[] offset;
  private int[] captured;
  private int[] wire;
  private int[] vlan;
  private int size;
  private int firstLayer = ETHERNET_LAYER;

  public PacketBatch() {
    this(1024, 1 << 17);
  }

  /** Returns an empty batch with room for so many frames and bytes before it grows. */
  public PacketBatch(int frames, int bytes) {
    data = new byte[bytes];
    offset = new int[frames];
    captured = new int[frames];
    wire = new int[frames];
    vlan = new int[frames];
  }

  /** Returns a batch of one frame. */
  public static PacketBatch of(Packet packet) {
    PacketBatch one = new PacketBatch(1, packet.capturedLength());
    one.add(packet);
    return one;
  }

  /** Appends a frame. */
  public void add(Packet packet) {
    add(packet.bytesShared(), 0, packet.capturedLength(), packet.wireLength(), packet.vlanWord());
  }

  /**
   * Appends a frame, copying its bytes.
   *
   * @param vlanWord {@link VlanTag#word()} of a tag outside the bytes, or 0
   */
  public void add(byte[] source, int from, int capturedLength, int wireLength, int vlanWord) {
    makeRoom(capturedLength);
    System.arraycopy(source, from, data, used, capturedLength);
    addEntry(capturedLength, wireLength, vlanWord);
  }

  /**
   * Appends a frame of two parts without a tag outside the bytes, copying them.
   *
   * @param head holds the first bytes of the frame
   * @param headLength how many bytes of it
   * @param length how many bytes follow, of the source
   */
  public void add(
      byte[] head, int headLength, byte[] source, int from, int length, int wireLength) {
    makeRoom(headLength + length);
    if (headLength > 0) {
      System.arraycopy(head, 0, data, used, headLength);
    }
    System.arraycopy(source, from, data, used + headLength, length);
    addEntry(headLength + length, wireLength, 0);
  }

  private void makeRoom(int bytes) {
    if (used > data.length - bytes) {
      data = Arrays.copyOf(data, Math.max(data.length * 2, used + bytes));
    }
  }

  private void addEntry(int capturedLength, int wireLength, int vlanWord) {
    if (size == offset.length) {
      int room = size * 2 + 16;
      offset = Arrays.copyOf(offset, room);
      captured = Arrays.copyOf(captured, room);
      wire = Arrays.copyOf(wire, room);
      vlan = Arrays.copyOf(vlan, room);
    }
    offset[size] = used;
    captured[size] = capturedLength;
    wire[size] = wireLength;
    vlan[size] = vlanWord;
    used += capturedLength;
    size++;
  }

  /** Appends all frames of another batch. */
  public void addAll(PacketBatch other) {
    for (int i = 0; i < other.size; i++) {
      add(other.data, other.offset[i], other.captured[i], other.wire[i], other.vlan[i]);
    }
  }

  /** Forgets the frames and keeps the room. */
  public void clear() {
    used = 0;
    size = 0;
    firstLayer = ETHERNET_LAYER;
  }

  /**
   * Returns the layer that the packets begin with: 2 (Ethernet) or 3 (IP). {@code Hook.from(layer)}
   * is where programs are given such packets.
   */
  public int firstLayer() {
    return firstLayer;
  }

  /**
   * Sets the layer of an empty batch.
   *
   * @throws IllegalArgumentException if it has frames of another layer
   */
  public void requireLayer(int layer) {
    if (size > 0 && layer != firstLayer) {
      throw new IllegalArgumentException(
          "batch: frames of layer %d: expected layer %d or an empty batch"
              .formatted(firstLayer, layer));
    }
    firstLayer = layer;
  }

  /** Returns how many frames there are. */
  public int size() {
    return size;
  }

  /** Returns the sum of the captured lengths. */
  public int capturedBytes() {
    return used;
  }

  /**
   * Returns the array that holds the frames' bytes; not a copy, and replaced when the batch grows.
   */
  public byte[] data() {
    return data;
  }

  /** Returns where frame i starts in {@link #data()}. */
  public int offset(int i) {
    return offset[i];
  }

  /** Returns how many bytes of frame i were captured. */
  public int capturedLength(int i) {
    return captured[i];
  }

  /** Returns how many bytes frame i had. */
  public int wireLength(int i) {
    return wire[i];
  }

  /** Returns {@link VlanTag#word()} of the tag outside frame i's bytes, or 0. */
  public int vlanWord(int i) {
    return vlan[i];
  }

  /** Returns the EtherType at bytes 12..13 of frame i, or -1 if it is shorter than 14 bytes. */
  public int etherType(int i) {
    if (captured[i] < 14) {
      return -1;
    }
    int at = offset[i] + 12;
    return (data[at] & 0xFF) << 8 | (data[at + 1] & 0xFF);
  }

  /** Returns frame i as a value of its own. */
  public Packet packet(int i) {
    byte[] bytes = Arrays.copyOfRange(data, offset[i], offset[i] + captured[i]);
    Packet packet = Packet.cut(bytes, wire[i]);
    return vlan[i] == 0 ? packet : packet.withOutsideTag(VlanTag.ofWord(vlan[i]));
  }

  /** Returns the frames that a hook can be given. */
  public PacketBatch seenAt(Hook hook) {
    PacketBatch seen = new PacketBatch();
    boolean all = true;
    for (int i = 0; i < size(); i++) {
      if (wireLength(i) >= hook.hidden()
          && wireLength(i) <= hook.maxLength()
          && (hook.offloadsTags() || vlanWord(i) == 0)) {
        seen.add(packet(i));
      } else {
        all = false;
      }
    }
    return all ? this : seen;
  }
}
