package io.plumbline.emulator.classic;

import java.util.Optional;

/**
 * What a packet has beside its bytes, by offset from {@code SKF_AD_OFF} (kernel {@code
 * linux/filter.h}).
 */
public enum Ancillary {
  PROTOCOL(0, "proto", "protocol", true),
  PKTTYPE(4, "type", "pkt_type", false),
  IFINDEX(8, "ifidx", "ifindex", false),
  NLATTR(12, "nla", "", false),
  NLATTR_NEST(16, "nlan", "", false),
  MARK(20, "mark", "mark", false),
  QUEUE(24, "queue", "queue_mapping", false),
  HATYPE(28, "hatype", "", false),
  RXHASH(32, "rxhash", "hash", false),
  CPU(36, "cpu", "", false),
  ALU_XOR_X(40, "", "", false),
  VLAN_TAG(44, "vlan_tci", "vlan_tci", false),
  VLAN_TAG_PRESENT(48, "vlan_avail", "vlan_present", false),
  PAY_OFFSET(52, "poff", "", false),
  RANDOM(56, "rand", "", false),
  VLAN_TPID(60, "vlan_tpid", "vlan_proto", true);

  private final int offset;
  private final String word;
  private final String field;
  private final boolean network;

  Ancillary(int offset, String word, String field, boolean network) {
    this.offset = offset;
    this.word = word;
    this.field = field;
    this.network = network;
  }

  int offset() {
    return offset;
  }

  /** Returns what the kernel's assembler calls it; empty if it cannot be written. */
  String word() {
    return word;
  }

  /** Returns the field of {@code __sk_buff} that has it; empty if none has. */
  public String field() {
    return field;
  }

  /** Returns whether only the kernel itself can give it: no field and no helper does. */
  public boolean onlyClassic() {
    return this == NLATTR || this == NLATTR_NEST || this == HATYPE || this == PAY_OFFSET;
  }

  /** Returns whether the field is in network order. */
  public boolean network() {
    return network;
  }

  static Optional<Ancillary> at(int k) {
    for (Ancillary ancillary : values()) {
      if (ancillary.offset + ClassicInsn.AD_OFF == k) {
        return Optional.of(ancillary);
      }
    }
    return Optional.empty();
  }
}
