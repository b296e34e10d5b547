package io.plumbline.conformance.verify;

import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PortRange;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Policies made at random from few addresses and ports, so that their rules often overlap: every
 * second one of the strict language.
 */
public final class RandomPolicies {
  private static final Position POSITION = Position.option("random");
  private static final String[] PORTS = {
    "22",
    "53",
    "80",
    "443",
    "1",
    "65535",
    "80-90",
    "1-1023",
    "1024-65535",
    "443,8443",
    "85-443,1000"
  };
  private static final String[] TYPES = {"8", "0", "echo-request", "0-8", "128,129", "255"};
  private static final String[] IPV4 = {
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.0/8",
    "10.0.0.0/24",
    "10.0.0.0/31",
    "0.0.0.0/0",
    "10.0.1.0/24",
    "255.255.255.255",
    "0.0.0.0",
    "128.0.0.0/1",
    "192.0.2.128/25"
  };
  private static final String[] IPV6 = {
    "[2001:db8::1]",
    "[2001:db8::/32]",
    "[2001:db8::/64]",
    "[2001:db8::/127]",
    "[::/0]",
    "[fe80::/10]",
    "[2001:db8:0:0:8000::/65]",
    "[::]",
    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"
  };

  private final SplittableRandom random;

  private RandomPolicies(long seed) {
    random = new SplittableRandom(seed);
  }

  /** Returns so many policies, always the same for a seed. */
  public static List<Policy> of(int count, long seed) {
    RandomPolicies policies = new RandomPolicies(seed);
    List<Policy> all = new ArrayList<>();
    while (all.size() < count) {
      policies.next(all.size() % 2 == 0).ifPresent(all::add);
    }
    return all;
  }

  /** Returns whether a policy is of the strict language, and comes to no more rows than it may. */
  public static boolean isStrict(Policy policy) {
    return policy.rules().stream().allMatch(RandomPolicies::isStrict)
        && StrictRow.of(policy).size() <= StrictRow.MAX;
  }

  private static boolean isStrict(Rule rule) {
    boolean noSource =
        rule.selector().from() instanceof Selector.Host.Any
            && rule.selector().fromPorts().isEmpty();
    boolean onePort =
        rule.selector().ports().size() <= 1
            && rule.selector().ports().stream().allMatch(PortRange::single);
    return switch (rule.selector().kind()) {
      case ARP -> true;
      case TCP, UDP, DNS -> noSource && onePort && isHost(rule);
      case NDP, ICMP, ICMP6, IP -> false;
    };
  }

  private static boolean isHost(Rule rule) {
    return rule.selector().to() instanceof Selector.Host.Net net
        && net.prefix().family() == Family.IPV4
        && net.prefix().single();
  }

  /** Returns a policy, or none if it came to a selector that is there already or cannot match. */
  private Optional<Policy> next(boolean strict) {
    try {
      return Optional.of(strict ? strict() : extended());
    } catch (PolicyException e) {
      return Optional.empty();
    }
  }

  private Policy strict() throws PolicyException {
    StrictIntent intent = new StrictIntent();
    for (int i = random.nextInt(12); i > 0; i--) {
      intent.add(Effect.DROP, strictSelector(Effect.DROP));
    }
    for (int i = random.nextInt(1, 16); i > 0; i--) {
      intent.add(Effect.ACCEPT, strictSelector(Effect.ACCEPT));
    }
    return intent.build();
  }

  private String strictSelector(Effect effect) {
    if (random.nextInt(10) == 0) {
      return "arp";
    }
    String host = "10.0.%d.%d".formatted(random.nextInt(2), random.nextInt(6));
    return switch (random.nextInt(effect == Effect.ACCEPT ? 5 : 4)) {
      case 0 -> "dns/" + host;
      case 1 -> "udp/%s:%d".formatted(host, random.nextInt(52, 56));
      case 2, 3 -> "tcp/%s:%d".formatted(host, random.nextInt(52, 56));
      default -> (random.nextBoolean() ? "tcp/" : "udp/") + host;
    };
  }

  private Policy extended() throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (int i = random.nextInt(12); i > 0; i--) {
      builder.rule(Effect.DROP, selector(), POSITION);
    }
    for (int i = random.nextInt(random.nextInt(8) == 0 ? 60 : 16); i > 0; i--) {
      builder.rule(Effect.ACCEPT, selector(), POSITION);
    }
    return builder.build();
  }

  private String selector() {
    return switch (random.nextInt(12)) {
      case 0 -> "arp";
      case 1 -> "ndp";
      case 2 -> "dns" + host();
      case 3 -> "ip" + host() + from(false);
      case 4 -> icmp("icmp", IPV4);
      case 5 -> icmp("icmp6", IPV6);
      default -> transport();
    };
  }

  private String transport() {
    String kind = random.nextBoolean() ? "tcp" : "udp";
    String host = host();
    if (!host.isEmpty() && random.nextInt(4) > 0) {
      host += ":" + pick(PORTS);
    }
    return kind + host + from(true);
  }

  private String icmp(String kind, String[] hosts) {
    String host = random.nextInt(3) == 0 ? "/any" : "/" + pick(hosts);
    return kind + host + (random.nextBoolean() ? "" : ":" + pick(TYPES)) + icmpFrom(hosts);
  }

  private String icmpFrom(String[] hosts) {
    return random.nextInt(3) == 0 ? " from " + pick(hosts) : "";
  }

  private String host() {
    return switch (random.nextInt(8)) {
      case 0 -> "";
      case 1 -> "/any";
      case 2, 3, 4 -> "/" + pick(IPV4);
      case 5 -> "/10.%d.%d.%d".formatted(random.nextInt(2), random.nextInt(2), random.nextInt(4));
      default -> "/" + pick(IPV6);
    };
  }

  private String from(boolean ports) {
    String port = ports && random.nextInt(3) == 0 ? ":" + pick(PORTS) : "";
    return switch (random.nextInt(6)) {
      case 0 -> " from " + pick(IPV4) + port;
      case 1 -> " from " + pick(IPV6) + port;
      case 2 -> port.isEmpty() ? "" : " from any" + port;
      default -> "";
    };
  }

  private String pick(String[] values) {
    return values[random.nextInt(values.length)];
  }
}
