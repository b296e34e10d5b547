package io.plumbline.model.packet;

/**
 * A VLAN tag (IEEE 802.1Q-2022 clause 9.6) that stands outside the frame's bytes, as the kernel
 * keeps it after offload.
 *
 * @param tpid tag protocol identifier, host order: 0x8100 or 0x88A8 (kernel {@code
 *     skb->vlan_proto})
 * @param tci priority, drop-eligible bit and VLAN identifier, host order, 0..0xFFFF (kernel {@code
 *     skb->vlan_tci})
 */
public record VlanTag(int tpid, int tci) {
  public VlanTag {
    if (tpid != EtherType.VLAN && tpid != EtherType.QINQ) {
      throw new IllegalArgumentException(
          "vlan tag: tpid 0x%04x: expected 0x8100 or 0x88a8".formatted(tpid));
    }
    if (tci < 0 || tci > 0xFFFF) {
      throw new IllegalArgumentException("vlan tag: tci %d: expected 0..65535".formatted(tci));
    }
  }

  /**
   * Returns the tag in one word, {@code tpid << 16 | tci}; never 0, so 0 can stand for "no tag".
   */
  public int word() {
    return tpid << 16 | tci;
  }

  /** Returns the tag of a word that {@link #word()} made. */
  public static VlanTag ofWord(int word) {
    return new VlanTag(word >>> 16, word & 0xFFFF);
  }

  @Override
  public String toString() {
    return "vlan(0x%04x, %d)".formatted(tpid, tci);
  }
}
