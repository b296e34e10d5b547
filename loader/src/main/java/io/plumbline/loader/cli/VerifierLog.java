package io.plumbline.loader.cli;

import java.util.ArrayList;
import java.util.List;

/** The end of the kernel verifier's log, which is where the reason stands. */
final class VerifierLog {
  private static final int LINES = 10;
  private static final int WIDTH = 160;

  private VerifierLog() {}

  /** Returns the last lines that say something, indented, each on a line of its own. */
  static String brief(String log) {
    List<String> lines = new ArrayList<>();
    for (String line : log.lines().toList()) {
      boolean statistics =
          line.isBlank() || line.startsWith("processed ") || line.startsWith("verification time");
      if (!statistics) {
        lines.add(line.length() <= WIDTH ? line : line.substring(0, WIDTH) + " ...");
      }
    }
    List<String> last = lines.subList(Math.max(0, lines.size() - LINES), lines.size());
    return last.isEmpty() ? "" : "\n  " + String.join("\n  ", last);
  }
}
