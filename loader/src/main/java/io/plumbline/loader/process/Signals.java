package io.plumbline.loader.process;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The signals that end a process (signal(7)), read from a descriptor instead of handled. Every
 * thread has them blocked from the first instruction on, so the kernel keeps a signal until it is
 * read, also across execve: none is lost, and none ends the process while a filter has to be taken
 * off first.
 *
 * <p>The launcher starts the JVM with these signals blocked and with -Xrs, without which a JVM
 * unblocks some of them; {@link #take} does the same where there was no launcher.
 */
final class Signals {
  private static final int SIGHUP = 1;
  private static final int SIGINT = 2;
  private static final int SIGTERM = 15;
  private static final int FIRST_REALTIME = 34;
  private static final int LAST_REALTIME = 63;

  /** HUP INT QUIT TRAP ABRT USR1 USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS. */
  private static final int[] ENDING = {
    1, 2, 3, 5, 6, 10, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31
  };

  private static final int SIG_BLOCK = 0;
  private static final int SIG_UNBLOCK = 1;
  private static final int SIGSET_BYTES = 128;
  private static final int SFD_NONBLOCK = 0x800;
  private static final int SFD_CLOEXEC = 0x80000;
  private static final int SIGINFO_BYTES = 128;
  private static final int POLLFD_BYTES = 8;
  private static final short POLLIN = 1;
  private static final int PR_SET_DUMPABLE = 4;

  /** The longest wait for the reader's end. */
  private static final long MOST_MILLIS = 100;

  /** The property that says that the process was started with these signals blocked. */
  private static final String BLOCKED = "plumb.signals.blocked";

  private static final Object STATE = new Object();
  private static boolean taken;
  private static boolean held;
  private static boolean arrived;
  private static boolean stopped;

  /** Reads the signals; null until it is started. */
  private static @Nullable Thread reader;

  /** An eventfd that wakes the reader; -1 until it is there. */
  private static int wake = -1;

  private Signals() {}

  /**
   * Begins to read signals; a process that has them not blocked is started anew first. Until {@link
   * #hold}, a signal ends the process as it would end any other.
   */
  static void take() {
    if (!Boolean.getBoolean(BLOCKED)) {
      restartBlocked();
      return;
    }
    taken = true;
    held = LeastPrivilege.restarted();
    Thread thread = new Thread(Signals::read, "signals");
    thread.setDaemon(true);
    thread.start();
    reader = thread;
  }

  /** Returns whether this process reads its signals. */
  static boolean taken() {
    return taken;
  }

  private static void read() {
    try (Memory set = ending();
        Memory poll = new Memory(2 * POLLFD_BYTES)) {
      int fd = LibC.signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
      int woken = LibC.eventfd(0, SFD_CLOEXEC | SFD_NONBLOCK);
      synchronized (STATE) {
        wake = woken;
        if (stopped) {
          return;
        }
      }
      // struct pollfd { int fd; short events, revents; }
      poll.clear();
      poll.setInt(0, fd);
      poll.setInt(4, POLLIN);
      poll.setInt(POLLFD_BYTES, woken);
      poll.setInt(POLLFD_BYTES + 4, POLLIN);
      while (true) {
        int ready = LibC.poll(poll, 2, -1);
        synchronized (STATE) {
          if (stopped) {
            return;
          }
          if (ready <= 0) {
            continue;
          }
          if (!held) {
            endBy(next(fd));
            continue;
          }
          arrived = true;
          STATE.notifyAll();
          while (held && !stopped) {
            STATE.wait();
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (LinkageError e) {
      // The process is ending already, or there is no native library, and then nothing to undo.
    }
  }

  /** Leaves signals unread from now on: there is something to undo first. */
  static void hold() {
    synchronized (STATE) {
      held = true;
    }
  }

  /** Ends {@link #hold}. */
  static void release() {
    synchronized (STATE) {
      held = false;
      STATE.notifyAll();
    }
  }

  /** Waits for a signal; returns whether one came. */
  static boolean await(long millis) throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000;
    synchronized (STATE) {
      while (!arrived) {
        long left = (end - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          return false;
        }
        STATE.wait(left);
      }
      return true;
    }
  }

  /**
   * Ends the process as its signal asks for: with the status if there is none or one that says
   * nothing but "end" (HUP, INT, TERM), else by that signal.
   */
  static void end(int status) {
    synchronized (STATE) {
      held = true;
      if (arrived) {
        int signal = 1 + Long.numberOfTrailingZeros(signals("ShdPnd:"));
        if (signal != SIGHUP && signal != SIGINT && signal != SIGTERM) {
          endBy(signal);
        }
      }
    }
    stopReading();
    System.exit(status);
  }

  /** Ends the reader: a JVM that exits waits 0.3 s for a thread that blocks in native code. */
  private static void stopReading() {
    Thread thread = reader;
    if (thread == null) {
      return;
    }
    synchronized (STATE) {
      stopped = true;
      if (wake >= 0) {
        try (Memory one = new Memory(Long.BYTES)) {
          one.setLong(0, 1);
          LibC.write(wake, one, Long.BYTES);
        }
      }
      STATE.notifyAll();
    }
    try {
      thread.join(MOST_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Reads the next signal; 0 if there is none. */
  private static int next(int fd) {
    try (Memory info = new Memory(SIGINFO_BYTES)) {
      return LibC.read(fd, info, SIGINFO_BYTES) == SIGINFO_BYTES ? info.getInt(0) : 0;
    }
  }

  /** Ends the process by a signal, without the gigabytes of a JVM's core file. */
  private static void endBy(int signal) {
    if (signal < 1 || signal > LAST_REALTIME) {
      return;
    }
    LibC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    LibC.signal(signal, null);
    try (Memory set = set(List.of(signal))) {
      LibC.pthread_sigmask(SIG_UNBLOCK, set, null);
      LibC.kill((int) ProcessHandle.current().pid(), signal);
    }
    Runtime.getRuntime().halt(128 + signal);
  }

  private static Memory set(List<Integer> signals) {
    Memory set = new Memory(SIGSET_BYTES);
    set.clear();
    for (int signal : signals) {
      set.setLong(0, set.getLong(0) | 1L << (signal - 1));
    }
    return set;
  }

  /** Returns the ending signals. */
  private static Memory ending() {
    long ignored = signals("SigIgn:");
    List<Integer> signals = new ArrayList<>();
    for (int signal : ENDING) {
      // A process that was started ignoring HUP stays when the terminal goes (nohup). A shell's
      // background has INT and QUIT ignored too, and the original traffico handles INT all the
      // same.
      if (signal != SIGHUP || (ignored & 1) == 0) {
        signals.add(signal);
      }
    }
    for (int signal = FIRST_REALTIME; signal <= LAST_REALTIME; signal++) {
      signals.add(signal);
    }
    return set(signals);
  }

  /**
   * Returns a set of signals of this process, signal 1 in bit 0 (proc(5)).
   *
   * <p>ShdPnd are those sent to the process. A descriptor would also give the thread that reads it
   * those of its own, such as the SIGPIPE of its last write.
   */
  private static long signals(String field) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(field)) {
          return Long.parseUnsignedLong(line.substring(field.length()).strip(), 16);
        }
      }
    } catch (IOException e) {
      // Then none is known.
    }
    return 0;
  }

  /** Starts this process anew, with the signals blocked. Returns only if that is not possible. */
  private static void restartBlocked() {
    List<String> arguments = arguments();
    arguments.addAll(1, List.of("-Xrs", "-D" + BLOCKED + "=true"));
    try (Memory set = ending()) {
      LibC.pthread_sigmask(SIG_BLOCK, set, null);
      execute(arguments);
      LibC.pthread_sigmask(SIG_UNBLOCK, set, null);
    }
  }

  /** Returns what this process was started with; a character is a byte. */
  static List<String> arguments() {
    try {
      String line = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.ISO_8859_1);
      List<String> arguments = new ArrayList<>(List.of(line.split("\0", -1)));
      arguments.remove(arguments.size() - 1);
      return arguments;
    } catch (IOException e) {
      return new ArrayList<>();
    }
  }

  /** Executes the program that this process runs anew; returns only if that is not possible. */
  static void execute(List<String> arguments) {
    try {
      // By the name it was started with, which is the name that ps shows.
      Path self = Path.of("/proc/self/exe");
      Path named = Path.of(arguments.get(0));
      boolean same = named.isAbsolute() && Files.exists(named) && Files.isSameFile(named, self);
      String program = (same ? named : self.toRealPath()).toString();
      StringArray argv = new StringArray(arguments.toArray(String[]::new), "ISO-8859-1");
      LibC.execve(program, argv, environment());
    } catch (IOException | IndexOutOfBoundsException e) {
      // Then it stays as it is.
    }
  }

  /** Returns {@code environ}: the bytes themselves, of whatever encoding. */
  private static Pointer environment() {
    return com.sun.jna.NativeLibrary.getInstance("c")
        .getGlobalVariableAddress("environ")
        .getPointer(0);
  }
}
