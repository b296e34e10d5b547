package io.plumbline.model.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.model.ruleset.Combinator;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Field;
import io.plumbline.model.ruleset.FieldTable;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowDiagram;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.FlowRule;
import io.plumbline.model.ruleset.Form;
import io.plumbline.model.ruleset.RuleSet;
import io.plumbline.model.ruleset.RuleSetCheck;
import io.plumbline.model.ruleset.RuleSetDiff;
import io.plumbline.model.ruleset.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A field more is a row more: the fields of intent and the packet's mark. */
class FurtherFieldTest {
  private static final Field MARK = Field.range("mark", List.of(Form.of("mark", 32)));
  private static final FieldTable TABLE = table();

  /** A rule in the words of a language that has marks: {@code permit tcp/10.0.0.1 mark 5}. */
  private record MarkRule(Effect effect, List<FlowRegion> regions) implements FlowRule {}

  private static FieldTable table() {
    List<Field> fields = new ArrayList<>(IntentFields.TABLE.fields());
    fields.add(MARK);
    return new FieldTable(fields, FurtherFieldTest::text);
  }

  private static String text(FlowRegion region) {
    return IntentFields.text(region)
        + (region.isAny(MARK) ? "" : " mark " + MARK.text(region.get(MARK)));
  }

  private static MarkRule rule(String text) throws PolicyException {
    String[] parts = text.split(" mark ", -1);
    String[] words = parts[0].split(" ", 2);
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    builder.rule(Rule.effectOf(words[0]), words[1], Position.option("test"));
    List<FlowRegion> regions = new ArrayList<>();
    for (FlowRegion region : builder.build().rules().get(0).regions()) {
      List<Values> values = new ArrayList<>();
      for (Field field : IntentFields.TABLE.fields()) {
        values.add(region.get(field));
      }
      int flowClass = region.flowClass();
      values.add(
          parts.length == 1 ? MARK.any(flowClass) : MARK.parse(flowClass, parts[1]).orElseThrow());
      regions.add(new FlowRegion(TABLE, values.toArray(Values[]::new)));
    }
    return new MarkRule(Rule.effectOf(words[0]), regions);
  }

  private static RuleSet rules(Combinator combinator, String... texts) throws PolicyException {
    List<MarkRule> rules = new ArrayList<>();
    for (String text : texts) {
      rules.add(rule(text));
    }
    return new RuleSet(TABLE, rules, Effect.DROP, combinator);
  }

  private static Flow flow(long mark) throws PolicyException {
    Flow flow = rule("permit tcp/10.0.0.1:443").regions().get(0).example();
    long[] key = flow.key();
    key[TABLE.level(MARK)] = mark;
    return new Flow(TABLE, key);
  }

  @Test
  void theIndexAndTheDiagramKnowTheField() throws Exception {
    RuleSet set =
        rules(
            Combinator.DENY_OVERRIDES,
            "permit tcp/10.0.0.0/8:443 mark 1-10",
            "permit tcp/10.0.0.1",
            "forbid tcp/any mark 5");
    FlowDiagram diagrams = new FlowDiagram(TABLE, 1000);
    FlowDiagram.Node accepted = diagrams.accepted(set);
    long[] marks = {0, 1, 4, 5, 6, 10, 11, 0xFFFF_FFFFL};
    int[] rules = {1, 0, 0, 2, 0, 0, 1, 1};
    for (int i = 0; i < marks.length; i++) {
      Flow flow = flow(marks[i]);
      assertThat(set.decide(flow)).as(flow.toString()).isEqualTo(rules[i]);
      assertThat(set.index().find(flow)).as(flow.toString()).isEqualTo(rules[i]);
      assertThat(accepted.lookup(flow.key()) == 0).isEqualTo(rules[i] != 2);
    }
  }

  @Test
  void checkKnowsTheField() throws Exception {
    RuleSet set =
        rules(
            Combinator.FIRST_MATCH,
            "permit tcp/any mark 0-99",
            "forbid tcp/any mark 100-4294967295",
            "permit tcp/10.0.0.1",
            "permit udp/any mark 7",
            "permit udp/any mark 7",
            "permit tcp/10.0.0.1:80 mark 100",
            "permit udp/any");
    assertThat(RuleSetCheck.of(set).stream().map(one -> one.rule() + " " + one.kind()))
        .containsExactly("2 COVERED", "4 DUPLICATE", "5 OVERRIDDEN");
    RuleSetCheck.Finding overridden = RuleSetCheck.of(set).get(2);
    assertThat(overridden.because()).containsExactly(1);
    assertThat(overridden.example()).hasToString("tcp/10.0.0.1:80 from 192.0.2.1:49152 mark 100");
  }

  @Test
  void diffKnowsTheField() throws Exception {
    RuleSet a = rules(Combinator.FIRST_MATCH, "permit tcp/10.0.0.1:443 mark 1-10", "permit arp");
    RuleSet b =
        rules(
            Combinator.FIRST_MATCH,
            "forbid ip/10.0.0.1 mark 3-4",
            "permit tcp/10.0.0.1",
            "permit arp");
    RuleSetDiff diff = RuleSetDiff.of(a, b, 9);
    assertThat(diff.onlyFirst()).hasSize(1);
    assertThat(diff.onlyFirst().get(0).regions()).hasToString("[tcp/10.0.0.1:443 mark 3-4]");
    assertThat(diff.onlyFirst().get(0).droppedBy()).isZero();
    assertThat(diff.onlySecond().stream().flatMap(one -> one.regions().stream()))
        .extracting(FlowRegion::toString)
        .containsExactlyInAnyOrder(
            "tcp/10.0.0.1:0-442 mark 0-2",
            "tcp/10.0.0.1:0-442 mark 5-4294967295",
            "tcp/10.0.0.1:443 mark 0",
            "tcp/10.0.0.1:443 mark 11-4294967295",
            "tcp/10.0.0.1:444-65535 mark 0-2",
            "tcp/10.0.0.1:444-65535 mark 5-4294967295");
  }
}
