package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.process.Capability;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Names under which links are held in the BPF file system: {@code plumbline/link-ID}. The kernel
 * gives a link's number once until the system boots, so interfaces of one name in several network
 * namespaces have different names here.
 *
 * <p>Any user may create names in a BPF file system that is mounted with the kernel's default mode.
 * Where {@code plumbline} belongs to another user, {@code plumbline-RANDOM} is used instead.
 */
final class Pins {
  private static final String BEFORE = "before-";
  private static final long BPF_FS_MAGIC = 0xCAFE4A11L;
  private static final String MOUNT = "/sys/fs/bpf";
  private static final String FIRST_MOUNT = "/proc/1/root" + MOUNT;
  private static final String DIRECTORY = "plumbline";
  private static final int DIRECTORY_MODE = 0700;
  private static final int STATFS_BYTES = 256;
  private static final int RANDOM_BYTES = 8;

  private final Path mount;

  private Pins(Path mount) {
    this.mount = mount;
  }

  /** A location where links can be pinned, or why they cannot. */
  record Found(Optional<Pins> pins, String reason) {}

  /**
   * Finds the BPF file system. A program started by {@code ip netns exec} sees a /sys that ends
   * with it; the one of the first process is used then.
   */
  static Found find() {
    boolean first = !isBpfFs(MOUNT) && !sameMounts() && isBpfFs(FIRST_MOUNT);
    try {
      Pins pins = new Pins(first ? Path.of(FIRST_MOUNT) : here());
      try (OwnDirectory directory = pins.directory()) {
        return directory.writable()
            ? new Found(Optional.of(pins), "")
            : new Found(Optional.empty(), directory.path() + ": cannot be written to");
      }
    } catch (AttachException e) {
      return new Found(Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  /** Returns the BPF file system of this mount namespace; mounts it if the system has none. */
  static Path here() throws AttachException {
    if (isBpfFs(MOUNT)) {
      return Path.of(MOUNT);
    }
    if (!sameMounts()) {
      throw new AttachException(
          Kind.KERNEL, "no BPF file system on " + MOUNT + " outlives this mount namespace");
    }
    String mode = "mode=0700";
    try (Memory data = new Memory(mode.length() + 1L)) {
      data.setString(0, mode);
      if (LibC.mount("bpf", MOUNT, "bpf", 0, data) < 0) {
        throw new AttachException(
            Kind.KERNEL,
            "no BPF file system on %s: mount -t bpf bpf %s: %s"
                .formatted(MOUNT, MOUNT, Errno.describe(Native.getLastError())));
      }
    }
    return Path.of(MOUNT);
  }

  /** Compares the numbers of mounts, which differ in each mount namespace. */
  private static boolean sameMounts() {
    try (Stream<String> own = Files.lines(Path.of("/proc/thread-self/mountinfo"));
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

  /** Returns the names that can be directories of pins, the plain one first. */
  private Set<String> candidates() {
    Set<String> names = new TreeSet<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(mount, DIRECTORY + "*")) {
      stream.forEach(path -> names.add(String.valueOf(path.getFileName())));
    } catch (IOException e) {
      // The plain name is tried, which gives the reason.
    }
    return names;
  }

  /** Opens the directories of this user; there are several if another user made one go away. */
  private List<OwnDirectory> directories() {
    List<OwnDirectory> found = new ArrayList<>();
    for (String name : candidates()) {
      try {
        found.add(OwnDirectory.open(mount, name));
      } catch (AttachException e) {
        // It belongs to another user.
      }
    }
    return found;
  }

  /** Opens the directory for new pins. */
  private OwnDirectory directory() throws AttachException {
    List<OwnDirectory> found = directories();
    if (!found.isEmpty()) {
      found.subList(1, found.size()).forEach(OwnDirectory::close);
      return found.get(0);
    }
    boolean taken = candidates().contains(DIRECTORY);
    byte[] random = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(random);
    // A BPF file system has no names with a dot.
    String name = taken ? DIRECTORY + "-" + HexFormat.of().formatHex(random) : DIRECTORY;
    return OwnDirectory.make(mount, name, DIRECTORY_MODE);
  }

  /** Pins a link. */
  void pin(int linkFd, int linkId) throws AttachException {
    pin(name(linkId), linkFd, "pin the link");
  }

  /** Keeps a program under the number of the one that has taken its place. */
  void keep(int programFd, int replacedBy) throws AttachException {
    forget(replacedBy);
    pin(before(replacedBy), programFd, "keep the program");
  }

  private void pin(String name, int fd, String what) throws AttachException {
    try (OwnDirectory directory = directory()) {
      int result = Bpf.pin(fd, directory.entry(name));
      if (result < 0) {
        throw AttachException.of(
            "%s: %s: %s".formatted(directory.path(), what, Errno.describe(-result)),
            -result,
            Capability.CAP_BPF);
      }
    }
  }

  /** Opens a pinned link; returns {@code -ENOENT} if it is not pinned here. */
  int open(int linkId) {
    return open(name(linkId));
  }

  /** Opens the program that another one has replaced; {@code -ENOENT} if none is kept. */
  int kept(int replacedBy) {
    return open(before(replacedBy));
  }

  private int open(String name) {
    int fd = -Errno.ENOENT;
    for (OwnDirectory directory : directories()) {
      try (directory) {
        if (fd < 0) {
          fd = Bpf.pinned(directory.entry(name));
        }
      }
    }
    return fd;
  }

  /** Removes the pin of a link. */
  void remove(int linkId) {
    remove(name(linkId));
  }

  /** Gives up the program that another one has replaced. */
  void forget(int replacedBy) {
    remove(before(replacedBy));
  }

  private void remove(String name) {
    for (OwnDirectory directory : directories()) {
      try (directory) {
        directory.remove(name);
      }
    }
  }

  /**
   * Removes the pins of links and programs that serve nothing any more, and directories that are
   * empty.
   */
  void tidy() {
    for (OwnDirectory directory : directories()) {
      try (directory) {
        for (String pin : directory.list("link-*")) {
          int fd = Bpf.pinned(directory.entry(pin));
          if (fd >= 0) {
            if (Bpf.linkInfo(fd).map(info -> info.ifindex() == 0).orElse(false)) {
              directory.remove(pin);
            }
            LibC.close(fd);
          }
        }
        for (String kept : directory.list(BEFORE + "*")) {
          int fd = Bpf.programById(Integer.parseInt(kept.substring(BEFORE.length())));
          if (fd == -Errno.ENOENT) {
            directory.remove(kept);
          } else if (fd >= 0) {
            LibC.close(fd);
          }
        }
        LibC.rmdir(directory.path().toString());
      }
    }
  }

  private static String before(int replacedBy) {
    return BEFORE + replacedBy;
  }

  private static String name(int linkId) {
    return "link-" + linkId;
  }
}
