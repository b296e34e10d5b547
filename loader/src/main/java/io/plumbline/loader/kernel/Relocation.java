package io.plumbline.loader.kernel;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.LibBpf;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Relocation of an object's instructions by libbpf without verification: a program that becomes
 * part of another one is verified there, and once is enough.
 *
 * <p>libbpf calls a handler before it loads a program of the section of a {@link ProgramType}
 * (libbpf 1.0, {@code libbpf_register_prog_handler}); the handler takes the instructions and puts
 * two others in their place. With a libbpf that does not call it, the program is loaded as always.
 */
final class Relocation {
  private static final int RETURN_0_INSNS = 2;
  private static final Memory RETURN_0 = new Memory(16);
  private static final ThreadLocal<Taken> TAKEN = new ThreadLocal<>();
  private static final ThreadLocal<Boolean> ACTIVE = ThreadLocal.withInitial(() -> false);

  /** Kept here, because libbpf knows it for good. */
  private static final Prepare HANDLER = Relocation::prepare;

  /**
   * A program's relocated instructions.
   *
   * @param functions by the index of a function's first instruction, its type (kernel {@code struct
   *     bpf_func_info})
   */
  record Taken(byte[] instructions, Map<Integer, Integer> functions) {
    Taken {
      functions = Map.copyOf(functions);
    }
  }

  /** {@code libbpf_prog_prepare_load_fn_t}. */
  interface Prepare extends Callback {
    int invoke(Pointer program, Pointer options, long cookie);
  }

  /** What loads an object. */
  interface Load {
    /** Returns 0 or {@code -errno}. */
    int run();
  }

  static {
    RETURN_0.setLong(0, 0xB7);
    RETURN_0.setLong(8, 0x95);
    // struct libbpf_prog_handler_opts { size_t sz; long cookie; fn setup, prepare_load, attach; }
    for (ProgramType type : ProgramType.ofSections()) {
      try (Memory options = new Memory(40);
          Memory section = new Memory(type.section().length() + 1L)) {
        options.clear();
        options.setLong(0, options.size());
        options.setPointer(24, CallbackReference.getFunctionPointer(HANDLER));
        section.setString(0, type.section());
        LibBpf.libbpf_register_prog_handler(section, type.number(), type.attachType(), options);
      }
    }
  }

  private Relocation() {}

  /** Makes the handler known, before an object is opened whose programs it is to take. */
  static void prepare() {
    // The work is in the initializer of this class.
  }

  private static int prepare(Pointer program, Pointer options, long cookie) {
    if (ACTIVE.get()) {
      int bytes = (int) LibBpf.bpf_program__insn_cnt(program) * 8;
      byte[] instructions = LibBpf.bpf_program__insns(program).getByteArray(0, bytes);
      // struct bpf_prog_load_opts { ...; prog_btf_fd at 16; func_info at 56; func_info_cnt;
      // func_info_rec_size; line_info; line_info_cnt; ... }
      Map<Integer, Integer> functions = new HashMap<>();
      Pointer info = options.getPointer(56);
      for (int i = 0; info != null && i < options.getInt(64); i++) {
        long at = (long) i * options.getInt(68);
        functions.put(info.getInt(at), info.getInt(at + 4));
      }
      TAKEN.set(new Taken(instructions, functions));
      // No type information, it would be about other instructions.
      options.setInt(16, 0);
      options.setPointer(56, null);
      options.setInt(64, 0);
      options.setPointer(72, null);
      options.setInt(80, 0);
      return LibBpf.bpf_program__set_insns(program, RETURN_0, RETURN_0_INSNS);
    }
    return 0;
  }

  /** Loads an object so; afterwards {@link #taken} has the instructions. */
  static int run(Load load) {
    TAKEN.remove();
    ACTIVE.set(true);
    try {
      return load.run();
    } finally {
      ACTIVE.set(false);
    }
  }

  /** Returns the program that was relocated last; null if libbpf loaded it. */
  static @Nullable Taken taken() {
    return TAKEN.get();
  }
}
