package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the selector language.
 *
 * <pre>
 * selector := kind [ "/" host ] [ ":" ports ] [ " from " host [ ":" ports ] ]
 * kind     := arp | ndp | dns | tcp | udp | icmp | icmp6 | ip
 * host     := any | A.B.C.D[/LEN] | [V6[/LEN]] | [V6]/LEN | @group | dns.name
 * ports    := port | low-high | ports "," ports        (of icmp and icmp6: types, by number or name)
 * </pre>
 */
public final class SelectorParser {
  private static final Pattern FROM = Pattern.compile("[ \\t]+from[ \\t]+");
  private static final Pattern GROUP = Pattern.compile("[A-Za-z][A-Za-z0-9_-]*");
  private static final Pattern NAME =
      Pattern.compile(
          "(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\\.?");
  private static final String HOSTS =
      "expected any, A.B.C.D, A.B.C.D/LEN, [IPV6], [IPV6/LEN], @GROUP or a host name";

  /** Message types of ICMP by name (IANA "ICMP Parameters", RFC 792). */
  static final Map<String, Integer> ICMP_TYPES =
      Map.of(
          "echo-reply", 0,
          "destination-unreachable", 3,
          "redirect", 5,
          "echo-request", 8,
          "router-advertisement", 9,
          "router-solicitation", 10,
          "time-exceeded", 11,
          "parameter-problem", 12,
          "timestamp-request", 13,
          "timestamp-reply", 14);

  /** Message types of ICMPv6 by name (IANA "ICMPv6 Parameters", RFC 4443, RFC 4861). */
  static final Map<String, Integer> ICMP6_TYPES =
      Map.ofEntries(
          Map.entry("destination-unreachable", 1),
          Map.entry("packet-too-big", 2),
          Map.entry("time-exceeded", 3),
          Map.entry("parameter-problem", 4),
          Map.entry("echo-request", 128),
          Map.entry("echo-reply", 129),
          Map.entry("router-solicitation", 133),
          Map.entry("router-advertisement", 134),
          Map.entry("neighbour-solicitation", 135),
          Map.entry("neighbour-advertisement", 136),
          Map.entry("redirect", 137));

  private final String text;
  private final Position position;

  private SelectorParser(String text, Position position) {
    this.text = text;
    this.position = position;
  }

  /** Reads one selector. */
  public static Selector parse(String text, Position position) throws PolicyException {
    return new SelectorParser(text, position).selector();
  }

  /** Reads one host, as an entry of a group. */
  public static Host parseHost(String text, Position position) throws PolicyException {
    SelectorParser parser = new SelectorParser(text, position);
    Host host = parser.host(0, text.length());
    if (host instanceof Host.Group) {
      throw parser.error(0, "group: '%s': a group cannot hold a group".formatted(text));
    }
    return host;
  }

  private Selector selector() throws PolicyException {
    Matcher from = FROM.matcher(text);
    boolean hasFrom = from.find();
    int end = hasFrom ? from.start() : text.length();
    int slash = text.indexOf('/');
    int kindEnd = slash >= 0 && slash < end ? slash : end;
    Kind kind = kind(text.substring(0, kindEnd));
    if (kind == Kind.ARP && kindEnd < text.length()) {
      throw error(kindEnd, "arp: '%s': expected nothing behind it".formatted(text));
    }
    Endpoint to = kindEnd < end ? endpoint(kindEnd + 1, end, kind) : Endpoint.ANY;
    Endpoint source = Endpoint.ANY;
    if (hasFrom) {
      source = endpoint(from.end(), text.length(), kind);
    }
    if (!to.ports.isEmpty() && !kind.takesPorts()) {
      throw error(
          kindEnd + 1,
          "%s: '%s': expected no port: only tcp, udp, icmp and icmp6 take ports or types"
              .formatted(kind.word(), text));
    }
    if (!source.ports.isEmpty() && kind != Kind.TCP && kind != Kind.UDP) {
      throw error(
          hasFrom ? from.end() : 0,
          "%s: '%s': expected no source port: only tcp and udp take one"
              .formatted(kind.word(), text));
    }
    requireFamily(kind, to.host);
    requireFamily(kind, source.host);
    return new Selector(kind, to.host, to.ports, source.host, source.ports);
  }

  private void requireFamily(Kind kind, Host host) throws PolicyException {
    if (host instanceof Host.Net net) {
      Family family = net.prefix().family();
      if (kind == Kind.ICMP && family == Family.IPV6) {
        throw error(0, "icmp: '%s': expected an IPv4 address: of IPv6 it is icmp6".formatted(text));
      }
      if ((kind == Kind.ICMP6 || kind == Kind.NDP) && family == Family.IPV4) {
        throw error(0, "%s: '%s': expected an IPv6 address".formatted(kind.word(), text));
      }
    }
  }

  private Kind kind(String word) throws PolicyException {
    for (Kind kind : Kind.values()) {
      if (kind.word().equals(word)) {
        return kind;
      }
    }
    if (word.equals("icmpv6")) {
      return Kind.ICMP6;
    }
    throw error(
        0,
        "selector: '%s': expected arp, ndp, dns, tcp, udp, icmp, icmp6 or ip before the first '/'"
            .formatted(text));
  }

