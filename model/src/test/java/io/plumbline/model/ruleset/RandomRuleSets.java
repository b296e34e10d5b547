package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** Random tables of fields, and random rule sets over them, with the flows at their boundaries. */
final class RandomRuleSets {
  /** A rule of nothing but what rule sets see. */
  record SimpleRule(Effect effect, List<FlowRegion> regions) implements FlowRule {}

  private static final int MOST_RULES = 7;
  private static final List<Combinator> COMBINATORS = List.of(Combinator.values());
  private static final String[] IPV4 = {
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/31",
    "10.0.0.1",
    "128.0.0.0/1",
    "255.255.255.255",
    "0.0.0.0"
  };
  private static final String[] IPV6 = {
    "[::/0]",
    "[2001:db8::/32]",
    "[2001:db8::/64]",
    "[2001:db8::/65]",
    "[2001:db8::1]",
    "[8000::/1]",
    "[::]",
    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[2001:db8::/127]"
  };

  private final SplittableRandom random;
  private final FieldTable table;

  private RandomRuleSets(long seed, boolean addresses) {
    random = new SplittableRandom(seed);
    table = addresses ? addresses() : small();
  }

  /** Starts with a table so small that {@link #flows} gives every flow. */
  static RandomRuleSets small(long seed) {
    return new RandomRuleSets(seed, false);
  }

  /** Starts with a table of addresses and ports: {@link #flows} gives one of each kind. */
  static RandomRuleSets addresses(long seed) {
    return new RandomRuleSets(seed, true);
  }

  FieldTable table() {
    return table;
  }

  private FieldTable small() {
    List<Field> fields = new ArrayList<>();
    int classes = random.nextInt(4);
    if (classes > 0) {
      fields.add(Field.enumeration("class", words("c", classes)));
    }
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      boolean first = fields.isEmpty();
      if (!first && random.nextInt(3) == 0) {
        fields.add(Field.enumeration("e" + i, words("v", random.nextInt(1, 5))));
      } else if (first || random.nextBoolean()) {
        fields.add(Field.range("r" + i, List.of(Form.of("r" + i, random.nextInt(1, 4)))));
      } else {
        List<Form> forms = new ArrayList<>();
        for (int c = 0; c < Math.max(1, classes); c++) {
          forms.add(Form.of("f" + i, random.nextInt(4)).example(random.nextInt(8), 0));
        }
        fields.add(Field.range("f" + i, forms));
      }
    }
    return new FieldTable(fields);
  }

  private static List<String> words(String letter, int count) {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      words.add(letter + i);
    }
    return words;
  }

  private static FieldTable addresses() {
    List<Form> address = List.of(Form.of("a", 32).example(1, 0), Form.of("a", 128), Form.NONE);
    List<Form> port = List.of(Form.of("port", 16), Form.of("port", 16).example(7, 0), Form.NONE);
    return new FieldTable(
        List.of(
            Field.enumeration("class", List.of("four", "six", "none")),
            Field.prefix("to", address),
            Field.range("port", port)));
  }

  /** Returns a rule set over the table. */
  RuleSet next() {
    Combinator combinator = COMBINATORS.get(random.nextInt(COMBINATORS.size()));
    List<SimpleRule> rules = new ArrayList<>();
    for (int i = random.nextInt(MOST_RULES + 1); i > 0; i--) {
      boolean accept = combinator == Combinator.ALLOW_IF_ANY || random.nextBoolean();
      rules.add(new SimpleRule(accept ? Effect.ACCEPT : Effect.DROP, regions()));
    }
    if (rules.size() > 1 && random.nextInt(3) == 0) {
      // The same packets twice: duplicates are rare otherwise.
      SimpleRule last = rules.get(rules.size() - 1);
      rules.set(0, new SimpleRule(rules.get(0).effect(), last.regions()));
    }
    return new RuleSet(
        table, rules, random.nextBoolean() ? Effect.ACCEPT : Effect.DROP, combinator);
  }

  /** Returns one to three regions. */
  List<FlowRegion> regions() {
    List<FlowRegion> regions = new ArrayList<>();
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      FlowRegion region = table.any(random.nextInt(table.classes()));
      for (Field field : table.fields().subList(table.classed() ? 1 : 0, table.fields().size())) {
        Form form = field.form(region.flowClass());
        if (form.bits() > 0 && random.nextInt(3) > 0) {
          region = region.with(field, values(field, region.flowClass()));
        }
      }
      regions.add(region);
    }
    return regions;
  }

  private Values values(Field field, int flowClass) {
    int bits = field.form(flowClass).bits();
    if (field.kind() == Field.Kind.PREFIX) {
      String[] all = bits == 32 ? IPV4 : IPV6;
      return Prefix.parse(all[random.nextInt(all.length)]).orElseThrow();
    }
    int max = (int) field.max(flowClass, 0);
    int low = random.nextInt(bits == 16 ? 4 : max + 1);
    int high = bits == 16 && random.nextInt(4) == 0 ? max : random.nextInt(low, max + 1);
    return new ValueRange(low, bits == 16 && high < max ? Math.min(high, low + 2) : high);
  }

  /**
   * Returns all flows of a table whose fields have few values; of addresses and ports, those where
   * some rule begins, ends, or has just ended.
   */
  List<Flow> flows(RuleSet... sets) {
    List<Flow> flows = new ArrayList<>();
    for (int c = 0; c < table.classes(); c++) {
      List<Set<Long>> values = new ArrayList<>();
      for (int level = 0; level < table.levels(); level++) {
        values.add(values(c, level, sets));
      }
      add(flows, values, new long[table.levels()], 0);
    }
    return flows;
  }

  private Set<Long> values(int flowClass, int level, RuleSet... sets) {
    Set<Long> values = new TreeSet<>();
    if (level == 0 && table.classed()) {
      values.add((long) flowClass);
      return values;
    }
    long max = table.max(flowClass, level);
    values.add(0L);
    if (max > 0 && max < 16) {
      for (long value = 1; value <= max; value++) {
        values.add(value);
      }
      return values;
    }
    for (RuleSet set : sets) {
      for (FlowRule rule : set.rules()) {
        for (FlowRegion region : rule.regions()) {
          if (region.flowClass() == flowClass) {
            values.add(region.low(level));
            values.add(region.high(level));
            if (region.high(level) != max) {
              values.add(region.high(level) + 1);
            }
          }
        }
      }
    }
    return values;
  }

  private void add(List<Flow> to, List<Set<Long>> values, long[] key, int level) {
    if (level == key.length) {
      to.add(new Flow(table, key));
      return;
    }
    for (long value : values.get(level)) {
      key[level] = value;
      add(to, values, key, level + 1);
    }
  }
}
