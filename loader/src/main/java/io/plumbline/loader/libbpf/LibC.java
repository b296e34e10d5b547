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

  public static native int open(String path, int flags, int mode);

  public static native int close(int fd);

  /** Formats text; {@code arguments} is a {@code va_list}. */
  public static native int vsnprintf(Pointer text, long size, Pointer format, Pointer arguments);

  public static native int dup(int fd);

  public static native int socket(int domain, int type, int protocol);

  public static native int bind(int fd, Pointer address, int length);

  public static native int setsockopt(int fd, int level, int option, Pointer value, int length);

  public static native int getsockopt(int fd, int level, int option, Pointer value, Pointer length);

  public static native long send(int fd, Pointer bytes, long length, int flags);

  public static native long sendto(
      int fd, Pointer bytes, long length, int flags, Pointer address, int addressLength);

  public static native int ioctl(int fd, long request, Pointer argument);

  public static native long recv(int fd, Pointer bytes, long length, int flags);

  static native int getrlimit(int resource, Pointer limit);

  static native int setrlimit(int resource, Pointer limit);

  public static native int setns(int fd, int type);

  public static native int unshare(int flags);

  public static native int geteuid();

  public static native int prctl(int option, long arg2, long arg3, long arg4, long arg5);

  public static native int pthread_sigmask(int how, Pointer set, @Nullable Pointer old);

  public static native int signalfd(int fd, Pointer set, int flags);

  public static native int eventfd(int value, int flags);

  public static native @Nullable Pointer signal(int signal, @Nullable Pointer handler);

  public static native int kill(int pid, int signal);

  public static native int poll(Pointer descriptors, long count, int timeoutMillis);

  public static native long read(int fd, Pointer bytes, long length);

  public static native long write(int fd, Pointer bytes, long length);

  public static native int memfd_create(String name, int flags);

  public static native int fcntl(int fd, int command, int argument);

  public static native int isatty(int fd);

  public static native int tcflush(int fd, int queue);

  public static native int tcgetpgrp(int fd);

  public static native int getpgrp();

  public static native int capget(Pointer header, Pointer data);

  public static native int capset(Pointer header, Pointer data);

  public static native int execve(String path, Pointer arguments, Pointer environment);

  public static native int openat(int directory, String path, int flags, int mode);

  public static native int mkdirat(int directory, String path, int mode);

  public static native int unlinkat(int directory, String path, int flags);

  public static native int statx(int directory, String path, int flags, int mask, Pointer result);

  public static native int flock(int fd, int operation);

  public static native int rmdir(String path);

  public static native int statfs(String path, Pointer result);

  public static native int mount(
      String source, String target, String type, long flags, @Nullable Pointer data);

  public static native String strerror(int errno);
}
