package io.plumbline.loader.process;

import com.sun.jna.Memory;
import com.sun.jna.StringArray;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Gives privileges up for good. Capabilities belong to threads, and a JVM has many, so the process
 * starts itself anew with fewer (execve(2), capabilities(7)): with the same arguments, and a note
 * of what it holds. If that does not work, it goes on as it is.
 */
public final class LeastPrivilege {
  /** Detaching a clsact filter needs it; a link needs nothing. */
  public static final int CAP_NET_ADMIN = 12;

  private static final String NOTE = "PLUMB_HOLDS";
  private static final int LAST_CAP = 63;
  private static final int SIG_BLOCK = 0;
  private static final int SIG_UNBLOCK = 1;
  private static final int SIGSET_BYTES = 128;
  private static final int PR_CAPBSET_READ = 23;
  private static final int PR_CAPBSET_DROP = 24;
  private static final int PR_CAP_AMBIENT = 47;
  private static final int PR_CAP_AMBIENT_LOWER = 3;
  private static final int CAPABILITY_VERSION_3 = 0x20080522;

  private static volatile boolean ownProcess;

  private LeastPrivilege() {}

  /** Says that this JVM is the command's own, so that it may be started anew. */
  public static void ownProcess() {
    ownProcess = true;
  }

  /** Returns the note that this process was started anew with. */
  public static Optional<String> note() {
    return ownProcess ? Optional.ofNullable(System.getenv(NOTE)) : Optional.empty();
  }

  /**
   * Starts this process anew with one capability. Returns only if that is not possible.
   *
   * @param note what {@link #note} says then
   */
  public static void restart(String note) {
    if (!ownProcess || note().isPresent() || !dropAllBut(CAP_NET_ADMIN)) {
      return;
    }
    try {
      String program = Path.of("/proc/self/exe").toRealPath().toString();
      String commandLine =
          Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.ISO_8859_1);
      List<String> arguments = new ArrayList<>(List.of(commandLine.split("\0", -1)));
      arguments.remove(arguments.size() - 1);
      List<String> environment = new ArrayList<>();
      for (Map.Entry<String, String> entry : System.getenv().entrySet()) {
        environment.add(entry.getKey() + "=" + entry.getValue());
      }
      environment.add(NOTE + "=" + note);
      StringArray argv = new StringArray(arguments.toArray(String[]::new), "ISO-8859-1");
      StringArray envp = new StringArray(environment.toArray(String[]::new), "UTF-8");
      // A signal to end waits until the new JVM has a thread that takes it.
      signals(SIG_BLOCK);
      LibC.execve(program, argv, envp);
      signals(SIG_UNBLOCK);
    } catch (IOException e) {
      // Then it stays as it is.
    }
  }

  /** Blocks or unblocks SIGHUP, SIGINT and SIGTERM for this thread. */
  private static void signals(int how) {
    try (Memory set = new Memory(SIGSET_BYTES)) {
      set.clear();
      set.setLong(0, 1L << 0 | 1L << 1 | 1L << 14);
      LibC.pthread_sigmask(how, set, null);
    }
  }

  /** Takes from this thread what it could pass on by execve; returns whether that was possible. */
  private static boolean dropAllBut(int kept) {
    for (int cap = 0; cap <= LAST_CAP; cap++) {
      if (cap == kept || LibC.prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0) {
        continue;
      }
      LibC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, cap, 0, 0);
      if (LibC.geteuid() == 0 && LibC.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
        return false;
      }
    }
    // struct __user_cap_header_struct { u32 version; int pid; }, then two of struct
    // __user_cap_data_struct { u32 effective, permitted, inheritable; }.
    try (Memory header = new Memory(8);
        Memory data = new Memory(24)) {
      header.setInt(0, CAPABILITY_VERSION_3);
      header.setInt(4, 0);
      if (LibC.capget(header, data) < 0) {
        return false;
      }
      for (int word = 0; word < 6; word++) {
        int mask = word < 3 ? 1 << kept : 0;
        data.setInt(4L * word, data.getInt(4L * word) & mask);
      }
      return LibC.capset(header, data) == 0;
    }
  }
}
