package io.plumbline.emulator.helper;

import java.util.Optional;

/**
 * Kernel functions, which programs call by name and not by number (kernel {@code
 * kernel/bpf/helpers.c}, {@code net/core/filter.c}). The last column says what differs from the
 * kernel.
 */
public enum Kfunc {
  DYNPTR_FROM_SKB("bpf_dynptr_from_skb", DynptrHelpers::fromSkb, ""),
  DYNPTR_FROM_XDP("bpf_dynptr_from_xdp", DynptrHelpers::fromXdp, ""),
  DYNPTR_SLICE("bpf_dynptr_slice", DynptrHelpers::slice, ""),
  DYNPTR_SLICE_RDWR("bpf_dynptr_slice_rdwr", DynptrHelpers::sliceToWrite, ""),
  DYNPTR_ADJUST("bpf_dynptr_adjust", DynptrHelpers::adjust, ""),
  DYNPTR_SIZE("bpf_dynptr_size", DynptrHelpers::size, ""),
  DYNPTR_IS_NULL("bpf_dynptr_is_null", DynptrHelpers::isNull, ""),
  DYNPTR_IS_RDONLY("bpf_dynptr_is_rdonly", DynptrHelpers::isReadOnly, ""),
  DYNPTR_CLONE("bpf_dynptr_clone", DynptrHelpers::copy, "");

  private final String symbol;

  @SuppressWarnings("ImmutableEnumChecker") // a method reference has no state
  private final HelperFunction function;

  private final String differs;

  Kfunc(String symbol, HelperFunction function, String differs) {
    this.symbol = symbol;
    this.function = function;
    this.differs = differs;
  }

  /** Returns the kernel's name. */
  public String symbol() {
    return symbol;
  }

  public HelperFunction function() {
    return function;
  }

  /** Returns what differs from the kernel; empty: nothing is known to. */
  public String differs() {
    return differs;
  }

  /** Returns the immediate of a call once it is bound; below 0, where a kernel has no types. */
  @SuppressWarnings("EnumOrdinal") // never leaves the process
  public int number() {
    return -1 - ordinal();
  }

  /** Finds a function that is done here. */
  public static Optional<Kfunc> of(String symbol) {
    for (Kfunc one : values()) {
      if (one.symbol.equals(symbol)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }

  /** Finds the function that the immediate of a bound call means. */
  static Optional<Kfunc> of(int number) {
    int index = -1 - number;
    return index >= 0 && index < values().length ? Optional.of(values()[index]) : Optional.empty();
  }
}
