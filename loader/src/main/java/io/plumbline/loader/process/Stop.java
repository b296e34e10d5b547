package io.plumbline.loader.process;

/**
 * Holds back the signals that end the process, from before a change until it is undone. The thread
 * that made the change undoes it itself, because network namespace and privileges are that
 * thread's, and then ends the process with {@link #exit}.
 */
public final class Stop implements AutoCloseable {
  /** Begins to hold signals back. */
  public Stop() {
    this(true);
  }

  /**
   * Begins to hold signals back, if there will be something to undo.
   *
   * @param undoes whether there will be
   */
  public Stop(boolean undoes) {
    if (undoes) {
      Signals.hold();
    }
  }

  /** Waits for a signal; returns whether one came. */
  public boolean await(long millis) {
    try {
      return Signals.await(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** Lets signals end the process again, unless one has come: then {@link #exit} ends it. */
  @Override
  public void close() {
    if (!await(0)) {
      Signals.release();
    }
  }

  /** Ends the process with a status, or by the signal that came. */
  public static void exit(int status) {
    Signals.end(status);
  }
}
