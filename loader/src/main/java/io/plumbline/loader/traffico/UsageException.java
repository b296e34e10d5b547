package io.plumbline.loader.traffico;

/** Arguments that are refused: the message, and then where help is to be had. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message, null, false, false);
  }
}
