package io.plumbline.loader.kernel;

import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.loader.libbpf.LibC;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Features of this kernel and this process, found by trying. */
public final class FeatureProbe {
  /** {@code r0 = 0; exit}. */
  private static final byte[] RETURN_0 = {
    (byte) 0xB7, 0, 0, 0, 0, 0, 0, 0, (byte) 0x95, 0, 0, 0, 0, 0, 0, 0
  };

  private static final int MAP_TYPE_RINGBUF = 27;
  private static final int RING_BYTES = 4096;
  private static final int HELPER_LOOP = 181;

  private FeatureProbe() {}

  /**
   * Returns whether the environment variable {@code PLUMB_WITHOUT} names a feature as missing,
   * among others separated by commas.
   */
  public static boolean isSwitchedOff(String feature) {
    String without = System.getenv("PLUMB_WITHOUT");
    return without != null && List.of(without.split(",", -1)).contains(feature);
  }

  /** Returns why no filter can be loaded here, or empty if filters can. */
  public static Optional<String> unavailable() {
    return Optional.ofNullable(Tried.REASON);
  }

  /**
   * Returns why there are no ring buffers here; empty if there are, or if another limit than the
   * kernel's version kept this process from making one.
   */
  public static Optional<String> ringbufUnavailable() {
    int map = BpfSyscall.mapCreate(MAP_TYPE_RINGBUF, 0, 0, RING_BYTES, 0);
    if (map >= 0) {
      LibC.close(map);
      return Optional.empty();
    }
    return map == -Errno.EINVAL ? Optional.of("the kernel has no ring buffers") : unavailable();
  }

  /** Returns why programs cannot call bpf_loop here, or empty if they can. */
  public static Optional<String> loopUnavailable() {
    return unavailable(
        LibBpf.libbpf_probe_bpf_helper(ProgramType.SCHED_CLS.number(), HELPER_LOOP, 0), "bpf_loop");
  }

  private static Optional<String> unavailable(int probed, String what) {
    if (probed == 1) {
      return Optional.empty();
    }
    return Optional.of("the kernel " + (probed == 0 ? "has no " : "cannot be asked about ") + what);
  }

  /** Tried once, when first asked for. */
  private static final class Tried {
    static final @Nullable String REASON = tryLoad();
  }

  private static @Nullable String tryLoad() {
    if (!System.getProperty("os.name").equals("Linux")) {
      return "needs Linux, found " + System.getProperty("os.name");
    }
    if (LibBpf.unavailable() != null) {
      return LibBpf.unavailable();
    }
    int fd = BpfSyscall.progLoad(ProgramType.SCHED_CLS.number(), RETURN_0).fd();
    if (fd >= 0) {
      LibC.close(fd);
      return null;
    }
    return "bpf(2): " + BpfSyscall.describe(-fd);
  }
}
