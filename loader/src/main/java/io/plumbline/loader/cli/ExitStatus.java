package io.plumbline.loader.cli;

/** What a command ends with. */
public final class ExitStatus {
  /** Agreed, done. */
  public static final int DONE = 0;

  /** Engines disagree, a check is denied, or what was to be changed has disappeared. */
  public static final int DISAGREEMENT = 1;

  /** Usage or bad input. */
  public static final int USAGE = 2;

  /** A requested engine or privilege is unavailable. */
  public static final int UNAVAILABLE = 3;

  private ExitStatus() {}
}
