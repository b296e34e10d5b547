package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Prefix;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A policy in words (traffico specification, section d, "--explain"); for a policy of the strict
 * language the text is traffico's, line by line.
 */
public final class Explanation {
  private Explanation() {}

  /**
   * Returns the text, each line ended.
   *
   * @param tool the first word of the first line
   * @param ifname where it is attached; none for a dry run
   */
  public static String of(String tool, Policy policy, Optional<String> ifname) {
    StringBuilder text = new StringBuilder();
    text.append(tool).append(" intent\n");
    text.append("interface: ").append(ifname.orElse("not attached")).append('\n');
    text.append("direction: ").append(policy.direction().word()).append('\n');
    text.append("default: drop\n\n");
    List<Rule> permits = policy.rules(Effect.ACCEPT);
    List<Rule> forbids = policy.rules(Effect.DROP);
    items(text, "permitted traffic:", permits);
    if (!forbids.isEmpty()) {
      text.append('\n');
      items(text, "forbidden traffic:", forbids);
    }
    text.append("\ndropped traffic:\n");
    text.append("  - malformed packets that cannot be safely classified\n");
    if (policy.rules().stream().anyMatch(rule -> rule.selector().kind() != Kind.ARP)) {
      text.append("  - TCP/UDP fragments that cannot be fully classified\n");
    }
    if (!forbids.isEmpty()) {
      text.append("  - traffic matching a forbid\n");
    }
    text.append("  - any traffic not matching a permit\n");
    if (!policy.resolutions().isEmpty()) {
      text.append("\nresolved names:\n");
      policy.resolutions().entrySet().stream()
          .sorted(java.util.Map.Entry.comparingByKey())
          .forEach(
              entry -> text.append("  %s: %s%n".formatted(entry.getKey(), join(entry.getValue()))));
    }
    return text.toString();
  }

  private static String join(List<Prefix> prefixes) {
    return prefixes.stream().map(Prefix::toString).collect(Collectors.joining(", "));
  }

  private static void items(StringBuilder text, String title, List<Rule> rules) {
    text.append(title).append('\n');
    int number = 1;
    for (Rule rule : rules) {
      text.append("  %d. %s".formatted(number++, words(rule.selector())));
      if (!rule.name().isEmpty()) {
        text.append(" (").append(rule.name()).append(')');
      }
      text.append('\n');
    }
  }

  /** Returns a selector in words. */
  public static String words(Selector selector) {
    String to = " to " + host(selector.to());
    String from = from(selector);
    String kind = selector.kind().word().toUpperCase(Locale.ROOT);
    return switch (selector.kind()) {
          case ARP -> "ARP";
          case NDP -> "NDP (ICMPv6 types 133-136)" + to;
          case DNS -> "DNS" + to + " over TCP or UDP destination port 53";
          case IP -> "TCP, UDP and ICMP" + to;
          case ICMP, ICMP6 ->
              (kind.equals("ICMP6") ? "ICMPv6" : kind)
                  + to
                  + (selector.ports().isEmpty() ? "" : ports(" type", selector.ports()));
          case TCP, UDP ->
              kind
                  + to
                  + (selector.ports().isEmpty()
                      ? " any destination port"
                      : ports(" destination port", selector.ports()));
        }
        + from;
  }

  private static String from(Selector selector) {
    if (selector.from() instanceof Host.Any && selector.fromPorts().isEmpty()) {
      return "";
    }
    return " from "
        + host(selector.from())
        + (selector.fromPorts().isEmpty() ? "" : ports(" source port", selector.fromPorts()));
  }

  private static String host(Host host) {
    return host instanceof Host.Any ? "any address" : host.toString();
  }

  private static String ports(String word, List<PortRange> ports) {
    boolean one = ports.size() == 1 && ports.get(0).single();
    return word
        + (one ? " " : "s ")
        + ports.stream().map(PortRange::toString).collect(Collectors.joining(", "));
  }
}
