package io.plumbline.model.policy;

import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.ruleset.Family;
import java.util.Optional;

/** The kinds of packets that rules can tell apart. */
public enum FlowClass {
  ARP(0, Optional.empty(), 0, "arp"),
  TCP4(1, Optional.of(Family.IPV4), IpProtocol.TCP, "tcp"),
  UDP4(2, Optional.of(Family.IPV4), IpProtocol.UDP, "udp"),
  ICMP4(3, Optional.of(Family.IPV4), IpProtocol.ICMP, "icmp"),
  TCP6(4, Optional.of(Family.IPV6), IpProtocol.TCP, "tcp"),
  UDP6(5, Optional.of(Family.IPV6), IpProtocol.UDP, "udp"),
  ICMP6(6, Optional.of(Family.IPV6), IpProtocol.ICMPV6, "icmp6");

  private static final FlowClass[] ALL = values();

  private final int index;
  private final Optional<Family> family;
  private final int protocol;
  private final String word;

  FlowClass(int index, Optional<Family> family, int protocol, String word) {
    this.index = index;
    this.family = family;
    this.protocol = protocol;
    this.word = word;
  }

  /** Returns the class of a number, 0..6. */
  public static FlowClass of(int index) {
    return ALL[index];
  }

  /** Returns its number, 0..6, in the order written here. */
  public int index() {
    return index;
  }

  /** Returns the version of IP; none for ARP. */
  public Optional<Family> family() {
    return family;
  }

  /** Returns the number of the protocol above IP; 0 for ARP. */
  public int protocol() {
    return protocol;
  }

  /** Returns what selectors call it. */
  public String word() {
    return word;
  }

  /** Returns whether the type of a message stands where others have a destination port. */
  public boolean icmp() {
    return this == ICMP4 || this == ICMP6;
  }
}
