package io.plumbline.pcaps;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;

/**
 * An output file of a command. A regular file appears under its name complete or not at all: it is
 * written under an unpredictable name that did not exist (O_EXCL) and then renamed, so a link that
 * someone planted is replaced and never followed. Devices, FIFOs and descriptors ({@code
 * /dev/stdout}) are written in place.
 */
public final class OutputFile implements AutoCloseable {
  /** Who may read the file. */
  public enum Readers {
    /** Only its owner: it holds traffic. */
    OWNER,
    /** Whoever the umask permits. */
    UMASK
  }

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int NAME_BYTES = 8;

  private final Path file;
  private final Path written;
  private final OutputStream out;
  private boolean committed;

  /**
   * Opens a file for writing.
   *
   * @throws IOException if it cannot be written; {@link #reason} says why
   */
  public OutputFile(Path file, Readers readers) throws IOException {
    this.file = file;
    if (isInPlace(file)) {
      written = file;
      out = openInPlace(file);
      return;
    }
    if (Files.isDirectory(file)) {
      throw new FileSystemException(file.toString(), null, "is a directory");
    }
    byte[] name = new byte[NAME_BYTES];
    RANDOM.nextBytes(name);
    written = file.resolveSibling(".plumb-" + HexFormat.of().formatHex(name));
    FileAttribute<?>[] attributes =
        readers == Readers.UMASK
            ? new FileAttribute<?>[0]
            : new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
            };
    Set<OpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    out = Channels.newOutputStream(Files.newByteChannel(written, options, attributes));
    written.toFile().deleteOnExit();
  }

  /** Writes a whole file. */
  public static void write(Path file, Readers readers, byte[] bytes) throws IOException {
    try (OutputFile output = new OutputFile(file, readers)) {
      output.stream().write(bytes);
      output.commit();
    }
  }

  /** Writes a whole file of text, as UTF-8. */
  public static void write(Path file, Readers readers, String text) throws IOException {
    write(file, readers, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns whether a file is written in place: it exists and is neither a file nor a link. */
  public static boolean isInPlace(Path file) {
    try {
      if (isSystem(file)) {
        return !Files.isDirectory(file) && Files.exists(file);
      }
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return attributes.isOther();
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Returns whether a file is a name of a device or descriptor, in a folder that only root owns.
   */
  private static boolean isSystem(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    Path folder = absolute.getParent();
    return absolute.startsWith("/proc")
        || (folder != null
            && (folder.equals(Path.of("/dev")) || folder.equals(Path.of("/dev/fd"))));
  }

  private static OutputStream openInPlace(Path file) throws IOException {
    switch (file.toAbsolutePath().normalize().toString()) {
      case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1" -> {
        return new FileOutputStream(FileDescriptor.out);
      }
      case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2" -> {
        return new FileOutputStream(FileDescriptor.err);
      }
      default -> {
        // With O_CREAT the kernel refuses a FIFO that another user planted (fs.protected_fifos).
        return isSystem(file)
            ? Files.newOutputStream(
                file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
            : Files.newOutputStream(
                file,
                StandardOpenOption.WRITE,
                StandardOpenOption.CREATE,
                LinkOption.NOFOLLOW_LINKS);
      }
    }
  }

  /** Returns the reason of an error for a message: no class name, one line. */
  public static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "no such folder";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    String reason = e instanceof FileSystemException system ? system.getReason() : e.getMessage();
    return reason == null ? "input/output error" : reason;
  }

  /** Returns where the contents go; the caller buffers. */
  public OutputStream stream() {
    return out;
  }

  /** Completes the file and gives it its name. */
  public void commit() throws IOException {
    if (written.equals(file)) {
      out.flush();
    } else {
      out.close();
      Files.move(
          written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
    committed = true;
  }

  /** Closes the file; one that is not {@linkplain #commit committed} is removed. */
  @Override
  public void close() throws IOException {
    if (written.equals(file)) {
      if (!isDescriptor(file)) {
        out.close();
      }
    } else if (!committed) {
      out.close();
      Files.deleteIfExists(written);
    }
  }

  private static boolean isDescriptor(Path file) {
    return file.toAbsolutePath().normalize().toString().matches("/dev/std(out|err)|.*/fd/[12]");
  }
}
