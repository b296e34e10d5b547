package io.plumbline.loader.process;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Gives privileges up for good. Capabilities belong to threads, and a JVM has many, so the process
 * starts itself anew with fewer (execve(2), capabilities(7)), with the same arguments. What it
 * holds it hands over in a sealed memory file (memfd_create(2)), which names this very process: the
 * environment and other processes cannot make it up. If that does not work, it stays as it is.
 */
public final class LeastPrivilege {
  /** Detaching a clsact filter needs it; a link needs nothing. */
  public static final int CAP_NET_ADMIN = 12;

  private static final String PROPERTY = "plumb.holds";
  private static final String FILE = "plumb-holds";
  private static final int LAST_CAP = 63;
  private static final int PR_CAPBSET_READ = 23;
  private static final int PR_CAPBSET_DROP = 24;
  private static final int PR_CAP_AMBIENT = 47;
  private static final int PR_CAP_AMBIENT_LOWER = 3;
  private static final int CAPABILITY_VERSION_3 = 0x20080522;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int SEALS = 0xF;

  /** Field 22 of /proc/PID/stat, counted from the one after the name. */
  private static final int START_TIME = 19;

  private LeastPrivilege() {}

  /** Returns whether this process was started anew by {@link #restart}. */
  static boolean restarted() {
    return held().isPresent();
  }

  /** Returns what this process held when it was started anew; empty if it was not. */
  public static Optional<String> held() {
    Integer fd = Integer.getInteger(PROPERTY);
    if (fd == null) {
      return Optional.empty();
    }
    try {
      Path path = Path.of("/proc/self/fd/" + fd);
      if (!Files.readSymbolicLink(path).toString().startsWith("/memfd:" + FILE)
          || LibC.fcntl(fd, F_GET_SEALS, 0) != SEALS) {
        return Optional.empty();
      }
      String[] lines = Files.readString(path).split("\n", 2);
      return lines.length == 2 && lines[0].equals(process())
          ? Optional.of(lines[1])
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Returns what no other process since the system started has had: number and start time. */
  private static String process() throws IOException {
    String stat = Files.readString(Path.of("/proc/self/stat"), StandardCharsets.ISO_8859_1);
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return ProcessHandle.current().pid() + " " + fields[START_TIME];
  }

  /**
   * Starts this process anew with one capability. Returns only if that is not possible.
   *
   * @param holds what {@link #held} returns then
   */
  public static void restart(String holds) {
    if (!Signals.taken() || restarted()) {
      return;
    }
    int fd = LibC.memfd_create(FILE, MFD_ALLOW_SEALING);
    try {
      List<String> arguments = Signals.arguments();
      Files.writeString(Path.of("/proc/self/fd/" + fd), process() + "\n" + holds);
      if (fd < 0 || LibC.fcntl(fd, F_ADD_SEALS, SEALS) < 0 || !dropAllBut(CAP_NET_ADMIN)) {
        return;
      }
      // The last of several counts, and PLUMB_JAVA_OPTS may name another.
      arguments.add(Math.max(1, arguments.indexOf("-jar")), "-D" + PROPERTY + "=" + fd);
      Signals.execute(arguments);
    } catch (IOException e) {
      // Then it stays as it is.
    } finally {
      LibC.close(fd);
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
