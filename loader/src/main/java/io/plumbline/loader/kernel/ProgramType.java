package io.plumbline.loader.kernel;

import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.model.hook.Hook;

/** The program type that the kernel has for a hook (kernel {@code include/uapi/linux/bpf.h}). */
public enum ProgramType {
  SCHED_CLS(Hook.TC, BpfSyscall.PROG_TYPE_SCHED_CLS, "tc"),
  XDP(Hook.XDP, BpfSyscall.PROG_TYPE_XDP, "xdp");

  private final Hook hook;
  private final int number;
  private final String section;

  ProgramType(Hook hook, int number, String section) {
    this.hook = hook;
    this.number = number;
    this.section = section;
  }

  /** Returns the type of a hook's programs. */
  public static ProgramType of(Hook hook) {
    for (ProgramType type : values()) {
      if (type.hook.equals(hook)) {
        return type;
      }
    }
    throw new IllegalArgumentException("hook " + hook.name() + ": no program type");
  }

  /** Returns whether a number is that of a type whose programs are filters here. */
  static boolean isKnown(int number) {
    for (ProgramType type : values()) {
      if (type.number == number) {
        return true;
      }
    }
    return false;
  }

  /** Returns the hook at which programs of this type run. */
  public Hook hook() {
    return hook;
  }

  /** Returns {@code enum bpf_prog_type}. */
  public int number() {
    return number;
  }

  /** Returns the section of this type's programs in the shipped objects. */
  public String section() {
    return section;
  }
}
