package io.plumbline.loader.libbpf;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Direct bpf(2) calls (kernel {@code include/uapi/linux/bpf.h}, {@code union bpf_attr}). */
public final class BpfSyscall {
  public static final int PROG_TYPE_NETFILTER = 32;
  public static final int PROG_TYPE_SCHED_CLS = 3;
  private static final int ATTACH_TYPE_NETFILTER = 45;
  public static final int MAP_TYPE_ARRAY = 2;
  public static final int MAP_TYPE_HASH = 1;
  public static final int MAP_TYPE_LPM_TRIE = 11;
  public static final int MAP_TYPE_ARRAY_OF_MAPS = 12;
  public static final int MAP_TYPE_RINGBUF = 27;
  public static final int F_NO_PREALLOC = 1;
  public static final int F_MMAPABLE = 1 << 10;
  public static final int F_INNER_MAP = 1 << 12;

  public static final int PROG_TYPE_XDP = 6;
  public static final int PROG_TYPE_LWT_XMIT = 12;

  private static final int BPF_MAP_CREATE = 0;
  private static final int BPF_MAP_LOOKUP_ELEM = 1;
  private static final int BPF_MAP_UPDATE_ELEM = 2;
  private static final int BPF_MAP_DELETE_ELEM = 3;
  private static final int BPF_PROG_LOAD = 5;
  private static final int BPF_PROG_TEST_RUN = 10;
  private static final int BPF_BTF_LOAD = 18;
  private static final int BPF_MAP_UPDATE_BATCH = 26;
  private static final int ATTR_SIZE = 128;

  /** {@code BPF_OBJ_NAME_LEN} without the closing zero. */
  private static final int NAME_MAX = 15;

  private static final int LOG_SIZE = 1 << 20;

  /** {@code BPF_LOG_LEVEL1} and {@code BPF_LOG_STATS} (kernel {@code bpf_verifier.h}). */
  private static final int LOG_INSTRUCTIONS = 1;

  private static final int LOG_STATISTICS = 4;

  static {
    Memlock.raise();
  }

  private BpfSyscall() {}

  /** Returns the name of an error number of bpf(2) with its meaning: of EPERM what is needed. */
  public static String describe(int errno) {
    return errno == Errno.EPERM
        ? "EPERM: " + Memlock.reason().orElse("needs root, or CAP_BPF and CAP_NET_ADMIN")
        : Errno.describe(errno);
  }

  /** Creates a map; returns its fd or {@code -errno}. */
  public static int mapCreate(int type, int keySize, int valueSize, int entries, int flags) {
    return mapCreate("", type, keySize, valueSize, entries, flags);
  }

  /** Creates a map with a name, of which the kernel keeps 15 bytes. */
  public static int mapCreate(
      String name, int type, int keySize, int valueSize, int entries, int flags) {
    try (Memory attr = attr()) {
      attr.setInt(0, type);
      attr.setInt(4, keySize);
      attr.setInt(8, valueSize);
      attr.setInt(12, entries);
      attr.setInt(16, flags);
      // struct { ...; map_flags; inner_map_fd; numa_node; char map_name[16]; ... }
      setName(attr, 28, name);
      return call(BPF_MAP_CREATE, attr);
    }
  }

  /**
   * Writes entries of a map: in one call where the kernel has batches for that map (5.6 for hash
   * tables), else one by one; returns 0 or {@code -errno}.
   *
   * @param keys all keys one after the other
   * @param values all values one after the other
   */
  public static int mapUpdate(
      int fd, Pointer keys, int keySize, Pointer values, int valueSize, int count) {
    if (count == 0) {
      return 0;
    }
    try (Memory attr = attr()) {
      attr.setPointer(16, keys);
      attr.setPointer(24, values);
      attr.setInt(32, count);
      attr.setInt(36, fd);
      int result = call(BPF_MAP_UPDATE_BATCH, attr);
      if (!isUnsupported(result)) {
        return result;
      }
    }
    for (int i = 0; i < count; i++) {
      int result =
          mapUpdate(fd, keys.share((long) i * keySize), values.share((long) i * valueSize));
      if (result < 0) {
        return result;
      }
    }
    return 0;
  }

  private static boolean isUnsupported(int result) {
    return result == -Errno.ENOTSUPP || result == -Errno.EOPNOTSUPP || result == -Errno.EINVAL;
  }

  /** Writes one entry of a map; returns 0 or {@code -errno}. */
  public static int mapUpdate(int fd, Pointer key, Pointer value) {
    try (Memory attr = attr()) {
      attr.setInt(0, fd);
      attr.setPointer(8, key);
      attr.setPointer(16, value);
      return call(BPF_MAP_UPDATE_ELEM, attr);
    }
  }

  /** Removes one entry of a map; returns 0 or {@code -errno}. */
  public static int mapDelete(int fd, Pointer key) {
    try (Memory attr = attr()) {
      attr.setInt(0, fd);
      attr.setPointer(8, key);
      return call(BPF_MAP_DELETE_ELEM, attr);
    }
  }

  /** Result of loading a program: an fd, or {@code -errno} with the verifier's log. */
  public record Loaded(int fd, String log) {}

  /** Loads type information; returns its fd or {@code -errno}. */
  public static int btfLoad(byte[] btf) {
    try (Memory attr = attr();
        Memory bytes = new Memory(btf.length)) {
      bytes.write(0, btf, 0, btf.length);
      attr.setPointer(0, bytes);
      attr.setInt(16, btf.length);
      return call(BPF_BTF_LOAD, attr);
    }
  }

