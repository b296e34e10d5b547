package io.plumbline.loader.libbpf;

import java.util.Map;

/**
 * Error numbers with their kernel spelling (kernel {@code include/uapi/asm-generic/errno-base.h}).
 */
public final class Errno {
  public static final int EPERM = 1;
  public static final int EINTR = 4;
  public static final int EINVAL = 22;
  public static final int EOPNOTSUPP = 95;
  public static final int ENOTSUPP = 524;

  private static final Map<Integer, String> NAMES =
      Map.of(
          EPERM, "EPERM", 2, "ENOENT", EINTR, "EINTR", 7, "E2BIG", 9, "EBADF", 12, "ENOMEM", 13,
          "EACCES", EINVAL, "EINVAL", 28, "ENOSPC", 38, "ENOSYS");

  private Errno() {}

  /** Returns the name of an error number with its meaning. */
  public static String describe(int errno) {
    String name = NAMES.getOrDefault(errno, "errno " + errno);
    return name + " (" + LibC.strerror(errno) + ")";
  }
}
