package io.plumbline.emulator.machine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a program is given at a hook: a structure with fields that have rules of their own. A field
 * is kept in a slot of {@link Machine#context()}, whatever its width in the structure; where the
 * structure has 32 bits for a pointer, a load gives all 64 bits of it, as the kernel's verifier
 * arranges (kernel {@code net/core/filter.c}, {@code bpf_convert_ctx_access}).
 */
public final class ContextType {
  /**
   * A field.
   *
   * @param size in the structure, bytes
   * @param pointer whether loads give a 64-bit address
   */
  public record Field(
      String name, int offset, int size, boolean pointer, boolean readable, boolean writable) {}

  private static final String SKB = "__sk_buff";

  private static final Set<String> POINTERS =
      Set.of("data", "data_end", "data_meta", "flow_keys", "sk");

  /** Fields of {@code struct __sk_buff} (kernel {@code include/uapi/linux/bpf.h}): size by name. */
  private static final List<String> SK_BUFF =
      List.of(
          "len 4",
          "pkt_type 4",
          "mark 4",
          "queue_mapping 4",
          "protocol 4",
          "vlan_present 4",
          "vlan_tci 4",
          "vlan_proto 4",
          "priority 4",
          "ingress_ifindex 4",
          "ifindex 4",
          "tc_index 4",
          "cb0 4",
          "cb1 4",
          "cb2 4",
          "cb3 4",
          "cb4 4",
          "hash 4",
          "tc_classid 4",
          "data 4",
          "data_end 4",
          "napi_id 4",
          "family 4",
          "remote_ip4 4",
          "local_ip4 4",
          "remote_ip6_0 4",
          "remote_ip6_1 4",
          "remote_ip6_2 4",
          "remote_ip6_3 4",
          "local_ip6_0 4",
          "local_ip6_1 4",
          "local_ip6_2 4",
          "local_ip6_3 4",
          "remote_port 4",
          "local_port 4",
          "data_meta 4",
          "flow_keys 8",
          "tstamp 8",
          "wire_len 4",
          "gso_segs 4",
          "sk 8",
          "gso_size 4",
          "tstamp_type 1",
          "- 3",
          "hwtstamp 8");

  private static final List<String> CB = List.of("cb0", "cb1", "cb2", "cb3", "cb4");
  private static final List<String> SOCKET_FIELDS =
      List.of(
          "family",
          "remote_ip4",
          "local_ip4",
          "remote_ip6_0",
          "remote_ip6_1",
          "remote_ip6_2",
          "remote_ip6_3",
          "local_ip6_0",
          "local_ip6_1",
          "local_ip6_2",
          "local_ip6_3",
          "remote_port",
          "local_port");

  private static final List<String> SCHED_CLS_UNREADABLE =
      union(SOCKET_FIELDS, List.of("flow_keys"));
  private static final List<String> SCHED_CLS_WRITABLE =
      union(CB, List.of("mark", "tc_index", "priority", "tc_classid", "tstamp", "queue_mapping"));

  /** Traffic control (kernel {@code tc_cls_act_is_valid_access}). */
  public static final ContextType SCHED_CLS =
      new ContextType(SKB, SK_BUFF, SCHED_CLS_UNREADABLE, SCHED_CLS_WRITABLE);

  /** The same on an interface whose packets have no Ethernet header. */
  public static final ContextType SCHED_CLS_L3 =
      new ContextType(SKB, SK_BUFF, SCHED_CLS_UNREADABLE, SCHED_CLS_WRITABLE);

  /** A filter of a socket (kernel {@code sk_filter_is_valid_access}). */
  public static final ContextType SOCKET_FILTER =
      new ContextType(
          SKB,
          SK_BUFF,
          union(
              SOCKET_FIELDS,
              List.of(
                  "tc_classid",
                  "data",
                  "data_end",
                  "data_meta",
                  "flow_keys",
                  "tstamp",
                  "wire_len",
                  "hwtstamp")),
          CB);

  /** A filter of a control group (kernel {@code cg_skb_is_valid_access}). */
  public static final ContextType CGROUP_SKB =
      new ContextType(
          SKB,
          SK_BUFF,
          List.of("tc_classid", "data_meta", "flow_keys", "wire_len"),
          union(CB, List.of("mark", "priority", "tstamp")));

  /** A device's receive path (kernel {@code xdp_is_valid_access}). */
  public static final ContextType XDP =
      new ContextType(
          "xdp_md",
          List.of(
              "data 4",
              "data_end 4",
              "data_meta 4",
              "ingress_ifindex 4",
              "rx_queue_index 4",
              "egress_ifindex 4"),
          List.of(),
          List.of());

  /**
   * A netfilter hook: the address of a {@code struct nf_hook_state}, and a handle of the packet
   * that kernel functions take.
   */
  public static final ContextType NETFILTER =
      new ContextType("bpf_nf_ctx", List.of("state 8", "skb 8"), List.of(), List.of());

  /** The context of a machine for which none has been chosen. */
  static final ContextType INITIAL = SCHED_CLS;

  private final String name;
  private final List<Field> fields = new ArrayList<>();
  private final Map<String, Integer> slots = new HashMap<>();
  private final int[] fieldAt;

  /**
   * By offset and size: where {@link #load} finds the bits, as slot, shift and what is cut off at
   * the top, in bits 12.., 6.. and 0..; -1: it is not legal, or takes more than that.
   */
  private final int[] quick;

  private final boolean[] fromLinkHeader;
  private final int dataSlot;
  private final int dataEndSlot;

  private ContextType(
      String name, List<String> layout, List<String> unreadable, List<String> writable) {
    this.name = name;
    int offset = 0;
    for (String entry : layout) {
      String[] parts = entry.split(" ", 2);
      int size = Integer.parseInt(parts[1]);
      if (!parts[0].equals("-")) {
        slots.put(parts[0], fields.size());
        fields.add(
            new Field(
                parts[0],
                offset,
                size,
                POINTERS.contains(parts[0]),
                !unreadable.contains(parts[0]),
                writable.contains(parts[0])));
      }
      offset += size;
    }
    dataSlot = slot("data");
    dataEndSlot = slot("data_end");
    fieldAt = new int[offset];
    Arrays.fill(fieldAt, -1);
    for (int i = 0; i < fields.size(); i++) {
      Field field = fields.get(i);
      Arrays.fill(fieldAt, field.offset, field.offset + field.size, i);
    }
    fromLinkHeader = new boolean[offset];
    quick = new int[offset * 16];
    Arrays.fill(quick, -1);
    for (int at = 0; at < offset; at++) {
      String field = fieldAt[at] < 0 ? "" : fields.get(fieldAt[at]).name;
      fromLinkHeader[at] = field.equals("protocol") || field.equals("pkt_type");
      for (int size = 1; size <= 8; size *= 2) {
        if (illegal(at, size, false).isEmpty() && !fromLinkHeader[at]) {
          quick[at << 4 | size] = quick(at, size);
        }
      }
    }
  }

  private int quick(int offset, int size) {
    int slot = fieldAt[offset];
    Field field = fields.get(slot);
    if (field.pointer) {
      return slot << 12;
    }
    return size > field.size ? -1 : slot << 12 | shiftAt(offset) << 6 | Long.SIZE - 8 * size;
  }

  /** Returns where a load finds its bits, see {@link #quick}. */
  int quickly(long offset, int size) {
    return offset >= 0 && offset < fieldAt.length ? quick[(int) offset << 4 | size] : -1;
  }

  private static List<String> union(List<String> a, List<String> b) {
    List<String> all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  /** Returns the name of the structure. */
  public String name() {
    return name;
  }

  /** Returns whether it is that of a program that is given a socket buffer. */
  public boolean isSkb() {
    return name.equals(SKB);
  }

  /** Returns whether its programs see the Ethernet header of a packet. */
  public boolean seesEthernet() {
    return this == SCHED_CLS || this == XDP;
  }

  /** Returns whether its programs may load from the packet as classic BPF does. */
  public boolean takesClassicLoads() {
    return this == SCHED_CLS || this == SCHED_CLS_L3 || this == SOCKET_FILTER;
  }

  /** Returns the size of the structure in bytes. */
  public int size() {
    return fieldAt.length;
  }

  /** Returns the fields; a field's position is its slot. */
  public List<Field> fields() {
    return List.copyOf(fields);
  }

  /** Returns the slot of the address of the packet's first byte, or -1. */
  public int dataSlot() {
    return dataSlot;
  }

  /** Returns the slot of the address behind the packet's last byte, or -1. */
  public int dataEndSlot() {
    return dataEndSlot;
  }

  int fieldCount() {
    return fields.size();
  }

  /** Returns a field's slot, or -1 if there is no such field. */
  public int slot(String field) {
    return slots.getOrDefault(field, -1);
  }

  /** Returns why an access is not legal, or empty if it is. */
  public Optional<String> illegal(long offset, int size, boolean write) {
    if (offset < 0 || offset > fieldAt.length - size || fieldAt[(int) offset] < 0) {
      return Optional.of("%s is 0..%d".formatted(name, fieldAt.length - 1));
    }
    Field field = fields.get(fieldAt[(int) offset]);
    if (offset + size > field.offset + field.size && !wholeCb(field, (int) offset, size)) {
      return Optional.of("it reaches past the field " + field.name);
    }
    if (offset % size != 0) {
      return Optional.of("it is not aligned");
    }
    if (write ? !field.writable : !field.readable) {
      return Optional.of(
          "field %s of %s cannot be %s here"
              .formatted(field.name, name, write ? "written" : "read"));
    }
    if (field.pointer && (size != field.size || offset != field.offset)) {
      return Optional.of("field %s is read whole or not at all".formatted(field.name));
    }
    if (write && size != field.size && !field.name.startsWith("cb")) {
      return Optional.of("field %s is written whole or not at all".formatted(field.name));
    }
    return Optional.empty();
  }

  /** The kernel lets 64 bits of the control block be moved at once. */
  private static boolean wholeCb(Field field, int offset, int size) {
    return field.name.startsWith("cb") && size == 8 && offset + size <= 68;
  }

  /** Returns the slot of the field at an offset; the access must be legal. */
  public int slotAt(int offset) {
    return fieldAt[offset];
  }

  /** Returns how far the access is into its field, in bits. */
  public int shiftAt(int offset) {
    return 8 * (offset - fields.get(fieldAt[offset]).offset);
  }

  /** Returns whether loads at an offset give a 64-bit address. */
  public boolean pointerAt(int offset) {
    return fields.get(fieldAt[offset]).pointer;
  }

  /** Returns whether the field at an offset is only filled in by {@link Machine#linkFields}. */
  public boolean fromLinkHeader(int offset) {
    return fromLinkHeader[offset];
  }

  long load(long[] context, int offset, int size) {
    int slot = fieldAt[offset];
    if (size > fields.get(slot).size && !fields.get(slot).pointer) {
      return context[slot] & 0xFFFF_FFFFL | context[slot + 1] << 32;
    }
    return load(context, quick(offset, size));
  }

  /** Loads what {@link #quickly} has found. */
  static long load(long[] context, int where) {
    long bits = context[where >>> 12] >>> (where >>> 6);
    return bits << where >>> where;
  }

  void store(long[] context, int offset, int size, long value) {
    int slot = fieldAt[offset];
    Field field = fields.get(slot);
    if (size > field.size) {
      context[slot] = value & 0xFFFF_FFFFL;
      context[slot + 1] = value >>> 32;
    } else if (size == 8) {
      context[slot] = value;
    } else {
      long bits = (1L << 8 * size) - 1;
      int shift = shiftAt(offset);
      context[slot] = context[slot] & ~(bits << shift) | (value & bits) << shift;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
