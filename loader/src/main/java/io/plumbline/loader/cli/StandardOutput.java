package io.plumbline.loader.cli;

import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Standard output that remembers why it could not be written, which a PrintWriter does not. */
final class StandardOutput extends OutputStream {
  private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
  private @Nullable String failure;

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      failure = String.valueOf(e.getMessage());
      throw e;
    }
  }

  /** Returns whether an error says that the process which reads a pipe has ended. */
  static boolean isClosedPipe(String reason) {
    return reason.equals(LibC.strerror(Errno.EPIPE));
  }

  /** Returns why something was not written; empty if all was, or the reader of a pipe has ended. */
  Optional<String> failure() {
    return Optional.ofNullable(failure).filter(reason -> !isClosedPipe(reason));
  }
}
