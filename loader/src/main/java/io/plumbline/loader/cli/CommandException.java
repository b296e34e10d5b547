package io.plumbline.loader.cli;

/** Ends a command with one line and an exit status. */
public final class CommandException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;

  /** Makes one; statuses are those of {@link ExitStatus}. */
  public CommandException(int status, String message) {
    super(message, null, false, false);
    this.status = status;
  }

  /** Returns what the process ends with. */
  public int status() {
    return status;
  }
}
