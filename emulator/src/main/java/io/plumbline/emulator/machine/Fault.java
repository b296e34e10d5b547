package io.plumbline.emulator.machine;

/** A program did what it must not. Has no stack trace: where it happened is an instruction. */
public final class Fault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private int slot = -1;

  public Fault(String message) {
    super(message, null, false, false);
  }

  /** Notes the instruction, unless one is noted already; returns this fault. */
  public Fault at(int where) {
    if (slot < 0) {
      slot = where;
    }
    return this;
  }

  /** Returns the instruction's slot, or -1 if it is not known. */
  public int slot() {
    return slot;
  }

  /** Returns what happened, with the values and what was allowed. */
  public String what() {
    return String.valueOf(getMessage());
  }
}
