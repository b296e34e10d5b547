package io.plumbline.loader.kernel;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;

/** Collects what libbpf warns of while it is open; otherwise libbpf prints nothing. */
final class LibBpfWarnings implements AutoCloseable {
  private static final int LIBBPF_WARN = 0;
  private static final int MOST = 1024;
  private static final String PREFIX = "libbpf: ";

  /**
   * {@code libbpf_print_fn_t}; a {@code va_list} argument is an address on the supported machines.
   */
  interface Print extends Callback {
    int invoke(int level, Pointer format, Pointer arguments);
  }

  private final Print print = this::print;
  private String first = "";

  LibBpfWarnings() {
    LibBpf.libbpf_set_print(CallbackReference.getFunctionPointer(print));
  }

  private int print(int level, Pointer format, Pointer arguments) {
    if (level == LIBBPF_WARN && first.isEmpty()) {
      try (Memory text = new Memory(MOST)) {
        LibC.vsnprintf(text, MOST, format, arguments);
        first = text.getString(0).strip().replaceFirst("^" + PREFIX, "").replace('\n', ' ');
      }
    }
    return 0;
  }

  /** Returns an error with libbpf's first warning as its reason, unless it has a verifier's log. */
  EngineException reasonOf(EngineException e) {
    if (first.isEmpty() || !e.detail().isEmpty()) {
      return e;
    }
    String message = "%s: %s%s".formatted(e.getMessage(), PREFIX, first);
    return e.refused() ? EngineException.refusal(message, "") : new EngineException(message);
  }

  @Override
  public void close() {
    LibBpf.libbpf_set_print(null);
  }
}
