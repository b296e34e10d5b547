package io.plumbline.emulator.isa;

/** Bytes or text that are not a program; the message says where, what, and what was allowed. */
public final class IsaException extends Exception {
  private static final long serialVersionUID = 1L;

  public IsaException(String message) {
    super(message);
  }
}
