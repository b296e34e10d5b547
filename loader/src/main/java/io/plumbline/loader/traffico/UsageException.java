package io.plumbline.loader.traffico;

/** Arguments that are refused: the message, which a hint to the help follows. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean fromGetopt;

  /** Refusal by argp or by traffico, whose messages begin with the command's name. */
  UsageException(String message) {
    this(message, false);
  }

  private UsageException(String message, boolean fromGetopt) {
    super(message, null, false, false);
    this.fromGetopt = fromGetopt;
  }

  /** Returns a refusal by getopt, whose messages begin with the command as it was typed. */
  static UsageException getopt(String message) {
    return new UsageException(message, true);
  }

  /** Returns whether it is getopt's. */
  boolean fromGetopt() {
    return fromGetopt;
  }
}
