package io.plumbline.loader.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Set-up that every command's process needs, and that a library must not do to its caller. */
public final class CommandProcess {
  private CommandProcess() {}

  /**
   * Gives the process its name, for ps and killall, makes its texts independent of the locale, and
   * takes its signals.
   *
   * @param command plumb, traffico or traffico-cni
   * @param readsSignals whether it has something to finish when a signal ends it
   */
  public static void begin(String command, boolean readsSignals) {
    Locale.setDefault(Locale.ROOT);
    if (readsSignals) {
      Signals.take();
    }
    Path comm = Path.of("/proc/self/comm");
    try {
      if (!Files.readString(comm, StandardCharsets.ISO_8859_1).strip().equals(command)) {
        Files.writeString(comm, command);
      }
    } catch (IOException e) {
      // Without /proc it keeps the name of the file that it executes.
    }
  }
}
