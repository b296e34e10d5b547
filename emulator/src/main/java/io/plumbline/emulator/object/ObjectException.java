package io.plumbline.emulator.object;

/** An object file that cannot be one; the message says where, what, and what was allowed. */
public final class ObjectException extends Exception {
  private static final long serialVersionUID = 1L;

  public ObjectException(String message) {
    super(message);
  }
}
