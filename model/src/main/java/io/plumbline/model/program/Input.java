package io.plumbline.model.program;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A program's input, parsed and in range; its {@code toString} is a text that parses to the same
 * value.
 */
public sealed interface Input {

  /** Returns what the scalar of the decision list stands for, 0 if there is none. */
  default long scalar() {
    return 0;
  }

  /** Returns what the set of the decision list stands for, empty if there is none. */
  default List<Integer> allowed() {
    return List.of();
  }

  /** No input. */
  record None() implements Input {
    @Override
    public String toString() {
      return "";
    }
  }

  /**
   * An IPv4 address.
   *
   * @param address host order
   */
  record Ipv4Address(int address) implements Input {
    @Override
    public long scalar() {
      return address & 0xFFFF_FFFFL;
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d.%d.%d.%d",
          address >>> 24,
          address >>> 16 & 0xFF,
          address >>> 8 & 0xFF,
          address & 0xFF);
    }
  }

  /**
   * A TCP or UDP port.
   *
   * @param port host order, 1..65535
   */
  record Port(int port) implements Input {
    public Port {
      if (port < 1 || port > 65535) {
        throw new IllegalArgumentException(
            String.format(Locale.ROOT, "port %d: expected 1..65535", port));
      }
    }

    @Override
    public long scalar() {
      return port;
    }

    @Override
    public String toString() {
      return Integer.toString(port);
    }
  }

  /** One to eight EtherTypes, 0x0600..0xFFFF, none twice, in the order given. */
  record EtherTypes(List<Integer> allowed) implements Input {
    public EtherTypes {
      allowed = List.copyOf(allowed);
    }

    @Override
    public String toString() {
      return allowed.stream().map("0x%04x"::formatted).collect(Collectors.joining("+"));
    }
  }

  /** One to eight IP protocol numbers, 0..255, none twice, in the order given. */
  record Protocols(List<Integer> allowed) implements Input {
    public Protocols {
      allowed = List.copyOf(allowed);
    }

    @Override
    public String toString() {
      return allowed.stream().map(String::valueOf).collect(Collectors.joining("+"));
    }
  }
}
