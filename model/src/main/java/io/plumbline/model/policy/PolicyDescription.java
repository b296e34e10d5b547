package io.plumbline.model.policy;

import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A policy as keys and values: its rules, and the addresses that its groups and host names stand
 * for, so that reading them resolves nothing.
 */
public final class PolicyDescription {
  private PolicyDescription() {}

  /** Returns the keys and values of a policy. */
  public static Map<String, String> of(Policy policy) {
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("policy", policy.name());
    lines.put("direction", policy.direction().word());
    policy.resolutions().forEach((name, prefixes) -> lines.put("host." + name, join(prefixes)));
    Map<String, Set<Prefix>> groups = new LinkedHashMap<>();
    int number = 0;
    for (Rule rule : policy.rules()) {
      lines.put("rule." + number, Rule.word(rule.effect()) + " " + rule.selector());
      lines.put("name." + number, rule.name());
      lines.put("comment." + number++, rule.comment());
      for (FlowRegion region : rule.regions()) {
        addMember(groups, rule.selector().to(), IntentFields.destination(region));
        addMember(groups, rule.selector().from(), IntentFields.source(region));
      }
    }
    groups.forEach((name, members) -> lines.put("group." + name, join(members)));
    return lines;
  }

  private static void addMember(
      Map<String, Set<Prefix>> groups, Selector.Host host, Prefix prefix) {
    if (host instanceof Selector.Host.Group group) {
      groups.computeIfAbsent(group.name(), name -> new LinkedHashSet<>()).add(prefix);
    }
  }

  private static String join(Collection<Prefix> prefixes) {
    return prefixes.stream().map(Prefix::toString).collect(Collectors.joining(" "));
  }

  /**
   * Reads what {@link #of} gives.
   *
   * @param where the file that it comes from, for messages
   */
  public static Policy read(Map<String, String> description, String where) throws PolicyException {
    Direction direction =
        description.getOrDefault("direction", "").equals(Direction.INGRESS.word())
            ? Direction.INGRESS
            : Direction.EGRESS;
    Map<String, List<Prefix>> resolved = new HashMap<>();
    Map<String, List<Selector.Host>> groups = new HashMap<>();
    for (String key : description.keySet()) {
      String[] parts = key.split("\\.", 2);
      List<Selector.Host> members = new ArrayList<>();
      if (parts[0].equals("group") || parts[0].equals("host")) {
        for (String one : description.getOrDefault(key, "").split(" ", -1)) {
          members.add(SelectorParser.parseHost(one, new Position(where, 1, 1)));
        }
      }
      if (parts[0].equals("group")) {
        groups.put(parts[1], members);
      } else if (parts[0].equals("host")) {
        resolved.put(
            parts[1],
            members.stream()
                .flatMap(host -> host instanceof Selector.Host.Net n ? Stream.of(n) : Stream.of())
                .map(Selector.Host.Net::prefix)
                .toList());
      }
    }
    PolicyBuilder builder =
        new PolicyBuilder(
            description.getOrDefault("policy", ""),
            direction,
            Optional.of(host -> resolved.getOrDefault(host, List.of())));
    groups.forEach(builder::group);
    for (int i = 0; description.containsKey("rule." + i); i++) {
      String[] words = description.getOrDefault("rule." + i, "").split(" ", 2);
      builder.rule(
          Rule.effectOf(words[0]),
          description.getOrDefault("name." + i, ""),
          description.getOrDefault("comment." + i, ""),
          words[words.length - 1],
          new Position(where, i + 1, 1));
    }
    return builder.build();
  }
}
