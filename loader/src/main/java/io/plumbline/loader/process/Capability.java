package io.plumbline.loader.process;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.LibC;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A capability of the calling thread, as the first user namespace sees it (capabilities(7)). */
public enum Capability {
  CAP_NET_ADMIN(12),
  CAP_SYS_ADMIN(21),
  CAP_PERFMON(38),
  CAP_BPF(39);

  private static final int CAPABILITY_VERSION_3 = 0x20080522;

  /** {@code /proc/self/uid_map} of the first user namespace: every user stands for itself. */
  private static final String IDENTITY = "0 0 4294967295";

  private final int bit;

  Capability(int bit) {
    this.bit = bit;
  }

  /** Returns whether the calling thread has it. */
  public boolean held() {
    return !inUserNamespace() && (effective(bit) || this != CAP_NET_ADMIN && effective(21));
  }

  /** Returns the sentence that names those which the calling thread lacks; empty if it has all. */
  public static Optional<String> lacking(Capability... needed) {
    List<String> names = Arrays.stream(needed).filter(c -> !c.held()).map(Enum::name).toList();
    if (names.isEmpty()) {
      return Optional.empty();
    }
    int last = names.size() - 1;
    String all =
        (last == 0 ? "" : String.join(", ", names.subList(0, last)) + " and ") + names.get(last);
    return Optional.of(
        "this process lacks %s%s: expected root"
            .formatted(all, inUserNamespace() ? " in the first user namespace" : ""));
  }

  private static boolean inUserNamespace() {
    try {
      String map = Files.readString(Path.of("/proc/thread-self/uid_map"));
      return !map.strip().replaceAll("\\s+", " ").equals(IDENTITY);
    } catch (IOException e) {
      // Without /proc nothing is known; the kernel decides.
      return false;
    }
  }

  private static boolean effective(int bit) {
    // struct __user_cap_header_struct { u32 version; int pid; }, then two of struct
    // __user_cap_data_struct { u32 effective, permitted, inheritable; }.
    try (Memory header = new Memory(8);
        Memory data = new Memory(24)) {
      header.setInt(0, CAPABILITY_VERSION_3);
      header.setInt(4, 0);
      return LibC.capget(header, data) == 0 && (data.getInt(bit / 32 * 12L) >> bit % 32 & 1) == 1;
    }
  }
}
