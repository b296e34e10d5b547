package io.plumbline.model.policy;

import io.plumbline.model.ruleset.ValueRange;

/**
 * Ports, or ICMP types, from one to another, both included.
 *
 * @param low 0..65535
 * @param high at least {@code low}
 */
public record PortRange(int low, int high) {
  /** Every port, zero included. */
  public static final PortRange ANY = new PortRange(0, 0xFFFF);

  public PortRange {
    if (low < 0 || high > 0xFFFF || low > high) {
      throw new IllegalArgumentException("port range: %d-%d".formatted(low, high));
    }
  }

  /** Returns the range of one port. */
  public static PortRange of(int port) {
    return new PortRange(port, port);
  }

  static PortRange of(ValueRange values) {
    return new PortRange((int) values.low(), (int) values.high());
  }

  ValueRange values() {
    return new ValueRange(low, high);
  }

  /** Returns whether a port is in it. */
  public boolean contains(int port) {
    return low <= port && port <= high;
  }

  /** Returns whether it is one port. */
  public boolean single() {
    return low == high;
  }

  @Override
  public String toString() {
    return single() ? Integer.toString(low) : low + "-" + high;
  }
}
