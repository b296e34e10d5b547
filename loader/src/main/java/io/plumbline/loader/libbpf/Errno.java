package io.plumbline.loader.libbpf;

import java.util.Map;

/**
 * Error numbers with their kernel spelling (kernel {@code include/uapi/asm-generic/errno-base.h},
 * {@code errno.h}).
 */
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int EINTR = 4;
  public static final int E2BIG = 7;
  public static final int EAGAIN = 11;
  public static final int EACCES = 13;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int ENODEV = 19;
  public static final int EINVAL = 22;
  public static final int EPIPE = 32;
  public static final int EOPNOTSUPP = 95;
  public static final int ENOBUFS = 105;
  public static final int ENOTSUPP = 524;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(EPERM, "EPERM"),
          Map.entry(ENOENT, "ENOENT"),
          Map.entry(EINTR, "EINTR"),
          Map.entry(E2BIG, "E2BIG"),
          Map.entry(9, "EBADF"),
          Map.entry(EAGAIN, "EAGAIN"),
          Map.entry(12, "ENOMEM"),
          Map.entry(EACCES, "EACCES"),
          Map.entry(EBUSY, "EBUSY"),
          Map.entry(EEXIST, "EEXIST"),
          Map.entry(ENODEV, "ENODEV"),
          Map.entry(20, "ENOTDIR"),
          Map.entry(EINVAL, "EINVAL"),
          Map.entry(24, "EMFILE"),
          Map.entry(28, "ENOSPC"),
          Map.entry(30, "EROFS"),
          Map.entry(38, "ENOSYS"),
          Map.entry(EOPNOTSUPP, "EOPNOTSUPP"),
          Map.entry(ENOBUFS, "ENOBUFS"),
          Map.entry(ENOTSUPP, "ENOTSUPP"));

  private Errno() {}

  /**
   * Returns whether a load ended because the verifier rejects the program: it says why in its log.
   * A lack of memory or privilege has no log, or another error number.
   */
  public static boolean isRefusal(int errno, String log) {
    return !log.isBlank() && (errno == EACCES || errno == EINVAL || errno == E2BIG);
  }

  /** Returns the name of an error number with its meaning. */
  public static String describe(int errno) {
    String name = NAMES.getOrDefault(errno, "errno " + errno);
    return name + " (" + LibC.strerror(errno) + ")";
  }
}
