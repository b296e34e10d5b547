package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * One row of the table that a strict policy comes to (traffico specification, section d,
 * "Lowering"): the facts on a path through the decision DAG that ends in a verdict.
 *
 * @param arp whether it is about ARP; then the rest does not count
 * @param effect what it does
 * @param tcp whether it matches TCP
 * @param udp whether it matches UDP
 * @param port the destination port; none for any
 * @param destination the IPv4 address in host order
 */
public record StrictRow(
    boolean arp, Effect effect, boolean tcp, boolean udp, OptionalInt port, int destination) {
  /** The program that walks such tables. */
  public static final String PROGRAM = "intent_rows";

  /** The most rows that a strict policy may come to. */
  public static final int MAX = 64;

  /** Size of an encoded row. */
  public static final int BYTES = 12;

  private static final int TCP = 1;
  private static final int UDP = 2;
  private static final int OTHER = 4;
  private static final int ARP = 1;
  private static final int IPV4 = 2;

  /** Returns the rows of a strict policy: drops in canonical order, then allows. */
  public static List<StrictRow> of(Policy policy) {
    Map<StrictRow, Integer> rows = new LinkedHashMap<>();
    new Paths(policy.rules(), rows).walk(0, Facts.NONE);
    List<StrictRow> sorted = new ArrayList<>(rows.keySet());
    sorted.sort(
        java.util.Comparator.<StrictRow>comparingInt(row -> rows.getOrDefault(row, 0))
            .thenComparing(row -> !row.tcp));
    return sorted;
  }

  /**
   * Returns the row as {@code struct intent_row} has it: kind, action, protocol count, two
   * protocols, port mode (one byte each), port (2 bytes), destination (4 bytes), host order.
   */
  public byte[] encode() {
    ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.nativeOrder());
    bytes.put((byte) (arp ? 1 : 2)).put((byte) (effect == Effect.ACCEPT ? 1 : 0));
    int first = tcp ? 6 : 17;
    if (arp) {
      return bytes.array();
    }
    bytes.put((byte) (tcp && udp ? 2 : 1)).put((byte) first).put((byte) (tcp && udp ? 17 : 0));
    bytes.put((byte) (port.isPresent() ? 0 : 1)).putShort((short) port.orElse(0));
    return bytes.putInt(destination).array();
  }

  /**
   * Returns the read-only variables of the program {@code intent_rows}, by symbol.
   *
   * @throws PolicyException if there are more rows than it has room for
   */
  public static Map<String, byte[]> rodata(List<StrictRow> rows) throws PolicyException {
    if (rows.size() > MAX) {
      throw new PolicyException(
          Position.option("policy"), "rows: %d: expected at most %d".formatted(rows.size(), MAX));
    }
    ByteBuffer table = ByteBuffer.allocate(MAX * BYTES);
    rows.forEach(row -> table.put(row.encode()));
    ByteBuffer count = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(rows.size());
    return Map.of("intent_rule_count", count.array(), "intent_rules", table.array());
  }

  @Override
  public String toString() {
    String action = effect == Effect.ACCEPT ? "ALLOW" : "DROP";
    if (arp) {
      return action + " arp";
    }
    return "%-5s %s dst %s port %s"
        .formatted(
            action,
            tcp && udp ? "tcp,udp" : tcp ? "tcp" : "udp",
            Prefix.ipv4(destination),
            port.isPresent() ? Integer.toString(port.getAsInt()) : "any");
  }

  /**
   * What is known on a path.
   *
   * @param etherTypes which are still possible
   * @param destination the address, or -1 if not known
   * @param notDestinations addresses that it is not
   * @param protocols which are still possible
   * @param notPorts ports that it is not
   */
  private record Facts(
      int etherTypes,
      long destination,
      Set<Long> notDestinations,
      int protocols,
      Set<Integer> notPorts) {
    static final Facts NONE =
        new Facts(ARP | IPV4 | OTHER, -1, Set.of(), TCP | UDP | OTHER, Set.of());

    Facts withEtherTypes(int possible) {
      return new Facts(possible, destination, notDestinations, protocols, notPorts);
    }

    Facts withDestination(long known) {
      return new Facts(etherTypes, known, notDestinations, protocols, notPorts);
    }

    Facts withoutDestination(long not) {
      Set<Long> more = new HashSet<>(notDestinations);
      more.add(not);
      return new Facts(etherTypes, destination, more, protocols, notPorts);
    }

    Facts withProtocols(int possible) {
      return new Facts(etherTypes, destination, notDestinations, possible, notPorts);
    }

    Facts withoutPort(int not) {
      Set<Integer> more = new HashSet<>(notPorts);
      more.add(not);
      return new Facts(etherTypes, destination, notDestinations, protocols, more);
    }
  }

  /** Every way from the root to a verdict that facts do not contradict. */
  private record Paths(List<Rule> rules, Map<StrictRow, Integer> rows) {

    void walk(int index, Facts facts) {
      if (index == rules.size()) {
        return;
      }
      Rule rule = rules.get(index);
      boolean arp = IntentFields.flowClass(rule.regions().get(0)) == FlowClass.ARP;
      int wanted = arp ? ARP : IPV4;
      if ((facts.etherTypes & ~wanted) != 0) {
        walk(index + 1, facts.withEtherTypes(facts.etherTypes & ~wanted));
      }
      if ((facts.etherTypes & wanted) == 0) {
        return;
      }
      if (arp) {
        rows.putIfAbsent(
            new StrictRow(true, rule.effect(), false, false, OptionalInt.empty(), 0), index);
      } else {
        destination(index, rule, facts.withEtherTypes(IPV4));
      }
    }

    private void destination(int index, Rule rule, Facts facts) {
      long address = IntentFields.destination(rule.regions().get(0)).hi();
      if (facts.destination == address) {
        protocol(index, rule, facts);
      } else if (facts.destination >= 0 || facts.notDestinations.contains(address)) {
        walk(index + 1, facts);
      } else {
        walk(index + 1, facts.withoutDestination(address));
        protocol(index, rule, facts.withDestination(address));
      }
    }

    private void protocol(int index, Rule rule, Facts facts) {
      int wanted = 0;
      for (FlowRegion region : rule.regions()) {
        wanted |= IntentFields.flowClass(region) == FlowClass.TCP4 ? TCP : UDP;
      }
      if ((facts.protocols & ~wanted) != 0) {
        walk(index + 1, facts.withProtocols(facts.protocols & ~wanted));
      }
      if ((facts.protocols & wanted) != 0) {
        port(index, rule, facts.withProtocols(facts.protocols & wanted));
      }
    }

    private void port(int index, Rule rule, Facts facts) {
      PortRange ports = IntentFields.destinationPorts(rule.regions().get(0));
      OptionalInt port = ports.single() ? OptionalInt.of(ports.low()) : OptionalInt.empty();
      if (port.isPresent()) {
        if (facts.notPorts.contains(port.getAsInt())) {
          walk(index + 1, facts);
          return;
        }
        walk(index + 1, facts.withoutPort(port.getAsInt()));
      }
      boolean tcp = (facts.protocols & TCP) != 0;
      boolean udp = (facts.protocols & UDP) != 0;
      rows.putIfAbsent(
          new StrictRow(false, rule.effect(), tcp, udp, port, (int) facts.destination), index);
    }
  }
}
