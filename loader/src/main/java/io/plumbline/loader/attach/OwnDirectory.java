package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A directory of this user that no other user can change, in a location where others may be able to
 * create names. It is held by a descriptor and never reached through a symbolic link, so that
 * another user's directory cannot take its place.
 */
final class OwnDirectory implements AutoCloseable {
  private static final int O_DIRECTORY =
      System.getProperty("os.arch").equals("aarch64") ? 0x4000 : 0x10000;
  private static final int O_NOFOLLOW =
      System.getProperty("os.arch").equals("aarch64") ? 0x8000 : 0x20000;
  private static final int O_CLOEXEC = 0x80000;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int AT_REMOVEDIR = 0x200;
  private static final int STATX_TYPE_MODE_UID = 0xB;
  private static final int STATX_BYTES = 256;
  private static final int STATX_UID = 20;
  private static final int STATX_MODE = 28;
  private static final int WRITABLE_BY_OTHERS = 022;

  private final int fd;
  private final Path path;

  private OwnDirectory(int fd, Path path) {
    this.fd = fd;
    this.path = path;
  }

  /**
   * Opens a directory.
   *
   * @param parent any directory, of whatever user
   */
  static OwnDirectory open(Path parent, String name) throws AttachException {
    return in(parent, at -> open(at, parent.resolve(name)));
  }

  /** Opens a directory, which is made if it does not exist. */
  static OwnDirectory make(Path parent, String name, int mode) throws AttachException {
    return in(parent, at -> make(at, parent.resolve(name), mode));
  }

  /** Opens a directory inside this one, which is made if it does not exist. */
  OwnDirectory make(String name, int mode) throws AttachException {
    return make(fd, path.resolve(name), mode);
  }

  private interface Opening {
    OwnDirectory open(int parent) throws AttachException;
  }

  private static OwnDirectory in(Path parent, Opening opening) throws AttachException {
    int at = LibC.open(parent.toString(), O_DIRECTORY | O_CLOEXEC, 0);
    if (at < 0) {
      throw refused(parent);
    }
    try {
      return opening.open(at);
    } finally {
      LibC.close(at);
    }
  }

  private static OwnDirectory make(int at, Path path, int mode) throws AttachException {
    if (LibC.mkdirat(at, String.valueOf(path.getFileName()), mode) < 0
        && Native.getLastError() != Errno.EEXIST) {
      throw refused(path);
    }
    return open(at, path);
  }

  private static OwnDirectory open(int at, Path path) throws AttachException {
    int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = LibC.openat(at, String.valueOf(path.getFileName()), flags, 0);
    if (fd < 0) {
      throw refused(path);
    }
    OwnDirectory directory = new OwnDirectory(fd, path);
    if (!directory.isOwn()) {
      directory.close();
      throw new AttachException(
          Kind.KERNEL, path + ": not a directory of this user that only this user can write to");
    }
    return directory;
  }

  private static AttachException refused(Path path) {
    int errno = Native.getLastError();
    return new AttachException(
        Kind.KERNEL, "%s: %s".formatted(path, Errno.describe(errno)), errno, "");
  }

  private boolean isOwn() {
    try (Memory status = new Memory(STATX_BYTES)) {
      return LibC.statx(fd, "", AT_EMPTY_PATH, STATX_TYPE_MODE_UID, status) == 0
          && status.getInt(STATX_UID) == LibC.geteuid()
          && (status.getShort(STATX_MODE) & WRITABLE_BY_OTHERS) == 0;
    }
  }

  /** Returns the descriptor, which belongs to this. */
  int fd() {
    return fd;
  }

  /** Returns where the directory is, for people. */
  Path path() {
    return path;
  }

  /** Returns a path to one of its entries that no other user can redirect. */
  String entry(String name) {
    return "/proc/self/fd/%d/%s".formatted(fd, name);
  }

  /** Returns whether entries can be made: not on a file system that is mounted read-only. */
  boolean writable() {
    return Files.isWritable(Path.of(entry(".")));
  }

  /** Returns the names of its entries that match a pattern. */
  List<String> list(String glob) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(Path.of(entry(".")), glob)) {
      stream.forEach(entry -> names.add(String.valueOf(entry.getFileName())));
    } catch (IOException e) {
      // What cannot be listed is not looked at.
    }
    return names;
  }

  /** Removes an entry, if it exists. */
  void remove(String name) {
    LibC.unlinkat(fd, name, 0);
  }

  /** Removes a directory inside this one, if it exists and is empty. */
  void removeDirectory(String name) {
    LibC.unlinkat(fd, name, AT_REMOVEDIR);
  }

  @Override
  public void close() {
    LibC.close(fd);
  }
}
