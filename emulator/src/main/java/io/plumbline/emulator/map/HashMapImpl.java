package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.object.MapSpec;
import java.util.Arrays;
import java.util.Optional;

/**
 * Values by key (kernel {@code kernel/bpf/hashtab.c}). An LRU map drops exactly the entry that was
 * not used for longest; the kernel's choice is an approximation of that.
 */
final class HashMapImpl extends BpfMap implements HasRegion {
  private static final int NONE = -1;

  private final Machine machine;
  private final Slab slab;
  private final boolean perCpu;
  private int[] buckets = new int[16];
  private int[] next = new int[16];
  private int[] newer = new int[16];
  private int[] older = new int[16];
  private int newest = NONE;
  private int oldest = NONE;
  private int size;

  HashMapImpl(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    this.machine = machine;
    perCpu = type.perCpu();
    int copies = perCpu ? ArrayMap.CPUS : 1;
    Slab.check(spec, copies);
    slab = new Slab(machine, spec, copies);
    Arrays.fill(buckets, NONE);
  }

  private int hash(byte[] key, int at) {
    int hash = 0;
    for (int i = 0; i < keySize(); i++) {
      hash = hash * 31 + key[at + i];
    }
    return (hash ^ hash >>> 15) & buckets.length - 1;
  }

  private int find(byte[] key, int at) {
    for (int n = buckets[hash(key, at)]; n != NONE; n = next[n]) {
      int from = slab.keyAt(n);
      if (Arrays.equals(slab.keys(), from, from + keySize(), key, at, at + keySize())) {
        return n;
      }
    }
    return NONE;
  }

  private int cpu() {
    return perCpu ? machine.cpu() : 0;
  }

  @Override
  public long lookup(byte[] key, int at) {
    int n = find(key, at);
    if (n == NONE) {
      return 0;
    }
    touch(n);
    return slab.region().address(slab.valueAt(n, cpu()));
  }

  private void touch(int n) {
    if (type().lru() && n != newest) {
      unlink(n);
      link(n);
    }
  }

  private void link(int n) {
    older[n] = newest;
    newer[n] = NONE;
    if (newest != NONE) {
      newer[newest] = n;
    }
    newest = n;
    oldest = oldest == NONE ? n : oldest;
  }

  private void unlink(int n) {
    if (older[n] == NONE) {
      oldest = newer[n];
    } else {
      newer[older[n]] = newer[n];
    }
    if (newer[n] == NONE) {
      newest = older[n];
    } else {
      older[newer[n]] = older[n];
    }
  }

  @Override
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    if (Long.compareUnsigned(flags, BPF_EXIST) > 0) {
      return -Errno.EINVAL;
    }
    int n = find(key, keyAt);
    if (n != NONE && flags == BPF_NOEXIST) {
      return -Errno.EEXIST;
    }
    if (n == NONE && flags == BPF_EXIST) {
      return -Errno.ENOENT;
    }
    if (n == NONE) {
      if (size == spec().maxEntries()) {
        if (!type().lru()) {
          return -Errno.E2BIG;
        }
        remove(oldest);
      }
      n = insert(key, keyAt);
    }
    touch(n);
    System.arraycopy(value, valueAt, slab.region().data(), slab.valueAt(n, cpu()), valueSize());
    return 0;
  }

  private int insert(byte[] key, int at) {
    if (size >= buckets.length) {
      rehash();
    }
    int n = slab.take(key, at);
    if (n >= next.length) {
      int room = Math.max(n + 1, next.length * 2);
      next = Arrays.copyOf(next, room);
      newer = Arrays.copyOf(newer, room);
      older = Arrays.copyOf(older, room);
    }
    int bucket = hash(key, at);
    next[n] = buckets[bucket];
    buckets[bucket] = n;
    link(n);
    size++;
    return n;
  }

  private void rehash() {
    buckets = new int[buckets.length * 2];
    Arrays.fill(buckets, NONE);
    for (int n = oldest; n != NONE; n = newer[n]) {
      int bucket = hash(slab.keys(), slab.keyAt(n));
      next[n] = buckets[bucket];
      buckets[bucket] = n;
    }
  }

  private void remove(int n) {
    int bucket = hash(slab.keys(), slab.keyAt(n));
    if (buckets[bucket] == n) {
      buckets[bucket] = next[n];
    } else {
      int before = buckets[bucket];
      while (next[before] != n) {
        before = next[before];
      }
      next[before] = next[n];
    }
    unlink(n);
    slab.release(n);
    size--;
  }

  @Override
  public int delete(byte[] key, int at) {
    int n = find(key, at);
    if (n == NONE) {
      return -Errno.ENOENT;
    }
    remove(n);
    return 0;
  }

  @Override
  public Optional<byte[]> value(byte[] key) {
    int n = find(key, 0);
    if (n == NONE) {
      return Optional.empty();
    }
    int at = slab.valueAt(n, cpu());
    return Optional.of(Arrays.copyOfRange(slab.region().data(), at, at + valueSize()));
  }

  @Override
  public long forEach(Visitor visitor) {
    long visited = 0;
    for (int n = oldest; n != NONE; ) {
      int following = newer[n];
      byte[] key = Arrays.copyOfRange(slab.keys(), slab.keyAt(n), slab.keyAt(n) + keySize());
      visited++;
      if (visitor.visit(key, slab.region().address(slab.valueAt(n, cpu()))) != 0) {
        break;
      }
      n = following;
    }
    return visited;
  }

  /** Returns how many entries there are. */
  int size() {
    return size;
  }

  @Override
  public Region region() {
    return slab.region();
  }
}
