package io.plumbline.loader.libbpf;

import com.sun.jna.Memory;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The limit of locked memory, to which the kernel charges maps and programs before Linux 5.11 (the
 * sum of all that a user has made). Later kernels charge the memory control group.
 */
final class Memlock {
  private static final int RLIMIT_MEMLOCK = 8;
  private static final long RLIM_INFINITY = -1;
  private static final Pattern RELEASE = Pattern.compile("([0-9]+)\\.([0-9]+).*");
  private static final int CHARGED_BEFORE = 5 << 8 | 11;

  private Memlock() {}

  /** Raises the limit as far as this process may, where the kernel charges to it. */
  static void raise() {
    if (!isCharged()) {
      return;
    }
    // struct rlimit { u64 rlim_cur, rlim_max; }
    try (Memory limit = new Memory(16)) {
      limit.setLong(0, RLIM_INFINITY);
      limit.setLong(8, RLIM_INFINITY);
      if (LibC.setrlimit(RLIMIT_MEMLOCK, limit) < 0 && LibC.getrlimit(RLIMIT_MEMLOCK, limit) == 0) {
        limit.setLong(0, limit.getLong(8));
        LibC.setrlimit(RLIMIT_MEMLOCK, limit);
      }
    }
  }

  /** Returns why this limit can be the reason of EPERM; empty if it cannot. */
  static Optional<String> reason() {
    try (Memory limit = new Memory(16)) {
      if (!isCharged()
          || LibC.getrlimit(RLIMIT_MEMLOCK, limit) < 0
          || limit.getLong(0) == RLIM_INFINITY) {
        return Optional.empty();
      }
      return Optional.of(
          "RLIMIT_MEMLOCK is %d bytes: needs ulimit -l unlimited, CAP_SYS_RESOURCE or Linux 5.11"
              .formatted(limit.getLong(0)));
    }
  }

  private static boolean isCharged() {
    return isCharged(System.getProperty("os.version"));
  }

  /** Returns whether a kernel release charges BPF memory to the limit. */
  static boolean isCharged(String release) {
    Matcher numbers = RELEASE.matcher(release);
    return numbers.matches()
        && (Integer.parseInt(numbers.group(1)) << 8 | Integer.parseInt(numbers.group(2)))
            < CHARGED_BEFORE;
  }
}
