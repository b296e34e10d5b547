package io.plumbline.model.ruleset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketView;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Index, diagrams, check and diff, against the rules one after the other for flow after flow. */
class RuleSetTest {
  private static final long MAX_EDGES = 10_000_000;

  private static RandomRuleSets random(long seed) {
    return seed % 4 == 0 ? RandomRuleSets.addresses(seed) : RandomRuleSets.small(seed);
  }

  private static String text(RuleSet set) {
    return set.combinator() + " else " + set.defaultEffect() + " " + set.rules();
  }

  @Property
  void allEvaluatorsFindTheSameRule(@ForAll long seed) {
    RandomRuleSets random = random(seed);
    RuleSet set = random.next();
    FlowDiagram diagrams = new FlowDiagram(set.table(), MAX_EDGES);
    FlowDiagram.Node deciding = diagrams.deciding(set);
    FlowDiagram.Node accepted = diagrams.accepted(set);
    RuleIndex list = new RuleIndex(set, 0);
    for (Flow flow : random.flows(set)) {
      int rule = set.decide(flow);
      int position = deciding.lookup(flow.key());
      assertThat(position == FlowDiagram.NONE ? -1 : set.order()[position])
          .as("diagram: %s in %s", flow, text(set))
          .isEqualTo(rule);
      assertThat(set.index().find(flow)).as("index: %s in %s", flow, text(set)).isEqualTo(rule);
      assertThat(list.find(flow)).as("list: %s in %s", flow, text(set)).isEqualTo(rule);
      assertThat(accepted.lookup(flow.key()) == 0)
          .as("accepted: %s in %s", flow, text(set))
          .isEqualTo(set.accepts(flow));
    }
  }

  /** The definition of each combinator, on a flow that a rule of each effect matches. */
  @Test
  void combinatorsDecideBetweenTwoRules() {
    FieldTable table = new FieldTable(List.of(Field.range("n", List.of(Form.of("n", 4)))));
    FlowRegion any = table.any(0);
    FlowRule accept = new RandomRuleSets.SimpleRule(Effect.ACCEPT, List.of(any));
    FlowRule drop = new RandomRuleSets.SimpleRule(Effect.DROP, List.of(any));
    Flow flow = any.lowest();
    assertThat(
            new RuleSet(table, List.of(accept, drop), Effect.ACCEPT, Combinator.DENY_OVERRIDES)
                .decide(flow))
        .isEqualTo(1);
    assertThat(
            new RuleSet(table, List.of(accept, drop), Effect.DROP, Combinator.FIRST_MATCH)
                .decide(flow))
        .isZero();
    assertThat(
            new RuleSet(table, List.of(accept, accept), Effect.DROP, Combinator.ALLOW_IF_ANY)
                .decide(flow))
        .isZero();
    assertThatThrownBy(
            () -> new RuleSet(table, List.of(drop), Effect.DROP, Combinator.ALLOW_IF_ANY))
        .hasMessage("rule set: a rule that drops: expected rules that accept");
    FieldTable other = new FieldTable(table.fields());
    assertThatThrownBy(() -> new RuleSet(other, List.of(drop), Effect.DROP, Combinator.FIRST_MATCH))
        .hasMessage("rule set: any: expected a region of the rule set's table");
  }

  @Property
  void theDifferenceIsExact(@ForAll long seed) {
    RandomRuleSets random = random(seed);
    RuleSet a = random.next();
    RuleSet b = random.next();
    RuleSetDiff diff = RuleSetDiff.of(a, b, Integer.MAX_VALUE);
    List<Flow> flows = random.flows(a, b);
    requireExact(diff.onlyFirst(), a, b, flows);
    requireExact(diff.onlySecond(), b, a, flows);
    RuleSetDiff one = RuleSetDiff.of(a, b, 1);
    for (int i = 0; i < diff.onlyFirst().size(); i++) {
      RuleSetDiff.Difference whole = diff.onlyFirst().get(i);
      assertThat(one.onlyFirst().get(i).regions()).isEqualTo(whole.regions().subList(0, 1));
      assertThat(one.onlyFirst().get(i).count()).isEqualTo(whole.count());
    }
  }

