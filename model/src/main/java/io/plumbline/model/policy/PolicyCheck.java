package io.plumbline.model.policy;

import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowDiagram;
import io.plumbline.model.ruleset.RuleSetCheck;
import java.util.ArrayList;
import java.util.List;

/** What is suspicious in a policy that compiles: {@link RuleSetCheck} in the words of policies. */
public final class PolicyCheck {
  /** What is wrong with a rule. */
  public enum Kind {
    /** Another rule with its effect matches the same packets. */
    DUPLICATE("duplicate"),
    /** Forbids match every packet that this permit does. */
    FORBIDDEN("wholly forbidden"),
    /** Rules before it match every packet that it does. */
    COVERED("never decides");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** Returns it in words. */
    public String words() {
      return words;
    }

    private static Kind of(RuleSetCheck.Kind kind) {
      return switch (kind) {
        case DUPLICATE -> DUPLICATE;
        case OVERRIDDEN -> FORBIDDEN;
        case COVERED -> COVERED;
      };
    }
  }

  /**
   * One finding.
   *
   * @param because rules that decide in its place, the first few
   * @param example a flow that the rule matches
   * @param decidedBy the index of the rule that decides the example
   */
  public record Finding(Kind kind, Rule rule, List<Rule> because, Flow example, int decidedBy) {
    public Finding {
      because = List.copyOf(because);
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      text.append("%s: %s: %s: ".formatted(rule.position(), rule, kind.words));
      List<String> others = new ArrayList<>();
      because.forEach(other -> others.add(other + " (" + other.position() + ")"));
      return text.append(String.join(", ", others)).toString();
    }
  }

  private PolicyCheck() {}

  /**
   * Returns the findings, in the canonical order of their rules.
   *
   * @throws FlowDiagram.TooLargeException if the policy's ranges make too many combinations
   */
  public static List<Finding> of(Policy policy) {
    List<Rule> rules = policy.rules();
    return RuleSetCheck.of(policy.ruleSet()).stream()
        .map(
            found ->
                new Finding(
                    Kind.of(found.kind()),
                    rules.get(found.rule()),
                    found.because().stream().map(rules::get).toList(),
                    found.example(),
                    found.decidedBy()))
        .toList();
  }
}
