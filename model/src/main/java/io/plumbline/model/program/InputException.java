package io.plumbline.model.program;

/**
 * An input value, chain or name that was refused; the message is the one that the specification
 * gives.
 */
public final class InputException extends Exception {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(message, null, false, false);
  }
}
