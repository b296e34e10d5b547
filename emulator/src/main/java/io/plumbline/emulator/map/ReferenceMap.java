package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.MapSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Maps of programs or of maps; programs read them, only user space writes them. */
public final class ReferenceMap extends BpfMap {
  private static final int MAX_ENTRIES = 1 << 20;

  private final @Nullable Object[] byIndex;
  private final Map<ByteBuffer, BpfMap> byKey = new HashMap<>();

  ReferenceMap(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    boolean array = type != MapType.HASH_OF_MAPS;
    if (spec.maxEntries() < 1
        || spec.maxEntries() > MAX_ENTRIES
        || spec.keySize() < 1
        || (array && spec.keySize() != 4)) {
      throw refused(
          spec,
          "key %d, %d entries: expected key 4 and 1..%d entries"
              .formatted(spec.keySize(), spec.maxEntries(), MAX_ENTRIES));
    }
    byIndex = new Object[array ? spec.maxEntries() : 0];
  }

  /** Puts a program at an index. */
  public void put(int index, Program program) {
    set(index, program);
  }

  /** Puts a map at an index; in a hash the index is the key, as libbpf fills one. */
  public void put(int index, BpfMap map) {
    if (byIndex.length > 0) {
      set(index, map);
      return;
    }
    ByteBuffer key = ByteBuffer.allocate(Math.max(Integer.BYTES, keySize()));
    key.order(ByteOrder.LITTLE_ENDIAN).putInt(index);
    put(Arrays.copyOf(key.array(), keySize()), map);
  }

  private void set(int index, Object value) {
    if (Integer.compareUnsigned(index, byIndex.length) >= 0) {
      throw refused(spec(), "entry %d: expected 0..%d".formatted(index, byIndex.length - 1));
    }
    byIndex[index] = value;
  }

  /** Puts a map at a key. */
  public void put(byte[] key, BpfMap map) {
    if (byKey.size() == spec().maxEntries()) {
      throw refused(spec(), "more than %d entries".formatted(byKey.size()));
    }
    byKey.put(ByteBuffer.wrap(key.clone()), map);
  }

  /** Returns the program at an index; null if there is none. */
  public @Nullable Program program(int index) {
    return Integer.compareUnsigned(index, byIndex.length) < 0
            && byIndex[index] instanceof Program program
        ? program
        : null;
  }

  @Override
  public long lookup(byte[] key, int at) {
    if (byIndex.length == 0) {
      BpfMap map = byKey.get(ByteBuffer.wrap(Arrays.copyOfRange(key, at, at + keySize())));
      return map == null ? 0 : map.address();
    }
    int index = u32(key, at);
    return Integer.compareUnsigned(index, byIndex.length) < 0
            && byIndex[index] instanceof BpfMap map
        ? map.address()
        : 0;
  }
}
