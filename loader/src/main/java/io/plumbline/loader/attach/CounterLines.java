package io.plumbline.loader.attach;

import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.FlowRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The counters that a filter keeps itself, one for each clause and rule of a policy, as lines of a
 * {@link Description}: the name, and of a rule behind tabs its words and the packets it matches.
 */
public final class CounterLines {
  private CounterLines() {}

  /** Returns a line for each clause and rule of a policy; none for other filters. */
  public static List<String> of(Subject subject) {
    Optional<Policy> policy = subject.rules();
    if (policy.isEmpty() || !subject.countsClauses()) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    for (Clause clause : Intent.classification()) {
      lines.add(clause.name());
    }
    List<Rule> rules = policy.get().rules();
    List<Clause> clauses = Intent.rules(policy.get());
    for (int i = 0; i < clauses.size(); i++) {
      String line = clauses.get(i).name();
      if (i < rules.size()) {
        Rule rule = rules.get(i);
        String name = rule.name().isEmpty() ? "" : " \"" + rule.name().replace('\t', ' ') + "\"";
        line += "\t" + rule + name + "\t" + FlowRegion.join(rule.regions());
      }
      lines.add(line);
    }
    return lines;
  }

  /** Returns the name of a line. */
  public static String name(String line) {
    return line.split("\t", -1)[0];
  }

  /** Returns the rule of a line in words; empty if it is a clause. */
  public static String rule(String line) {
    String[] fields = line.split("\t", -1);
    return fields.length < 2 ? "" : fields[1];
  }

  /** Returns the policy that lines were made of, without comments; empty if they are of none. */
  public static Optional<Policy> policy(List<String> lines, Direction direction) {
    List<Rule> rules = new ArrayList<>();
    try {
      for (String line : lines) {
        String[] fields = line.split("\t", -1);
        if (fields.length == 3) {
          Effect effect =
              fields[0].startsWith(Rule.word(Effect.DROP)) ? Effect.DROP : Effect.ACCEPT;
          rules.add(rule(effect, fields[2]));
        }
      }
    } catch (PolicyException e) {
      return Optional.empty();
    }
    return lines.isEmpty()
        ? Optional.empty()
        : Optional.of(new Policy("", direction, rules, Map.of()));
  }

  private static Rule rule(Effect effect, String regions) throws PolicyException {
    List<FlowRegion> all = new ArrayList<>();
    Position position = Position.option("attached");
    Rule first = null;
    for (String region : regions.split(", ", -1)) {
      first =
          new PolicyBuilder("", Direction.EGRESS, Optional.empty())
              .rule(effect, region, position)
              .build()
              .rules()
              .get(0);
      all.addAll(first.regions());
    }
    if (first == null) {
      throw new PolicyException(position, "no packets");
    }
    return new Rule(effect, "", "", first.selector(), position, all);
  }
}
