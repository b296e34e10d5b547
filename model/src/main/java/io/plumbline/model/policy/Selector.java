package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Prefix;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * One selector as written, taken apart: the syntax between the text and the normalised policy.
 *
 * @param kind what sort of traffic
 * @param to the destination
 * @param ports destination ports, or ICMP types, sorted and merged; empty if all
 * @param from the source
 * @param fromPorts source ports, sorted and merged; empty if all
 */
public record Selector(
    Kind kind, Host to, List<PortRange> ports, Host from, List<PortRange> fromPorts) {
  public Selector {
    ports = List.copyOf(ports);
    fromPorts = List.copyOf(fromPorts);
  }

  /** What sort of traffic a selector is about. */
  public enum Kind {
    /** Address resolution of IPv4. */
    ARP(false),
    /**
     * Neighbour discovery of IPv6: ICMPv6 types 133..136 (RFC 4861 section 4, without redirect).
     */
    NDP(false),
    /** TCP and UDP to port 53. */
    DNS(false),
    TCP(true),
    UDP(true),
    ICMP(true),
    ICMP6(true),
    /** TCP, UDP and ICMP alike. */
    IP(false);

    private final boolean ports;

    Kind(boolean ports) {
      this.ports = ports;
    }

    /** Returns whether the selector may name ports or types. */
    public boolean takesPorts() {
      return ports;
    }

    /** Returns what selectors call it. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** One side of a selector. */
  public sealed interface Host {
    /** Every address of both families. */
    record Any() implements Host {
      @Override
      public String toString() {
        return "any";
      }
    }

    /** A prefix, or one address. */
    record Net(Prefix prefix) implements Host {
      @Override
      public String toString() {
        return prefix.toString();
      }
    }

    /** A group by name. */
    record Group(String name) implements Host {
      @Override
      public String toString() {
        return "@" + name;
      }
    }

    /** A name of the domain name system. */
    record Name(String name) implements Host {
      @Override
      public String toString() {
        return name;
      }
    }
  }

  /** Returns the selector as it is written in its shortest usual form. */
  @Override
  public String toString() {
    String text = kind.word();
    if (!(to instanceof Host.Any) || !ports.isEmpty()) {
      text += "/" + endpoint(to, ports);
    }
    if (!(from instanceof Host.Any) || !fromPorts.isEmpty()) {
      text += " from " + endpoint(from, fromPorts);
    }
    return text;
  }

  private static String endpoint(Host host, List<PortRange> ports) {
    return ports.isEmpty()
        ? host.toString()
        : host + ":" + ports.stream().map(PortRange::toString).collect(Collectors.joining(","));
  }
}