  private record Endpoint(Host host, List<PortRange> ports) {
    static final Endpoint ANY = new Endpoint(new Host.Any(), List.of());
  }

  private Endpoint endpoint(int start, int end, Kind kind) throws PolicyException {
    int close = start < end && text.charAt(start) == '[' ? text.indexOf(']', start) : start;
    if (close < 0 || close >= end) {
      close = start;
    }
    int colon = text.indexOf(':', close);
    boolean ports = colon >= 0 && colon < end;
    Host host = host(start, ports ? colon : end);
    return new Endpoint(host, ports ? ports(colon + 1, end, kind) : List.of());
  }

  private Host host(int start, int end) throws PolicyException {
    String word = text.substring(start, end);
    if (word.equals("any")) {
      return new Host.Any();
    }
    if (word.startsWith("@")) {
      if (!GROUP.matcher(word.substring(1)).matches()) {
        throw error(start, "group: '%s': expected @ and letters, digits, - or _".formatted(word));
      }
      return new Host.Group(word.substring(1));
    }
    String address = word;
    String length = "";
    boolean bracket = word.startsWith("[");
    if (bracket) {
      int close = word.indexOf(']');
      if (close < 0) {
        throw error(start, "address: '%s': expected a ']'".formatted(word));
      }
      String behind = word.substring(close + 1);
      if (!behind.isEmpty() && !behind.startsWith("/")) {
        throw error(start + close + 1, "address: '%s': %s".formatted(word, HOSTS));
      }
      address = word.substring(1, close) + behind;
    }
    int slash = address.indexOf('/');
    if (slash >= 0) {
      length = address.substring(slash + 1);
      address = address.substring(0, slash);
    }
    Optional<Prefix> parsed = bracket ? Prefix.parseIpv6(address) : Prefix.parseIpv4(address);
    if (parsed.isEmpty()) {
      boolean name = !bracket && slash < 0 && NAME.matcher(word).matches();
      // A name whose last label is a number can only be a mistaken address (RFC 3696 section 2).
      if (name && !word.matches("(.*\\.)?[0-9]+\\.?")) {
        return new Host.Name(word);
      }
      throw error(start, "address: '%s': %s".formatted(word, HOSTS));
    }
    Prefix whole = parsed.get();
    if (slash < 0) {
      return new Host.Net(whole);
    }
    int bits = Prefix.decimal(length, 3);
    if (bits < 0 || bits > whole.family().bits()) {
      throw error(
          start, "prefix length: '%s': expected 0..%d".formatted(word, whole.family().bits()));
    }
    Prefix prefix = whole.widened(bits);
    if (prefix.hi() != whole.hi() || prefix.lo() != whole.lo()) {
      throw error(
          start,
          "prefix: '%s': bits behind the length are set: expected %s".formatted(word, prefix));
    }
    return new Host.Net(prefix);
  }

  private List<PortRange> ports(int start, int end, Kind kind) throws PolicyException {
    List<PortRange> ranges = new ArrayList<>();
    int at = start;
    for (String item : text.substring(start, end).split(",", -1)) {
      ranges.add(range(item, at, kind));
      at += item.length() + 1;
    }
    return merge(ranges);
  }

  private PortRange range(String item, int at, Kind kind) throws PolicyException {
    boolean icmp = kind == Kind.ICMP || kind == Kind.ICMP6;
    Integer named = (kind == Kind.ICMP ? ICMP_TYPES : ICMP6_TYPES).get(item);
    if (icmp && named != null) {
      return PortRange.of(named);
    }
    int dash = item.indexOf('-');
    int low = Prefix.decimal(dash < 0 ? item : item.substring(0, dash), 5);
    int high = dash < 0 ? low : Prefix.decimal(item.substring(dash + 1), 5);
    int max = icmp ? 255 : 0xFFFF;
    if (low < 0 || high > max || high < low) {
      String expected =
          icmp
              ? "a type 0..255, LOW-HIGH, or a name such as echo-request"
              : "0..65535, or LOW-HIGH";
      throw error(at, "%s: '%s': expected %s".formatted(icmp ? "type" : "port", item, expected));
    }
    return new PortRange(low, high);
  }

  /** Returns the same ports in order, with ranges that touch made one. */
  static List<PortRange> merge(List<PortRange> ranges) {
    List<PortRange> sorted = new ArrayList<>(ranges);
    sorted.sort(Comparator.comparingInt(PortRange::low));
    List<PortRange> merged = new ArrayList<>();
    for (PortRange next : sorted) {
      PortRange last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
      if (last != null && next.low() <= last.high() + 1) {
        merged.set(
            merged.size() - 1, new PortRange(last.low(), Math.max(last.high(), next.high())));
      } else {
        merged.add(next);
      }
    }
    return merged;
  }

  private PolicyException error(int offset, String problem) {
    return new PolicyException(position.plus(offset), problem);
  }
}