  /** Loads a program without type information under a license of its own. */
  public static Loaded progLoad(
      String name, int type, byte[] instructions, String license, int flags) {
    return progLoad(name, type, instructions, license, flags, 0, new int[0], false);
  }

  /** Loads a program of one function under the GPL. */
  public static Loaded progLoad(int type, byte[] instructions) {
    return progLoad("", type, instructions, 0, new int[0], false);
  }

  /**
   * Loads a program under the GPL.
   *
   * @param name of which the kernel keeps 15 bytes
   * @param btfFd type information that {@code funcInfo} speaks of
   * @param funcInfo for each function the index of its first instruction and its type's id; none if
   *     empty
   * @param measured whether the verifier's statistics are wanted as the log (Linux 5.2)
   */
  public static Loaded progLoad(
      String name, int type, byte[] instructions, int btfFd, int[] funcInfo, boolean measured) {
    return progLoad(name, type, instructions, "GPL", 0, btfFd, funcInfo, measured);
  }

  private static Loaded progLoad(
      String name,
      int type,
      byte[] instructions,
      String licenseName,
      int flags,
      int btfFd,
      int[] funcInfo,
      boolean measured) {
    byte[] licenseBytes = licenseName.getBytes(StandardCharsets.UTF_8);
    try (Memory attr = attr();
        Memory code = new Memory(instructions.length);
        Memory license = new Memory(licenseBytes.length + 1L);
        Memory functions = new Memory(4L * funcInfo.length + 4);
        Memory log = new Memory(LOG_SIZE)) {
      code.write(0, instructions, 0, instructions.length);
      license.clear();
      license.write(0, licenseBytes, 0, licenseBytes.length);
      attr.setInt(0, type);
      attr.setInt(4, instructions.length / 8);
      attr.setPointer(8, code);
      attr.setPointer(16, license);
      attr.setInt(44, flags);
      setName(attr, 48, name);
      if (type == PROG_TYPE_NETFILTER) {
        attr.setInt(68, ATTACH_TYPE_NETFILTER);
      } else if (type == PROG_TYPE_XDP) {
        // As libbpf does: programs that share a map of programs must agree on it.
        attr.setInt(68, Bpf.ATTACH_XDP);
      }
      if (funcInfo.length > 0) {
        functions.write(0, funcInfo, 0, funcInfo.length);
        attr.setInt(72, btfFd);
        attr.setInt(76, 8);
        attr.setPointer(80, functions);
        attr.setInt(88, funcInfo.length / 2);
      }
      log.setByte(0, (byte) 0);
      if (measured) {
        setLog(attr, LOG_STATISTICS, log);
      }
      int fd = call(BPF_PROG_LOAD, attr);
      if (fd >= 0) {
        return new Loaded(fd, log.getString(0));
      }
      setLog(attr, LOG_INSTRUCTIONS, log);
      int again = call(BPF_PROG_LOAD, attr);
      // The second call may fail with ENOSPC instead, because the log is too long.
      return new Loaded(again < 0 ? fd : again, log.getString(0));
    }
  }

  private static void setLog(Memory attr, int level, Memory log) {
    attr.setInt(24, level);
    attr.setInt(28, LOG_SIZE);
    attr.setPointer(32, log);
  }

  private static void setName(Memory attr, int at, String name) {
    byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
    attr.write(at, bytes, 0, Math.min(bytes.length, NAME_MAX));
  }

  /** Memory for one BPF_PROG_TEST_RUN after the other, so that a call allocates nothing. */
  public static final class TestRun implements AutoCloseable {
    private final Memory attr = attr();

    /**
     * Names the program and its buffers, which stay the caller's.
     *
     * @param out receives the frame afterwards; null if nobody wants it, because with room 0 the
     *     kernel writes all of it
     */
    public TestRun(int fd, Pointer in, @Nullable Pointer out) {
      attr.setInt(0, fd);
      attr.setPointer(16, in);
      attr.setPointer(24, out);
    }

    /**
     * Runs the program.
     *
     * @param length of the input, and room in the output buffer, in bytes
     * @param repeat how many times
     * @return 0 or {@code -errno}
     */
    public int run(int length, int room, int repeat) {
      attr.setInt(4, 0);
      attr.setInt(8, length);
      attr.setInt(12, room);
      attr.setInt(32, repeat);
      return call(BPF_PROG_TEST_RUN, attr);
    }

    /** Returns what the program returned last. */
    public int retval() {
      return attr.getInt(4);
    }

    /** Returns how long the frame was after the last run. */
    public int lengthOut() {
      return attr.getInt(12);
    }

    /** Returns the mean nanoseconds of one execution in the last run. */
    public int durationNanos() {
      return attr.getInt(36);
    }

    @Override
    public void close() {
      attr.close();
    }
  }

  /** Reads one entry of a map; returns 0 or {@code -errno}. */
  public static int mapLookup(int fd, Pointer key, Pointer value) {
    try (Memory attr = attr()) {
      attr.setInt(0, fd);
      attr.setPointer(8, key);
      attr.setPointer(16, value);
      return call(BPF_MAP_LOOKUP_ELEM, attr);
    }
  }

  static Memory attr() {
    Memory attr = new Memory(ATTR_SIZE);
    attr.clear();
    return attr;
  }

  static int call(int command, Memory attr) {
    long result = LibC.syscall(LibC.NR_BPF, command, attr, ATTR_SIZE);
    return result >= 0 ? (int) result : -Native.getLastError();
  }
}
