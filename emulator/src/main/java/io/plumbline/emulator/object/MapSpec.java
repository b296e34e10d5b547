package io.plumbline.emulator.object;

import java.util.List;
import java.util.Optional;

/**
 * What an object says of a map.
 *
 * @param type the kernel's number, {@code enum bpf_map_type}
 * @param flags {@code BPF_F_*}
 * @param inner what the maps in a map of maps are like
 * @param initial bytes that the only value starts with; empty for zeros
 * @param values initial entries of an array of maps or of programs: names, empty where there is
 *     none
 * @param pinned whether it is pinned by name
 * @param refusal why it cannot be made, as its definition says something that has no meaning here;
 *     empty if it can
 */
public record MapSpec(
    String name,
    int type,
    int keySize,
    int valueSize,
    int maxEntries,
    int flags,
    Optional<MapSpec> inner,
    byte[] initial,
    List<String> values,
    boolean pinned,
    Optional<String> refusal) {
  /** Programs cannot write it: kernel {@code BPF_F_RDONLY_PROG}. */
  public static final int F_RDONLY_PROG = 1 << 7;

  /** Returns a map without initial contents. */
  public static MapSpec of(
      String name, int type, int keySize, int valueSize, int maxEntries, int flags) {
    return new MapSpec(
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
        flags,
        Optional.empty(),
        new byte[0],
        List.of(),
        false,
        Optional.empty());
  }

  /** Returns this map with other initial bytes. */
  public MapSpec withInitial(byte[] bytes) {
    return new MapSpec(
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
        flags,
        inner,
        bytes.clone(),
        values,
        pinned,
        refusal);
  }

  /** Returns this map with another number of entries. */
  public MapSpec withMaxEntries(int entries) {
    return new MapSpec(
        name, type, keySize, valueSize, entries, flags, inner, initial, values, pinned, refusal);
  }

  /** Returns this map with others in it. */
  public MapSpec withInner(MapSpec spec) {
    return new MapSpec(
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
        flags,
        Optional.of(spec),
        initial,
        values,
        pinned,
        refusal);
  }

  /** Returns this map as one that cannot be made; the first reason stays. */
  public MapSpec refused(String why) {
    return refusal.isPresent()
        ? this
        : new MapSpec(
            name,
            type,
            keySize,
            valueSize,
            maxEntries,
            flags,
            inner,
            initial,
            values,
            pinned,
            Optional.of(why));
  }
}
