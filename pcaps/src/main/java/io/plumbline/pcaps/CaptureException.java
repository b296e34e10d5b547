package io.plumbline.pcaps;

/**
 * A capture that cannot be read, or not to its end; the message is {@code file: what: the value and
 * what was allowed}.
 */
public final class CaptureException extends Exception {
  private static final long serialVersionUID = 1L;

  CaptureException(String message) {
    super(message, null, false, false);
  }
}
