package io.plumbline.emulator.classic;

/**
 * Text or instructions that are no classic program; the message says where, what, and what was
 * allowed.
 */
public final class ClassicException extends Exception {
  private static final long serialVersionUID = 1L;

  public ClassicException(String message) {
    super(message);
  }
}
