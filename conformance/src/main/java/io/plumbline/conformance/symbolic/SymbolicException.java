package io.plumbline.conformance.symbolic;

/** A program does something that terms are not made for; the text says what and where. */
public class SymbolicException extends Exception {
  private static final long serialVersionUID = 1;

  public SymbolicException(String message) {
    super(message);
  }
}
