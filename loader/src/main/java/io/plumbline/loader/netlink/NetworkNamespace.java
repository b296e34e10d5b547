package io.plumbline.loader.netlink;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.nio.file.Files;
import java.nio.file.Path;

/** Network namespaces of threads (setns(2), socket(7)). */
public final class NetworkNamespace {
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int O_CLOEXEC = 0x80000;

  /** The file may be a named pipe instead, which would wait for a writer. */
  private static final int O_NONBLOCK = 0x800;

  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int SOL_SOCKET = 1;
  private static final int SO_NETNS_COOKIE = 71;

  private static final String EXPECTED =
      "expected a name of 'ip netns', or the path of a file such as /proc/PID/ns/net";

  private NetworkNamespace() {}

  /** Returns the file of a namespace that is given by {@code ip netns}' name or by a path. */
  public static Path file(String nameOrPath) {
    return nameOrPath.contains("/")
        ? Path.of(nameOrPath)
        : Path.of("/run/netns").resolve(nameOrPath);
  }

  /** Moves the calling thread, and nothing else of this process, into a namespace. */
  public static void enter(Path file) throws NetlinkException {
    if (!Files.exists(file)) {
      throw new NetlinkException("--netns: %s: no such file: %s".formatted(file, EXPECTED));
    }
    int fd = LibC.open(file.toString(), O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) {
      throw new NetlinkException("--netns: " + file, Native.getLastError(), "");
    }
    int result = LibC.setns(fd, CLONE_NEWNET);
    int errno = Native.getLastError();
    LibC.close(fd);
    if (result < 0 && errno == Errno.EINVAL) {
      throw new NetlinkException("--netns: %s: no network namespace: %s".formatted(file, EXPECTED));
    }
    if (result < 0) {
      throw new NetlinkException("--netns: " + file, errno, "");
    }
  }

  /** Moves the calling thread into a new, empty namespace, which ends with the thread. */
  public static void enterNew() throws NetlinkException {
    if (LibC.unshare(CLONE_NEWNET) < 0) {
      throw new NetlinkException("network namespace", Native.getLastError(), "");
    }
  }

  /** Returns the number that the kernel gives a namespace once and never again until it boots. */
  public static long cookie() throws NetlinkException {
    int fd = LibC.socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0);
    try (Memory value = new Memory(8);
        Memory length = new Memory(4)) {
      length.setInt(0, 8);
      if (fd < 0 || LibC.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, length) < 0) {
        throw new NetlinkException("network namespace", Native.getLastError(), "");
      }
      return value.getLong(0);
    } finally {
      LibC.close(fd);
    }
  }
}
