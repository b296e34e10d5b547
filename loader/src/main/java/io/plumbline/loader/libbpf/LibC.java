package io.plumbline.loader.libbpf;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import org.jspecify.annotations.Nullable;

/** System calls; they return -1 on error and leave errno to {@link Native#getLastError()}. */
public final class LibC {
  /** {@code __NR_bpf}. */
  public static final long NR_BPF =
      switch (System.getProperty("os.arch")) {
        case "aarch64" -> 280;
        default -> 321;
      };

  static {
    Native.register(LibC.class, "c");
  }

  private LibC() {}

  public static native long syscall(long number, long command, Pointer attribute, long size);

  public static native Pointer mmap(
      @Nullable Pointer address, long length, int protection, int flags, int fd, long offset);

  public static native int munmap(Pointer address, long length);

  public static native int close(int fd);

  public static native String strerror(int errno);
}
