package io.plumbline.emulator.helper;

/** Routes for {@code fib_lookup}, given to a machine under {@link #ATTACHMENT}. */
public interface FibTable {
  /** The name under which a machine has it. */
  String ATTACHMENT = "fib";

  /** BPF_FIB_LKUP_RET_NOT_FWDED. */
  int NOT_FORWARDED = 4;

  /**
   * Looks up a route.
   *
   * @param params the array with a {@code struct bpf_fib_lookup}, which receives the answer
   * @param at where it starts
   * @return BPF_FIB_LKUP_RET_*
   */
  int lookup(byte[] params, int at, int flags);
}
