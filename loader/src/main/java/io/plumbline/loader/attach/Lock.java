package io.plumbline.loader.attach;

import com.sun.jna.Native;
import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.nio.file.Path;

/**
 * Mutual exclusion of changes of attachments: one at a time. The lock is the kernel's (flock(2)),
 * so it ends with the process that holds it, however that ends.
 *
 * <p>It is on a directory that only this user can open, which also works where that is read-only.
 * Where there is no such directory, it is on the network namespace; another user in there could
 * hold that one.
 */
final class Lock {
  private static final long WAIT_MILLIS = 30_000;
  private static final long STEP_MILLIS = 20;
  private static final int DIRECTORY_MODE = 0700;
  private static final int O_CLOEXEC = 0x80000;
  private static final int LOCK_EX_NB = 2 | 4;
  private static final String NAMESPACE = "/proc/thread-self/ns/net";

  private final int fd;

  private Lock(int fd) {
    this.fd = fd;
  }

  /** Waits until no other process or thread makes a change. */
  static Lock acquire() throws AttachException {
    return acquire(WAIT_MILLIS);
  }

  /** Waits as long as given. */
  static Lock acquire(long waitMillis) throws AttachException {
    Path run = Path.of(LibC.geteuid() == 0 ? "/run" : "/run/user/" + LibC.geteuid());
    String name = run.resolve("plumbline").toString();
    int fd;
    try (OwnDirectory directory = OwnDirectory.make(run, "plumbline", DIRECTORY_MODE)) {
      fd = LibC.open(directory.entry("."), O_CLOEXEC, 0);
    } catch (AttachException e) {
      name = NAMESPACE;
      fd = LibC.open(name, O_CLOEXEC, 0);
    }
    Lock lock = new Lock(fd);
    try {
      lock.await(name, waitMillis);
      return lock;
    } catch (AttachException e) {
      lock.close();
      throw e;
    }
  }

  private void await(String name, long waitMillis) throws AttachException {
    long end = System.nanoTime() + waitMillis * 1_000_000;
    while (LibC.flock(fd, LOCK_EX_NB) < 0) {
      int errno = Native.getLastError();
      if (errno != Errno.EAGAIN && errno != Errno.EINTR) {
        throw new AttachException(
            Kind.KERNEL, name + ": cannot be locked: " + Errno.describe(errno));
      }
      if (System.nanoTime() - end > 0) {
        throw new AttachException(
            Kind.KERNEL,
            "%s: held by another process for more than %d seconds"
                .formatted(name, waitMillis / 1000));
      }
      try {
        Thread.sleep(STEP_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AttachException(Kind.KERNEL, name + ": interrupted");
      }
    }
  }

  /** Lets the next change be made. */
  void close() {
    LibC.close(fd);
  }
}
