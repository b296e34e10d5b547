package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.object.MapSpec;
import java.util.Arrays;
import java.util.Optional;

/**
 * Values by the longest prefix that matches (kernel {@code kernel/bpf/lpm_trie.c}). A key is a
 * length in bits, a host-order u32, and as many bits of data in network order. A tree of prefixes;
 * between two that differ stands a node without a value where they part.
 */
final class LpmTrie extends BpfMap implements HasRegion {
  private static final int NONE = -1;
  private static final int LENGTH_BYTES = 4;

  private final Slab slab;
  private final int maxLength;
  private int[] child = new int[32];
  private boolean[] real = new boolean[16];
  private int root = NONE;
  private int size;

  LpmTrie(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
    if ((spec.flags() & F_NO_PREALLOC) == 0
        || spec.keySize() < LENGTH_BYTES + 1
        || spec.keySize() > LENGTH_BYTES + 256) {
      throw refused(
          spec,
          "LPM trie with key %d, flags 0x%x: expected key 5..260 and BPF_F_NO_PREALLOC"
              .formatted(spec.keySize(), spec.flags()));
    }
    // Nodes without a value are at most as many as those with one.
    Slab.check(spec.withMaxEntries((int) Math.min(Integer.MAX_VALUE, 2L * spec.maxEntries())), 1);
    slab = new Slab(machine, spec, 1);
    maxLength = (spec.keySize() - LENGTH_BYTES) * 8;
  }

  @Override
  public Region region() {
    return slab.region();
  }

  private int length(int node) {
    return u32(slab.keys(), slab.keyAt(node));
  }

  private static int bit(byte[] data, int at, int index) {
    return data[at + LENGTH_BYTES + index / 8] >> 7 - index % 8 & 1;
  }

  /** Returns how many bits a node and a key have in common, at most the shorter of both. */
  private int common(int node, byte[] key, int at, int keyLength) {
    int most = Math.min(length(node), keyLength);
    byte[] keys = slab.keys();
    int from = slab.keyAt(node) + LENGTH_BYTES;
    int bits = 0;
    while (bits < most) {
      int differ = (keys[from + bits / 8] ^ key[at + LENGTH_BYTES + bits / 8]) & 0xFF;
      if (differ != 0) {
        return Math.min(most, bits + Integer.numberOfLeadingZeros(differ) - 24);
      }
      bits += 8;
    }
    return most;
  }

  private int longest(byte[] key, int at) {
    int keyLength = u32(key, at);
    if (Integer.compareUnsigned(keyLength, maxLength) > 0) {
      return NONE;
    }
    int best = NONE;
    for (int node = root; node != NONE; ) {
      int same = common(node, key, at, keyLength);
      int length = length(node);
      if (same < length) {
        break;
      }
      if (real[node]) {
        best = node;
      }
      if (length == maxLength || length >= keyLength) {
        break;
      }
      node = child[2 * node + bit(key, at, length)];
    }
    return best;
  }

  @Override
  public long lookup(byte[] key, int at) {
    int node = longest(key, at);
    return node == NONE ? 0 : slab.region().address(slab.valueAt(node, 0));
  }

  @Override
  public int update(byte[] key, int keyAt, byte[] value, int valueAt, long flags) {
    int length = u32(key, keyAt);
    if (Long.compareUnsigned(flags, BPF_EXIST) > 0
        || Integer.compareUnsigned(length, maxLength) > 0) {
      return -Errno.EINVAL;
    }
    int parent = NONE;
    int node = root;
    int same = 0;
    while (node != NONE) {
      same = common(node, key, keyAt, length);
      if (same < length(node) || length(node) == length) {
        break;
      }
      parent = node;
      node = child[2 * node + bit(key, keyAt, length(node))];
    }
    boolean exact = node != NONE && same == length && length(node) == length;
    boolean exists = exact && real[node];
    if (exists && flags == BPF_NOEXIST) {
      return -Errno.EEXIST;
    }
    if (!exists && flags == BPF_EXIST) {
      return -Errno.ENOENT;
    }
    if (!exists && size == spec().maxEntries()) {
      return -Errno.ENOSPC;
    }
    int target = exact ? node : insert(key, keyAt, length, parent, node, same);
    size += exists ? 0 : 1;
    real[target] = true;
    System.arraycopy(value, valueAt, slab.region().data(), slab.valueAt(target, 0), valueSize());
    return 0;
  }

  private int insert(byte[] key, int at, int length, int parent, int node, int same) {
    int added = take(key, at);
    int top = added;
    if (node != NONE && same == length) {
      // The new prefix contains the node.
      child[2 * added + bit(slab.keys(), slab.keyAt(node), length)] = node;
    } else if (node != NONE) {
      byte[] fork = Arrays.copyOfRange(key, at, at + keySize());
      io.plumbline.emulator.machine.Bytes.put32(fork, 0, same);
      top = take(fork, 0);
      int side = bit(key, at, same);
      child[2 * top + side] = added;
      child[2 * top + 1 - side] = node;
    }
    replace(parent, node, top, key, at);
    return added;
  }

  private int take(byte[] key, int at) {
    int node = slab.take(key, at);
    if (node >= real.length) {
      real = Arrays.copyOf(real, Math.max(node + 1, real.length * 2));
      child = Arrays.copyOf(child, real.length * 2);
    }
    real[node] = false;
    child[2 * node] = NONE;
    child[2 * node + 1] = NONE;
    return node;
  }

  private void replace(int parent, int before, int after, byte[] key, int at) {
    if (parent == NONE) {
      root = after;
    } else if (before != NONE && child[2 * parent] == before) {
      child[2 * parent] = after;
    } else if (before != NONE) {
      child[2 * parent + 1] = after;
    } else {
      child[2 * parent + bit(key, at, length(parent))] = after;
    }
  }

  @Override
  public int delete(byte[] key, int at) {
    int length = u32(key, at);
    if (Integer.compareUnsigned(length, maxLength) > 0) {
      return -Errno.EINVAL;
    }
    int grandparent = NONE;
    int parent = NONE;
    int node = root;
    while (node != NONE) {
      int same = common(node, key, at, length);
      if (same < length(node)) {
        return -Errno.ENOENT;
      }
      if (length(node) == length) {
        break;
      }
      grandparent = parent;
      parent = node;
      node = child[2 * node + bit(key, at, length(node))];
    }
    if (node == NONE || !real[node]) {
      return -Errno.ENOENT;
    }
    size--;
    real[node] = false;
    int left = child[2 * node];
    int right = child[2 * node + 1];
    if (left != NONE && right != NONE) {
      return 0;
    }
    replace(parent, node, left == NONE ? right : left, key, at);
    slab.release(node);
    if (parent != NONE && !real[parent]) {
      int only = child[2 * parent] == NONE ? child[2 * parent + 1] : child[2 * parent];
      if (child[2 * parent] == NONE || child[2 * parent + 1] == NONE) {
        replace(grandparent, parent, only, key, at);
        slab.release(parent);
      }
    }
    return 0;
  }

  @Override
  public Optional<byte[]> value(byte[] key) {
    int node = longest(key, 0);
    if (node == NONE) {
      return Optional.empty();
    }
    int at = slab.valueAt(node, 0);
    return Optional.of(Arrays.copyOfRange(slab.region().data(), at, at + valueSize()));
  }
}
