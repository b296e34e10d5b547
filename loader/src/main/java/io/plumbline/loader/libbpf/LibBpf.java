package io.plumbline.loader.libbpf;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import org.jspecify.annotations.Nullable;

/**
 * The functions of libbpf 1.x that are used here (kernel {@code tools/lib/bpf/libbpf.h}, {@code
 * btf.h}). Functions that return a pointer return null on error; those that return an int return
 * {@code -errno}.
 */
public final class LibBpf {
  private static final @Nullable String UNAVAILABLE = register();

  private LibBpf() {}

  private static @Nullable String register() {
    try {
      Native.register(LibBpf.class, "libbpf.so.1");
      libbpf_set_print(null);
      Memlock.raise();
      return null;
    } catch (LinkageError e) {
      return "needs libbpf.so.1 (package libbpf1)";
    }
  }

  /** Returns why libbpf cannot be used here, or null if it can. */
  public static @Nullable String unavailable() {
    return UNAVAILABLE;
  }

  public static native @Nullable Pointer libbpf_set_print(@Nullable Pointer print);

  public static native @Nullable Pointer bpf_object__open_mem(
      Pointer bytes, long size, @Nullable Pointer opts);

  public static native int bpf_object__load(Pointer object);

  public static native void bpf_object__close(Pointer object);

  public static native @Nullable Pointer bpf_object__find_program_by_name(
      Pointer object, String name);

  public static native @Nullable Pointer bpf_object__next_map(
      Pointer object, @Nullable Pointer previous);

  public static native @Nullable Pointer bpf_object__btf(Pointer object);

  public static native @Nullable Pointer bpf_object__find_map_by_name(Pointer object, String name);

  public static native int bpf_map__fd(Pointer map);

  public static native int bpf_map__set_max_entries(Pointer map, int entries);

  public static native int bpf_map__reuse_fd(Pointer map, int fd);

  public static native String bpf_map__name(Pointer map);

  public static native @Nullable Pointer bpf_map__initial_value(Pointer map, LongByReference size);

  public static native int bpf_map_update_elem(int fd, Pointer key, Pointer value, long flags);

  public static native int bpf_program__fd(Pointer program);

  public static native Pointer bpf_program__insns(Pointer program);

  public static native int bpf_program__set_insns(Pointer program, Pointer insns, long count);

  public static native int libbpf_register_prog_handler(
      Pointer section, int programType, int attachType, Pointer options);

  public static native long bpf_program__insn_cnt(Pointer program);

  public static native int bpf_program__set_log_buf(Pointer program, Pointer buffer, long size);

  public static native int bpf_program__set_log_level(Pointer program, int level);

  public static native @Nullable Pointer bpf_object__next_program(
      Pointer object, @Nullable Pointer previous);

  public static native String bpf_program__name(Pointer program);

  public static native String bpf_program__section_name(Pointer program);

  public static native int bpf_program__type(Pointer program);

  public static native int bpf_program__set_type(Pointer program, int type);

  public static native int bpf_program__set_autoload(Pointer program, boolean autoload);

  public static native int libbpf_probe_bpf_helper(int programType, int helper, long opts);

  public static native int btf__find_by_name_kind(Pointer btf, String name, int kind);

  public static native @Nullable Pointer btf__type_by_id(Pointer btf, int id);

  public static native @Nullable String btf__name_by_offset(Pointer btf, int offset);
}
