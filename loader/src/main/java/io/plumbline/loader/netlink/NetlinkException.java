package io.plumbline.loader.netlink;

import io.plumbline.loader.libbpf.Errno;

/** The kernel refused a request. */
public final class NetlinkException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int errno;

  NetlinkException(String what, int errno, String detail) {
    super(what + ": " + Errno.describe(errno) + (detail.isEmpty() ? "" : ": " + detail));
    this.errno = errno;
  }

  /** An argument that the kernel would refuse. */
  NetlinkException(String message) {
    super(message);
    errno = Errno.EINVAL;
  }

  /** Returns the error number, positive. */
  public int errno() {
    return errno;
  }
}
