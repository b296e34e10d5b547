package io.plumbline.loader.kernel;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.model.hook.Hook;
import java.util.List;

/**
 * The program type that the kernel has for a hook (kernel {@code include/uapi/linux/bpf.h}).
 *
 * @param hook where programs of this type run
 * @param number {@code enum bpf_prog_type}
 * @param attachType {@code enum bpf_attach_type} that programs expect, 0 if none: programs that
 *     share a map of programs must agree on it
 * @param section the section of this type's programs in the shipped objects
 */
public record ProgramType(Hook hook, int number, int attachType, String section) {
  public static final ProgramType SCHED_CLS =
      new ProgramType(Hook.TC, BpfSyscall.PROG_TYPE_SCHED_CLS, 0, "tc");
  public static final ProgramType XDP =
      new ProgramType(Hook.XDP, BpfSyscall.PROG_TYPE_XDP, Bpf.ATTACH_XDP, "xdp");

  /** What test runs give packets from the IP header on, and which may write into them. */
  static final ProgramType LWT_XMIT =
      new ProgramType(Hook.TC_L3, BpfSyscall.PROG_TYPE_LWT_XMIT, 0, SCHED_CLS.section);

  private static final List<ProgramType> ALL =
      List.of(SCHED_CLS, new ProgramType(Hook.TC_L3, SCHED_CLS.number, 0, SCHED_CLS.section), XDP);

  /** Returns every type whose programs are filters here; each section is one type's. */
  static List<ProgramType> ofSections() {
    return List.of(SCHED_CLS, XDP);
  }

  /** Returns the type as which a hook's programs are loaded to be run by test runs. */
  public static ProgramType inTestRuns(Hook hook) {
    return hook.equals(LWT_XMIT.hook) ? LWT_XMIT : of(hook);
  }

  /** Returns the type of a hook's programs. */
  public static ProgramType of(Hook hook) {
    return ALL.stream().filter(type -> type.hook.equals(hook)).findFirst().orElseThrow();
  }

  /** Returns whether a number is that of a type whose programs are filters here. */
  static boolean isKnown(int number) {
    return ALL.stream().anyMatch(type -> type.number == number);
  }
}
