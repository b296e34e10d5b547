package io.plumbline.loader.attach;

import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * One change of attachments at a time. The lock is the kernel's, so it ends with the process that
 * holds it, however that ends.
 */
final class Lock {
  private static final long WAIT_MILLIS = 30_000;
  private static final long STEP_MILLIS = 20;

  private final FileChannel channel;

  private Lock(FileChannel channel) {
    this.channel = channel;
  }

  /** Waits for its turn. */
  static Lock acquire() throws AttachException {
    Path directory =
        LibC.geteuid() == 0
            ? Path.of("/run/plumbline")
            : Path.of("/run/user/" + LibC.geteuid() + "/plumbline");
    Path file = directory.resolve("lock");
    try {
      if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
        createDirectory(directory);
      }
      Object owner = Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!Integer.valueOf(LibC.geteuid()).equals(owner)
          || !Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
        throw new AttachException(Kind.KERNEL, directory + ": not a directory of this user's");
      }
      FileChannel channel =
          FileChannel.open(
              file,
              java.util.Set.of(
                  StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      long end = System.nanoTime() + WAIT_MILLIS * 1_000_000;
      while (tryLock(channel) == null) {
        if (System.nanoTime() - end > 0) {
          channel.close();
          throw new AttachException(
              Kind.KERNEL, file + ": held by another process for more than 30 seconds");
        }
        Thread.sleep(STEP_MILLIS);
      }
      return new Lock(channel);
    } catch (IOException e) {
      throw new AttachException(Kind.KERNEL, file + ": cannot be locked: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AttachException(Kind.KERNEL, file + ": interrupted");
    }
  }

  private static void createDirectory(Path directory) throws IOException {
    try {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (java.nio.file.FileAlreadyExistsException e) {
      // Another process was faster.
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // Another thread of this process has it.
      return null;
    }
  }

  /** Lets the next one. */
  void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
