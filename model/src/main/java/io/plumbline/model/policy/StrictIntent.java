package io.plumbline.model.policy;

import io.plumbline.model.policy.Selector.Host;
import io.plumbline.model.policy.Selector.Kind;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Prefix;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The intent language of traffico with its own limits and texts (traffico specification, section
 * d): one selector an option, at most 32 permits and 32 forbids, at most 64 rows.
 */
public final class StrictIntent {
  /** A selector of so many bytes or more is too long. */
  public static final int TOO_LONG = 128;

  /** The most rules with one effect. */
  public static final int MAX_RULES = 32;

  /** What errors name as their place, whatever the command is called. */
  private static final Position TRAFFICO = Position.option("traffico");

  private final List<Selector> permits = new ArrayList<>();
  private final List<Selector> forbids = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  /**
   * Adds the value of one option.
   *
   * @throws PolicyException with the exact text, {@code traffico: MSG: 'ARG'}
   */
  public void add(Effect effect, String text) throws PolicyException {
    Selector selector = parse(effect, text);
    if (!known.add(effect + " " + selector)) {
      throw error("duplicate " + Rule.word(effect), text);
    }
    List<Selector> list = effect == Effect.ACCEPT ? permits : forbids;
    if (list.size() == MAX_RULES) {
      throw error("too many " + Rule.word(effect) + "s", text);
    }
    list.add(selector);
  }

  /** Returns the policy of what was added, for egress. */
  public Policy build() throws PolicyException {
    return build(Direction.EGRESS);
  }

  /** Returns the policy of what was added; only one for egress can be compiled. */
  public Policy build(Direction direction) throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", direction, Optional.empty());
    for (Selector forbid : forbids) {
      builder.rule(Effect.DROP, "", "", forbid, Position.option("--forbid"));
    }
    for (Selector permit : permits) {
      builder.rule(Effect.ACCEPT, "", "", permit, Position.option("--allow"));
    }
    return builder.build();
  }

  /**
   * Compiles as attach does, and says what a dry run prints.
   *
   * @throws PolicyException with the exact text, {@code traffico: intent dry-run: MSG}
   */
  public static List<String> dryRun(Policy policy, Direction direction) throws PolicyException {
    String problem = compile(policy, direction);
    if (!problem.isEmpty()) {
      throw new PolicyException(TRAFFICO, "intent dry-run: " + problem);
    }
    return List.of("intent dry-run: compiler ok", "intent backend: bpf admissible");
  }

  /** Returns why a policy cannot be compiled; empty if it can. */
  public static String compile(Policy policy, Direction direction) {
    if (direction != Direction.EGRESS) {
      return "Intent BPF backend supports egress only";
    }
    if (policy.rules(Effect.ACCEPT).isEmpty()) {
      return "at least one permit is required";
    }
    if (StrictRow.of(policy).size() > StrictRow.MAX) {
      return "enforcement plan exceeds rule limit";
    }
    return "";
  }

  private static Selector parse(Effect effect, String text) throws PolicyException {
    String word = Rule.word(effect);
    if (text.getBytes(StandardCharsets.UTF_8).length >= TOO_LONG) {
      throw error(word + " too long", text);
    }
    if (text.equals("arp")) {
      return selector(Kind.ARP, new Host.Any(), List.of());
    }
    int slash = text.indexOf('/');
    if (slash < 0) {
      throw error("unsupported " + word, text);
    }
    String kind = text.substring(0, slash);
    String rest = text.substring(slash + 1);
    if (kind.equals("dns")) {
      if (rest.indexOf(':') >= 0) {
        throw error("dns " + word + "s do not accept a port", text);
      }
      return selector(Kind.DNS, address(word, rest, text), List.of());
    }
    if (!kind.equals("tcp") && !kind.equals("udp")) {
      throw error("unsupported " + word, text);
    }
    Kind protocol = kind.equals("tcp") ? Kind.TCP : Kind.UDP;
    int colon = rest.lastIndexOf(':');
    if (colon < 0) {
      if (effect == Effect.DROP) {
        throw error(
            "host-wide TCP/UDP forbids are not supported; use tcp/IP:PORT or udp/IP:PORT", text);
      }
      return selector(protocol, address(word, rest, text), List.of());
    }
    Host host = address(word, rest.substring(0, colon), text);
    // Any number of leading zeros is allowed; the selector is short.
    String digits = rest.substring(colon + 1);
    int port = digits.matches("[0-9]+") ? Prefix.decimal(digits.replaceFirst("^0+", ""), 5) : -1;
    if (port < 1 || port > 0xFFFF) {
      throw error("invalid " + word, text);
    }
    return selector(protocol, host, List.of(PortRange.of(port)));
  }

  private static Selector selector(Kind kind, Host host, List<PortRange> ports) {
    return new Selector(kind, host, ports, new Host.Any(), List.of());
  }

  private static Host address(String word, String address, String text) throws PolicyException {
    Optional<Prefix> parsed = Prefix.parseIpv4(address);
    if (parsed.isEmpty()) {
      throw error("invalid " + word, text);
    }
    return new Host.Net(parsed.get());
  }

  private static PolicyException error(String message, String text) {
    return new PolicyException(TRAFFICO, "%s: '%s'".formatted(message, text));
  }
}
