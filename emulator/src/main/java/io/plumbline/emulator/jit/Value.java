package io.plumbline.emulator.jit;

import io.plumbline.emulator.machine.Region;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a register before a program runs. PACKET and REGION are a guess that compiled
 * code checks, the others are certain.
 *
 * @param number of a constant its value; of a bounded number the greatest it can be; of context and
 *     stack the offset from their start; of data what is added to the place
 * @param region of a REGION the one
 * @param place of data which unknown distance from the packet's first byte is meant; 0: none
 * @param furthest of data the greatest that distance can be
 */
record Value(Kind kind, long number, @Nullable Region region, int place, long furthest) {
  enum Kind {
    UNKNOWN,
    CONSTANT,
    /** A number from 0 to a greatest one. */
    BOUNDED,
    CONTEXT,
    STACK,
    /** An address: the context's {@code data}, and a distance. */
    DATA,
    /** The context's {@code data_end}. */
    DATA_END,
    PACKET,
    REGION
  }

  static final Value UNKNOWN = new Value(Kind.UNKNOWN, 0);
  static final Value PACKET = new Value(Kind.PACKET, 0);
  static final Value DATA_END = new Value(Kind.DATA_END, 0);

  /** Numbers and distances beyond it are not followed: no packet is longer. */
  private static final long MOST = 0xF_FFFF;

  private Value(Kind kind, long number) {
    this(kind, number, null, 0, 0);
  }

  static Value constant(long number) {
    return new Value(Kind.CONSTANT, number);
  }

  static Value bounded(long greatest) {
    return greatest >= 0 && greatest <= MOST ? new Value(Kind.BOUNDED, greatest) : UNKNOWN;
  }

  static Value context(long offset) {
    return new Value(Kind.CONTEXT, offset);
  }

  static Value stack(long offset) {
    return new Value(Kind.STACK, offset);
  }

  static Value data(int place, long furthest, long number) {
    return furthest <= MOST && number >= -MOST && number <= MOST
        ? new Value(Kind.DATA, number, null, place, furthest)
        : PACKET;
  }

  static Value of(Region region) {
    return new Value(Kind.REGION, 0, region, 0, 0);
  }

  /** Returns whether it is certain to be a number from 0 to its {@link #number}. */
  boolean isBounded() {
    return kind == Kind.BOUNDED || kind == Kind.CONSTANT && number >= 0 && number <= MOST;
  }

  /** Returns whether it is, or most likely is, an address in the packet. */
  boolean inPacket() {
    return kind == Kind.DATA || kind == Kind.PACKET;
  }

  /** Returns what is known after a constant was added. */
  Value plus(long constant) {
    return switch (kind) {
      case CONSTANT, CONTEXT, STACK -> new Value(kind, number + constant);
      case DATA -> data(place, furthest, number + constant);
      case DATA_END, PACKET, REGION -> moved();
      default -> UNKNOWN;
    };
  }

  /**
   * Returns an address at an unknown distance from this one, which is DATA.
   *
   * @param distance a bounded number
   * @param newPlace one that nothing has yet
   */
  Value away(Value distance, int newPlace) {
    return data(newPlace, furthest + distance.number, number);
  }

  /** Returns what is known after something was added: an address in a region stays near it. */
  Value moved() {
    Value guess = guessed();
    return guess.kind == Kind.PACKET || guess.kind == Kind.REGION ? guess : UNKNOWN;
  }

  /** Returns what is left of this when the packet may have moved. */
  Value guessed() {
    return kind == Kind.DATA || kind == Kind.DATA_END ? PACKET : this;
  }
}