  private static void requireExact(
      List<RuleSetDiff.Difference> differences, RuleSet accepts, RuleSet drops, List<Flow> flows) {
    for (RuleSetDiff.Difference found : differences) {
      assertThat(found.regions()).hasSize((int) found.count());
      assertThat(found.regions()).anyMatch(region -> region.contains(found.example()));
      assertThat(accepts.decide(found.example())).isEqualTo(found.acceptedBy());
      assertThat(drops.decide(found.example())).isEqualTo(found.droppedBy());
      assertThat(accepts.accepts(found.example())).isTrue();
      assertThat(drops.accepts(found.example())).isFalse();
    }
    for (Flow flow : flows) {
      long holding =
          differences.stream()
              .flatMap(found -> found.regions().stream())
              .filter(region -> region.contains(flow))
              .count();
      assertThat(holding)
          .as("%s: %s against %s", flow, text(accepts), text(drops))
          .isEqualTo(accepts.accepts(flow) && !drops.accepts(flow) ? 1 : 0);
    }
  }

  @Property
  void rulesThatNeverDecideAreFound(@ForAll long seed) {
    RandomRuleSets random = random(seed);
    RuleSet set = random.next();
    List<Flow> flows = random.flows(set);
    List<Set<Flow>> matched = new ArrayList<>();
    for (FlowRule rule : set.rules()) {
      Set<Flow> flowsOfRule = new HashSet<>(flows);
      flowsOfRule.removeIf(flow -> !rule.matches(flow));
      matched.add(flowsOfRule);
    }
    List<RuleSetCheck.Finding> expected = new ArrayList<>();
    int[] order = set.order();
    for (int i = 0; i < order.length; i++) {
      int rule = order[i];
      if (flows.stream().noneMatch(flow -> set.decide(flow) == rule)) {
        expected.add(expected(set, matched, i));
      }
    }
    List<RuleSetCheck.Finding> found = RuleSetCheck.of(set);
    assertThat(found.stream().map(one -> one.rule() + " " + one.kind()))
        .as(text(set))
        .containsExactlyElementsOf(
            expected.stream().map(one -> one.rule() + " " + one.kind()).toList());
    for (RuleSetCheck.Finding one : found) {
      assertThat(set.rules().get(one.rule()).matches(one.example())).isTrue();
      assertThat(set.decide(one.example())).isEqualTo(one.decidedBy());
      assertThat(one.because()).isNotEmpty().doesNotContain(one.rule(), -1);
    }
  }

  private static RuleSetCheck.Finding expected(RuleSet set, List<Set<Flow>> matched, int position) {
    int rule = set.order()[position];
    Effect effect = set.effect(rule);
    boolean duplicate = false;
    Set<Flow> left = new HashSet<>(matched.get(rule));
    for (int i = 0; i < position; i++) {
      int earlier = set.order()[i];
      if (set.effect(earlier) == effect) {
        duplicate |= matched.get(earlier).equals(matched.get(rule));
      } else {
        left.removeAll(matched.get(earlier));
      }
    }
    RuleSetCheck.Kind kind =
        duplicate
            ? RuleSetCheck.Kind.DUPLICATE
            : left.isEmpty() ? RuleSetCheck.Kind.OVERRIDDEN : RuleSetCheck.Kind.COVERED;
    Flow any = set.table().any(0).lowest();
    return new RuleSetCheck.Finding(kind, rule, List.of(), any, -1);
  }

  /** Sets are one object if they are equal, and the difference with a superset is empty. */
  @Property
  void equalSetsAreOneDiagram(@ForAll long seed) {
    RandomRuleSets random = random(seed);
    RuleSet a = random.next();
    RuleSet b = random.next();
    FlowDiagram diagrams = new FlowDiagram(random.table(), MAX_EDGES);
    FlowDiagram.Node ofA = diagrams.accepted(a);
    FlowDiagram.Node ofB = diagrams.accepted(b);
    List<Flow> flows = random.flows(a, b);
    assertThat(ofA == ofB)
        .isEqualTo(flows.stream().allMatch(flow -> a.accepts(flow) == b.accepts(flow)));
    assertThat(diagrams.without(ofA, ofB) == diagrams.empty())
        .isEqualTo(flows.stream().noneMatch(flow -> a.accepts(flow) && !b.accepts(flow)));
    FlowDiagram.Node both = diagrams.min(ofA, ofB);
    assertThat(diagrams.without(ofA, both)).isSameAs(diagrams.empty());
    assertThat(diagrams.min(both, ofB)).isSameAs(both);
    assertThat(diagrams.without(diagrams.all(), diagrams.without(diagrams.all(), ofA)))
        .isSameAs(ofA);
  }

  @Property
  void valuesAreReadAsTheyAreWritten(@ForAll long seed) {
    RandomRuleSets random = random(seed);
    for (FlowRegion region : random.regions()) {
      for (Field field : random.table().fields()) {
        Values values = region.get(field);
        boolean several = field.kind() == Field.Kind.ENUMERATION && values.low(0) != values.high(0);
        if (field.form(region.flowClass()).bits() > 0 && !several) {
          assertThat(field.parse(region.flowClass(), field.text(values))).contains(values);
        }
      }
    }
  }

