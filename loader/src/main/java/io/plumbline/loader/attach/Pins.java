package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The names under which links are held in the BPF file system: {@code plumbline/link-ID}. A link's
 * number is given once until the system boots, so interfaces of one name in several network
 * namespaces do not meet here.
 */
final class Pins {
  private static final long BPF_FS_MAGIC = 0xCAFE4A11L;
  private static final String MOUNT = "/sys/fs/bpf";
  private static final int STATFS_BYTES = 256;

  private final Path directory;

  private Pins(Path directory) {
    this.directory = directory;
  }

  /** Where links can be pinned, or why they cannot. */
  record Found(Optional<Pins> pins, String reason) {}

  /**
   * Finds the BPF file system, and mounts it where nobody has. A program started by {@code ip netns
   * exec} sees a /sys of its own that ends with it; the one of the first process is used then.
   */
  static Found find() {
    if (isBpfFs(MOUNT)) {
      return open(Path.of(MOUNT));
    }
    boolean sameMounts = sameMounts();
    if (!sameMounts && isBpfFs("/proc/1/root" + MOUNT)) {
      return open(Path.of("/proc/1/root" + MOUNT));
    }
    if (!sameMounts) {
      return new Found(
          Optional.empty(), "no BPF file system on " + MOUNT + " outlives this mount namespace");
    }
    if (LibC.mount("bpf", MOUNT, "bpf", 0, null) < 0) {
      return new Found(
          Optional.empty(),
          "no BPF file system on " + MOUNT + ": mount -t bpf bpf " + MOUNT + " was refused");
    }
    return open(Path.of(MOUNT));
  }

  /** Compares the numbers of mounts, which are other ones in each mount namespace. */
  private static boolean sameMounts() {
    try (Stream<String> own = Files.lines(Path.of("/proc/self/mountinfo"));
        Stream<String> first = Files.lines(Path.of("/proc/1/mountinfo"))) {
      return own.findFirst().equals(first.findFirst());
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }

  private static boolean isBpfFs(String path) {
    try (Memory result = new Memory(STATFS_BYTES)) {
      return LibC.statfs(path, result) == 0 && result.getLong(0) == BPF_FS_MAGIC;
    }
  }

  private static Found open(Path mount) {
    Path directory = mount.resolve("plumbline");
    try {
      if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectory(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      PosixFileAttributes found =
          Files.readAttributes(directory, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      Set<PosixFilePermission> permissions = found.permissions();
      Object owner = Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      boolean ours = owner instanceof Integer uid && (uid == 0 || uid == LibC.geteuid());
      if (!found.isDirectory()
          || !ours
          || permissions.contains(PosixFilePermission.OTHERS_WRITE)
          || permissions.contains(PosixFilePermission.GROUP_WRITE)) {
        return new Found(
            Optional.empty(),
            directory + ": not a directory of root's that only root can write to");
      }
      return new Found(Optional.of(new Pins(directory)), "");
    } catch (IOException e) {
      return new Found(Optional.empty(), directory + ": cannot be used: " + e);
    }
  }

  /** Pins a link; returns 0 or {@code -errno}. */
  int pin(int linkFd, int linkId) {
    return Bpf.pin(linkFd, path(linkId).toString());
  }

  /** Opens a pinned link; returns {@code -errno} if it is not pinned here. */
  int open(int linkId) {
    return Bpf.pinned(path(linkId).toString());
  }

  /** Forgets a link. */
  void remove(int linkId) {
    LibC.unlink(path(linkId).toString());
  }

  /** Removes the pins of links whose interface is gone, and the directory if it is empty. */
  void tidy() {
    for (Path pin : all()) {
      int fd = Bpf.pinned(pin.toString());
      if (fd == -Errno.ENOENT) {
        continue;
      }
      boolean dead = fd >= 0 && Bpf.linkInfo(fd).map(info -> info.ifindex() == 0).orElse(false);
      if (fd >= 0) {
        LibC.close(fd);
      }
      if (dead) {
        LibC.unlink(pin.toString());
      }
    }
    LibC.rmdir(directory.toString());
  }

  private List<Path> all() {
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, "link-*")) {
      List<Path> pins = new ArrayList<>();
      stream.forEach(pins::add);
      return pins;
    } catch (IOException e) {
      return List.of();
    }
  }

  private Path path(int linkId) {
    return directory.resolve("link-" + linkId);
  }

  /** Returns where the pins are. */
  Path directory() {
    return directory;
  }
}
