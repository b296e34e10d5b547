package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.MapSpec;
import java.util.Optional;

/**
 * Map types with the kernel's numbers ({@code enum bpf_map_type}); those with a maker can be used.
 */
public enum MapType {
  UNSPEC(0),
  HASH(1, HashMapImpl::new),
  ARRAY(2, ArrayMap::new),
  PROG_ARRAY(3, ReferenceMap::new),
  PERF_EVENT_ARRAY(4, EventMap::new),
  PERCPU_HASH(5, HashMapImpl::new),
  PERCPU_ARRAY(6, ArrayMap::new),
  STACK_TRACE(7),
  CGROUP_ARRAY(8),
  LRU_HASH(9, HashMapImpl::new),
  LRU_PERCPU_HASH(10, HashMapImpl::new),
  LPM_TRIE(11, LpmTrie::new),
  ARRAY_OF_MAPS(12, ReferenceMap::new),
  HASH_OF_MAPS(13, ReferenceMap::new),
  DEVMAP(14, RedirectMap::new),
  SOCKMAP(15, RedirectMap::new),
  CPUMAP(16, RedirectMap::new),
  XSKMAP(17, RedirectMap::new),
  SOCKHASH(18, HashMapImpl::new),
  CGROUP_STORAGE(19),
  REUSEPORT_SOCKARRAY(20),
  PERCPU_CGROUP_STORAGE(21),
  QUEUE(22, QueueMap::new),
  STACK(23, QueueMap::new),
  SK_STORAGE(24),
  DEVMAP_HASH(25, HashMapImpl::new),
  STRUCT_OPS(26),
  RINGBUF(27, RingBuffer::new),
  INODE_STORAGE(28),
  TASK_STORAGE(29),
  BLOOM_FILTER(30),
  USER_RINGBUF(31),
  CGRP_STORAGE(32),
  ARENA(33);

  /** Makes a map. */
  interface Maker {
    BpfMap make(Machine machine, MapSpec spec, MapType type);
  }

  private final int number;

  @SuppressWarnings("ImmutableEnumChecker") // a method reference has no state
  private final Optional<Maker> maker;

  MapType(int number) {
    this.number = number;
    maker = Optional.empty();
  }

  MapType(int number, Maker maker) {
    this.number = number;
    this.maker = Optional.of(maker);
  }

  /** Returns the kernel's number. */
  public int number() {
    return number;
  }

  /** Finds a type by the kernel's number. */
  public static Optional<MapType> of(int number) {
    for (MapType type : values()) {
      if (type.number == number) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /** Returns whether each processor has values of its own. */
  boolean perCpu() {
    return name().contains("PERCPU");
  }

  /** Returns whether a full map makes room by dropping what was not used for longest. */
  boolean lru() {
    return name().startsWith("LRU");
  }

  /**
   * Makes a map that a spec describes.
   *
   * @throws IllegalArgumentException if the kernel would refuse it, or its type is not supported
   */
  public static BpfMap create(Machine machine, MapSpec spec) {
    if (spec.refusal().isPresent()) {
      throw new IllegalArgumentException("map %s: %s".formatted(spec.name(), spec.refusal().get()));
    }
    MapType type =
        of(spec.type())
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "map %s: type %d: no such type".formatted(spec.name(), spec.type())));
    Maker maker =
        type.maker.orElseThrow(
            () ->
                new IllegalArgumentException(
                    "map %s: type %s: not supported".formatted(spec.name(), type)));
    return maker.make(machine, spec, type);
  }
}
