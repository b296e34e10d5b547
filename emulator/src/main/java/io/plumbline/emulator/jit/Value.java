package io.plumbline.emulator.jit;

import io.plumbline.emulator.machine.Region;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a register before a program runs. CONSTANT, CONTEXT and STACK are certain;
 * PACKET and REGION are a guess that compiled code checks.
 *
 * @param number of a constant its value, of context and stack the offset from their start
 * @param region of a REGION the one
 */
record Value(Kind kind, long number, @Nullable Region region) {
  enum Kind {
    UNKNOWN,
    CONSTANT,
    CONTEXT,
    STACK,
    PACKET,
    REGION
  }

  static final Value UNKNOWN = new Value(Kind.UNKNOWN, 0, null);
  static final Value PACKET = new Value(Kind.PACKET, 0, null);

  static Value constant(long number) {
    return new Value(Kind.CONSTANT, number, null);
  }

  static Value context(long offset) {
    return new Value(Kind.CONTEXT, offset, null);
  }

  static Value stack(long offset) {
    return new Value(Kind.STACK, offset, null);
  }

  static Value of(Region region) {
    return new Value(Kind.REGION, 0, region);
  }

  /** Returns what is known after a constant was added. */
  Value plus(long constant) {
    return switch (kind) {
      case CONSTANT, CONTEXT, STACK -> new Value(kind, number + constant, null);
      default -> this;
    };
  }

  /** Returns what is known after something unknown was added. */
  Value moved() {
    return kind == Kind.PACKET || kind == Kind.REGION ? this : UNKNOWN;
  }
}
