package io.plumbline.emulator.machine;

/**
 * A piece of memory that programs can have addresses of. An address is a tag in bits 32 and up,
 * which says which region, and an offset in the low 32 bits.
 *
 * <p>A region may consist of elements at a stride that is a power of two; then no access reaches
 * from one into the next. Bytes are little-endian.
 */
public final class Region {
  private final String name;
  private final int tag;
  private final int mask;
  private final int elementSize;
  private boolean constant;
  private boolean writable;
  private byte[] data;
  private int base;
  private long low;
  private long high;

  /**
   * Makes a region of one element.
   *
   * @param data its bytes
   */
  Region(String name, int tag, byte[] data, boolean writable) {
    this(name, tag, data, writable, -1, Integer.MAX_VALUE);
  }

  /**
   * Makes a region of elements.
   *
   * @param mask the stride less one, or -1 for one element
   */
  Region(String name, int tag, byte[] data, boolean writable, int mask, int elementSize) {
    this.name = name;
    this.tag = tag;
    this.data = data;
    this.writable = writable;
    this.mask = mask;
    this.elementSize = elementSize;
    high = data.length;
  }

  /** Returns the address of its first byte. */
  public long address() {
    return (long) tag << 32;
  }

  /** Returns the address of an offset. */
  public long address(int offset) {
    return address() | offset & 0xFFFF_FFFFL;
  }

  public String name() {
    return name;
  }

  /** Returns its bytes; not a copy, and replaced when it grows. */
  public byte[] data() {
    return data;
  }

  /** Returns what is added to an offset to get an index into {@link #data()}. */
  public int base() {
    return base;
  }

  /** Returns the lowest legal offset. */
  public long low() {
    return low;
  }

  /** Returns the offset behind the last legal one. */
  public long high() {
    return high;
  }

  /** Returns whether an address has this region's tag. */
  public boolean holds(long address) {
    return address >>> 32 == tag;
  }

  /** Returns whether programs may write to it. */
  public boolean writable() {
    return writable;
  }

  /** Says that its bytes stay what they are. */
  public void freeze() {
    constant = true;
  }

  /** Returns whether its bytes stay what they are. */
  public boolean constant() {
    return constant;
  }

  /** Returns whether its bytes stay where they are, as one element. */
  public boolean fixed() {
    return mask == -1 && base == 0 && tag > Machine.TAG_FUNCTION;
  }

  /** Puts other bytes behind the addresses. */
  public void place(byte[] bytes, int newBase, long newLow, long newHigh, boolean isWritable) {
    data = bytes;
    base = newBase;
    low = newLow;
    high = newHigh;
    writable = isWritable;
  }

  /**
   * Puts bytes to be read behind the addresses; a reference that stays the same is not stored
   * again.
   */
  void show(byte[] bytes, int newBase, long newLow, long newHigh) {
    // Collectors make a store of a reference costly.
    if (data != bytes) {
      data = bytes;
    }
    base = newBase;
    low = newLow;
    high = newHigh;
    if (writable) {
      writable = false;
    }
  }

  /** Replaces the bytes by others that begin with the same ones. */
  public void grow(byte[] bytes) {
    data = bytes;
    high = bytes.length;
  }

  /** Returns the index into {@link #data()} of an access, or -1 if it is not legal. */
  public int index(long address, int size) {
    long offset = address & 0xFFFF_FFFFL;
    return offset >= low
            && offset <= high - size
            && (mask == -1 || ((int) offset & mask) <= elementSize - size)
        ? (int) offset + base
        : -1;
  }

  @Override
  public String toString() {
    return mask == -1
        ? "%s is [0x%x, 0x%x)".formatted(name, address() + low, address() + high)
        : "%s is [0x%x, 0x%x), %d of every %d bytes"
            .formatted(name, address() + low, address() + high, elementSize, mask + 1);
  }
}
