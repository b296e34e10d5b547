package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.Direction;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Which programs of a third-party object can be attached here. */
final class Programs {
  /** Sections of tc programs, of conventions that are newer or older than the libbpf in use too. */
  private static final Set<String> TC =
      Set.of("tc", "tcx", "netkit", "classifier", "cls", "sched_cls");

  /** First words of sections of other types that libbpf 1.x knows. */
  private static final Set<String> OTHER =
      Set.of(
          "action",
          "socket",
          "sk_reuseport",
          "kprobe",
          "kretprobe",
          "uprobe",
          "uretprobe",
          "ksyscall",
          "kretsyscall",
          "usdt",
          "tracepoint",
          "tp",
          "raw_tracepoint",
          "raw_tp",
          "tp_btf",
          "fentry",
          "fmod_ret",
          "fexit",
          "freplace",
          "lsm",
          "lsm_cgroup",
          "iter",
          "syscall",
          "perf_event",
          "lwt_in",
          "lwt_out",
          "lwt_xmit",
          "lwt_seg6local",
          "sockops",
          "sk_skb",
          "sk_msg",
          "lirc_mode2",
          "flow_dissector",
          "cgroup_skb",
          "cgroup",
          "struct_ops",
          "sk_lookup",
          "netfilter");

  private Programs() {}

  /**
   * Returns the type of a section's programs, or 0 if they are not for here.
   *
   * @param chosen whether the user chose the program, which makes one of a section that says
   *     nothing a tc program
   */
  static int type(String section, boolean chosen) {
    String first = section.split("[/.]", 2)[0];
    if (TC.contains(first)) {
      return ProgramType.SCHED_CLS.number();
    }
    if (first.equals("xdp")) {
      return ProgramType.XDP.number();
    }
    return chosen && !OTHER.contains(first) ? ProgramType.SCHED_CLS.number() : 0;
  }

  /** Returns the direction that a section's name ends with, if it does. */
  static Optional<Direction> direction(String section) {
    return Stream.of(Direction.values())
        .filter(direction -> ("/" + section).endsWith("/" + direction.word()))
        .findFirst();
  }

  /** Checks that exactly one program is meant. */
  static void requireOne(String file, String wanted, List<String> found) throws EngineException {
    if (found.size() != 1) {
      throw EngineException.refusal(
          "%s: %d tc and XDP programs%s: expected one%s"
              .formatted(
                  file,
                  found.size(),
                  wanted.isEmpty() ? "" : " named '" + wanted + "'",
                  found.size() < 2 ? "" : ", chosen by --object-program: " + found),
          "");
    }
  }
}
