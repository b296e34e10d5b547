package io.plumbline.pcaps;

import java.io.IOException;

/** Compressed data that is damaged or cut off. */
final class CompressionException extends IOException {
  private static final long serialVersionUID = 1L;

  CompressionException(String message) {
    super(message);
  }
}
