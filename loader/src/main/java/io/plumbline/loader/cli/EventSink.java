package io.plumbline.loader.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where events are written: standard output, or a file that only its owner may read. Text, JSON and
 * CSV are appended, and a file that was moved away, as logrotate does, is made anew. A capture is a
 * new file.
 */
final class EventSink implements AutoCloseable {
  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final @Nullable Path path;
  private final boolean appends;
  private final byte[] head;
  private OutputStream out;
  private @Nullable Object key;
  private boolean left;

  /**
   * Opens it.
   *
   * @param path standard output if null
   * @param appends whether an existing file is continued
   * @param head what an empty file begins with
   */
  EventSink(@Nullable Path path, boolean appends, byte[] head) throws CommandException {
    this.path = path;
    this.appends = appends;
    this.head = head.clone();
    out = open();
  }

  private OutputStream open() throws CommandException {
    try {
      if (path == null) {
        return begin(new FileOutputStream(FileDescriptor.out), true);
      }
      FileChannel file = channel(path);
      boolean empty = file.size() == 0;
      if (!empty && !appends) {
        file.close();
        throw new CommandException(
            ExitStatus.USAGE, "--output: %s: exists: expected a new file".formatted(path));
      }
      key = key(path);
      return begin(Channels.newOutputStream(file), empty);
    } catch (IOException e) {
      throw error(e);
    }
  }

  private OutputStream begin(OutputStream file, boolean empty) throws IOException {
    OutputStream buffered = new BufferedOutputStream(file);
    if (empty) {
      buffered.write(head);
    }
    return buffered;
  }

  /**
   * Opens a file, which is created if there is none. A symbolic link is not followed, because
   * others may have put it there, except in the kernel's own folders, such as {@code /dev/stdout}.
   */
  private FileChannel channel(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    Set<OpenOption> options = new HashSet<>();
    if (!absolute.startsWith("/dev") && !absolute.startsWith("/proc")) {
      options.add(LinkOption.NOFOLLOW_LINKS);
    }
    options.add(appends ? StandardOpenOption.APPEND : StandardOpenOption.WRITE);
    if (appends) {
      options.add(StandardOpenOption.CREATE);
      return FileChannel.open(file, options, OWNER_ONLY);
    }
    try {
      return FileChannel.open(
          file, Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW), OWNER_ONLY);
    } catch (FileAlreadyExistsException e) {
      return FileChannel.open(file, options);
    }
  }

  private static @Nullable Object key(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  void write(byte[] bytes) throws CommandException {
    try {
      out.write(bytes);
    } catch (IOException e) {
      failed(e);
    }
  }

  void write(String text) throws CommandException {
    write(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes what is buffered, and opens a file anew that was moved away. */
  void flush() throws CommandException {
    try {
      out.flush();
      if (path != null && appends && !Objects.equals(key(path), key)) {
        out.close();
        out = open();
      }
    } catch (IOException e) {
      failed(e);
    }
  }

  /** Returns whether the process that read a pipe has ended: it has had enough. */
  boolean isLeft() {
    return left;
  }

  private void failed(IOException e) throws CommandException {
    if (StandardOutput.isClosedPipe(reason(e))) {
      left = true;
    } else {
      throw error(e);
    }
  }

  private CommandException error(IOException e) {
    String reason = reason(e);
    if (path == null) {
      return new CommandException(
          ExitStatus.USAGE, "standard output: cannot be written: " + reason);
    }
    return new CommandException(
        ExitStatus.USAGE,
        Files.isSymbolicLink(path)
            ? "--output: %s: is a symbolic link: expected a file".formatted(path)
            : "--output: %s: cannot be written: %s".formatted(path, reason));
  }

  private static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "no such directory";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    String reason = e instanceof FileSystemException file ? file.getReason() : e.getMessage();
    return reason == null ? "input/output error" : reason;
  }

  @Override
  public void close() throws CommandException {
    try {
      if (path == null) {
        // The process may print more; another command may run in it.
        out.flush();
      } else {
        out.close();
      }
    } catch (IOException e) {
      failed(e);
    }
  }
}