  @Test
  void valuesThatAFieldCannotHaveAreRefused() {
    Field colour = Field.enumeration("colour", List.of("red", "green"));
    Field port = Field.range("port", List.of(Form.of("port", 16), Form.of("type", 8)));
    Field wide = Field.range("wide", List.of(Form.of("wide", 64)));
    Field to = Field.prefix("to", List.of(Form.of("to", 32), Form.of("to", 128)));
    assertThat(colour.parse(0, "blue")).isEmpty();
    assertThat(port.parse(0, "65535")).contains(ValueRange.of(65535));
    assertThat(port.parse(0, "65536")).isEmpty();
    assertThat(port.parse(1, "255")).contains(ValueRange.of(255));
    assertThat(port.parse(1, "256")).isEmpty();
    for (String text : List.of("", "-", "1-", "-1", "2-1", "1-2-3", "0x1", "+1")) {
      assertThat(port.parse(0, text)).as(text).isEmpty();
    }
    assertThat(wide.parse(0, "18446744073709551615")).contains(ValueRange.of(-1));
    assertThat(wide.parse(0, "18446744073709551616")).isEmpty();
    assertThat(to.parse(0, "10.0.0.0/8")).isPresent();
    assertThat(to.parse(1, "10.0.0.0/8")).isEmpty();
    for (String text : List.of("10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0", "::1", "[::1")) {
      assertThat(to.parse(0, text)).as(text).isEmpty();
      assertThat(to.parse(1, text)).as(text).isEmpty();
    }
  }

  @Test
  void regionsAndFlowsHaveTheFieldsOfTheirClass() {
    Field kind = Field.enumeration("kind", List.of("a", "b"));
    Field port = Field.range("port", List.of(Form.of("port", 16), Form.NONE));
    FieldTable table = new FieldTable(List.of(kind, port));
    ValueRange eighty = ValueRange.of(80);
    assertThat(new FlowRegion(table, ValueRange.of(0), eighty)).hasToString("kind a, port 80");
    FlowRegion b = new FlowRegion(table, ValueRange.of(1), eighty);
    assertThat(b).hasToString("kind b").isEqualTo(table.any(1));
    assertThat(b.inClass(0)).contains(table.any(0));
    assertThat(new Flow(table, new long[] {1, 80})).isEqualTo(b.lowest());
    assertThatThrownBy(() -> new FlowRegion(table, new ValueRange(0, 1), eighty))
        .hasMessage("kind: 0-1: expected values of the field in one class");
    assertThatThrownBy(() -> new FlowRegion(table, ValueRange.of(0), new ValueRange(65535, 65536)))
        .hasMessage("port: 65535-65536: expected values of the field in one class");
    assertThatThrownBy(() -> new Flow(table, new long[] {0, 65536}))
        .hasMessage("flow: port: 65536: expected at most 65535");
    assertThatThrownBy(() -> new FieldTable(List.of(port, kind)))
        .hasMessage("field port: 2 forms: expected 1, or one for each class");
  }

  @Test
  void fieldsAreReadFromWhereTheyAre() {
    Form.Base frame = Form.Base.FRAME;
    Form.Base transport = Form.Base.TRANSPORT;
    FieldTable table =
        new FieldTable(
            List.of(
                Field.enumeration("kind", List.of("a", "b")),
                Field.prefix(
                    "to",
                    List.of(
                        Form.of("to", 128).at(frame, 1, "h"), Form.of("to", 32).at(frame, 8, "h"))),
                Field.range("port", List.of(Form.of("port", 16).at(transport, 2, "h"), Form.NONE)),
                Field.range("type", List.of(Form.of("type", 8).at(transport, 0, "h"))),
                Field.range("mark", List.of(Form.of("mark", 32)))));
    byte[] bytes = new byte[32];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (0x80 + i);
    }
    PacketView view = new PacketView();
    view.show(Packet.of(bytes));
    long[] key = {9, 9, 9, 9, 9, 9};
    table.read(view, 0, 20, key);
    assertThat(key)
        .containsExactly(0, 0x8182_8384_8586_8788L, 0x898A_8B8C_8D8E_8F90L, 0x9697, 0x94, 0);
    table.read(view, 1, 21, key);
    assertThat(key).containsExactly(1, 0x8889_8A8BL, 0, 0, 0x95, 0);
  }
}
