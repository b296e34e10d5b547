package io.plumbline.loader.process;

import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;

/** What is typed at the terminal on standard input. */
public final class Terminal {
  private static final int STDIN = 0;
  private static final int TCIFLUSH = 0;

  private Terminal() {}

  /** Discards what was typed before now. */
  public static void discardInput() {
    // In the background, tcflush would stop this process (SIGTTOU), and what is typed is not for
    // it.
    if (foreground()) {
      LibC.tcflush(STDIN, TCIFLUSH);
    }
  }

  /** Returns whether a line has been typed; reads it. */
  public static boolean lineTyped() {
    try {
      boolean line = false;
      while (foreground() && System.in.available() > 0) {
        line |= System.in.read() == '\n';
      }
      return line;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean foreground() {
    return LibC.tcgetpgrp(STDIN) == LibC.getpgrp();
  }
}
