package io.plumbline.pcaps;

import java.io.IOException;

/**
 * A capture that cannot be read, or not to its end; the message is {@code file: what: the value and
 * what was allowed}.
 */
public final class CaptureException extends Exception {
  private static final long serialVersionUID = 1L;

  CaptureException(String message) {
    super(message, null, false, false);
  }

  /** Returns the error of a read. */
  static CaptureException of(String file, IOException e) {
    return new CaptureException(
        e instanceof CompressionException
            ? file + ": " + e.getMessage()
            : file + ": cannot be read: " + OutputFile.reason(e));
  }
}
