package io.plumbline.loader.policy;

import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.SelectorParser;
import io.plumbline.model.policy.Side;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * A policy file: YAML 1.2 of the shape that {@link #schema()} describes. Errors carry line and
 * column.
 *
 * <pre>
 * version: 1
 * name: quarantine
 * groups:
 *   resolvers: [10.0.0.53, "[2001:db8::53]"]
 * egress:
 *   permit:
 *     - arp
 *     - dns/@resolvers
 *     - {rule: tcp/10.0.0.0/8:443, name: internal-https, comment: proxies and services}
 *   forbid:
 *     - tcp/10.0.0.1:443
 * </pre>
 */
public final class PolicyFile {
  private static final int MAX_CODE_POINTS = 64 << 20;
  private static final Set<String> TOP =
      Set.of("version", "name", "comment", "groups", "egress", "ingress");
  private static final Set<String> RULE = Set.of("rule", "name", "comment");

  /** A rule as written. */
  private record Written(Side side, String name, String comment, String text, Position position) {}

  private final String file;
  private final Map<String, List<Selector.Host>> groups = new LinkedHashMap<>();
  private final Map<Direction, List<Written>> sections = new EnumMap<>(Direction.class);
  private final List<PolicyException> errors = new ArrayList<>();
  private String name = "";

  private PolicyFile(String file) {
    this.file = file;
  }

  /** Returns the JSON Schema of policy files, draft 2020-12. */
  public static String schema() {
    try (InputStream in = PolicyFile.class.getResourceAsStream("policy.schema.json")) {
      if (in == null) {
        throw new IllegalStateException("policy.schema.json is not on the class path");
      }
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("policy.schema.json cannot be read", e);
    }
  }

  /**
   * Reads a file. What is wrong in its content is in {@link #errors()}.
   *
   * @param given {@code -} for standard input
   * @throws IOException if it cannot be read; the message names it
   */
  public static PolicyFile read(Path given) throws IOException {
    Path path = given.toString().equals("-") ? Path.of("/dev/stdin") : given;
    String text;
    try {
      text = Files.readString(path);
    } catch (java.nio.charset.CharacterCodingException e) {
      throw new IOException(path + ": not UTF-8 text: expected a YAML policy file", e);
    } catch (java.nio.file.NoSuchFileException e) {
      throw new IOException(path + ": no such file", e);
    } catch (IOException e) {
      throw new IOException(path + ": cannot be read: " + e.getMessage(), e);
    }
    PolicyFile policy = new PolicyFile(path.toString());
    policy.parse(text);
    return policy;
  }

  /** Returns everything wrong that was found so far, in the order of the file. */
  public List<PolicyException> errors() {
    List<PolicyException> sorted = new ArrayList<>(errors);
    sorted.sort(
        Comparator.<PolicyException>comparingInt(e -> e.position().line())
            .thenComparingInt(e -> e.position().column()));
    return sorted;
  }

  /** Returns the directions that the file has a section for. */
  public Set<Direction> directions() {
    return sections.isEmpty() ? EnumSet.noneOf(Direction.class) : EnumSet.copyOf(sections.keySet());
  }

  /** Returns the policy of one direction; rules that are wrong are left out and are errors. */
  public Policy policy(Direction direction, Optional<PolicyBuilder.Resolver> resolver) {
    PolicyBuilder builder = new PolicyBuilder(name, direction, resolver);
    groups.forEach(builder::group);
    for (Written rule : sections.getOrDefault(direction, List.of())) {
      try {
        builder.rule(rule.side, rule.name, rule.comment, rule.text, rule.position);
      } catch (PolicyException e) {
        errors.add(e);
      }
    }
    return builder.build();
  }

  private void parse(String text) {
    LoadSettings settings =
        LoadSettings.builder().setLabel(file).setCodePointLimit(MAX_CODE_POINTS).build();
    try {
      Optional<Node> root = new Compose(settings).composeString(text);
      if (root.isEmpty()) {
        errors.add(new PolicyException(new Position(file, 1, 1), "empty: expected a policy"));
        return;
      }
      document(root.get());
    } catch (MarkedYamlEngineException e) {
      Position place = e.getProblemMark().map(this::position).orElse(new Position(file, 1, 1));
      errors.add(new PolicyException(place, "YAML: " + e.getProblem()));
    } catch (StackOverflowError e) {
      // The YAML reader descends into every level; a policy has few.
      errors.add(new PolicyException(new Position(file, 1, 1), "YAML: nested too deeply"));
    } catch (YamlEngineException e) {
      String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      errors.add(new PolicyException(new Position(file, 1, 1), "YAML: " + message));
    }
  }

  private void document(Node root) {
    Map<String, Node> top = mapping(root, TOP, "policy");
    Node version = top.get("version");
    if (version == null) {
      error(root, "version: expected 1");
    } else if (!scalar(version, "version").equals("1")) {
      error(version, "version: '%s': expected 1".formatted(scalar(version, "version")));
    }
    name = top.containsKey("name") ? scalar(top.get("name"), "name") : "";
    if (top.containsKey("comment")) {
      scalar(top.get("comment"), "comment");
    }
    if (top.containsKey("groups")) {
      groups(top.get("groups"));
    }
    for (Direction direction : Direction.values()) {
      if (top.containsKey(direction.word())) {
        section(direction, top.get(direction.word()));
      }
    }
    if (sections.isEmpty() && errors.isEmpty()) {
      error(root, "policy: expected a section egress or ingress");
    }
  }

  private void groups(Node node) {
    for (Map.Entry<String, Node> group : mapping(node, Set.of(), "groups").entrySet()) {
      if (!group.getKey().matches("[A-Za-z][A-Za-z0-9_-]*")) {
        error(
            group.getValue(),
            "group: '%s': expected a letter, then letters, digits, - or _"
                .formatted(group.getKey()));
      }
      List<Selector.Host> hosts = new ArrayList<>();
      for (Node member : items(group.getValue(), "group " + group.getKey())) {
        try {
          hosts.add(SelectorParser.parseHost(scalar(member, "host"), position(member)));
        } catch (PolicyException e) {
          errors.add(e);
        }
      }
      groups.put(group.getKey(), hosts);
    }
  }

  private void section(Direction direction, Node node) {
    List<Written> rules = new ArrayList<>();
    Map<String, Node> sides = mapping(node, Set.of("permit", "forbid"), direction.word());
    for (Side side : Side.values()) {
      if (sides.containsKey(side.word())) {
        for (Node item : items(sides.get(side.word()), side.word())) {
          rule(side, item).ifPresent(rules::add);
        }
      }
    }
    sections.put(direction, rules);
  }

  private Optional<Written> rule(Side side, Node item) {
    if (item instanceof ScalarNode) {
      return Optional.of(new Written(side, "", "", scalar(item, "rule"), position(item)));
    }
    boolean mapping = item instanceof MappingNode;
    Map<String, Node> fields = mapping ? mapping(item, RULE, "rule") : Map.of();
    Node text = fields.get("rule");
    if (text == null) {
      error(item, "rule: expected a selector, or a mapping with the key rule");
      return Optional.empty();
    }
    String ruleName = fields.containsKey("name") ? scalar(fields.get("name"), "name") : "";
    String comment = fields.containsKey("comment") ? scalar(fields.get("comment"), "comment") : "";
    return Optional.of(new Written(side, ruleName, comment, scalar(text, "rule"), position(text)));
  }

  /** Returns the entries of a mapping; keys that are unknown or come twice are errors. */
  private Map<String, Node> mapping(Node node, Set<String> known, String what) {
    Map<String, Node> entries = new LinkedHashMap<>();
    if (!(node instanceof MappingNode mapping)) {
      error(node, what + ": expected a mapping");
      return entries;
    }
    Map<String, Node> keys = new HashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      String key = scalar(tuple.getKeyNode(), what + ": key");
      if (!known.isEmpty() && !known.contains(key)) {
        error(
            tuple.getKeyNode(),
            "%s: unknown key '%s': expected one of %s"
                .formatted(what, key, new java.util.TreeSet<>(known)));
      } else if (keys.put(key, tuple.getKeyNode()) != null) {
        error(tuple.getKeyNode(), "%s: key '%s' comes twice".formatted(what, key));
      } else {
        entries.put(key, tuple.getValueNode());
      }
    }
    return entries;
  }

  private List<Node> items(Node node, String what) {
    if (node instanceof SequenceNode sequence) {
      return sequence.getValue();
    }
    // A key with nothing behind it is an empty list.
    if (node instanceof ScalarNode scalar && scalar.getValue().isEmpty()) {
      return List.of();
    }
    error(node, what + ": expected a list");
    return List.of();
  }

  private String scalar(Node node, String what) {
    if (!(node instanceof ScalarNode scalar)) {
      error(node, what + ": expected text");
      return "";
    }
    // A block scalar ends with a line break that its author does not mean.
    String text = scalar.getValue().strip();
    if (text.chars().anyMatch(Character::isISOControl)) {
      error(node, what + ": '" + text + "': expected no control characters");
      return "";
    }
    return text;
  }

  private void error(Node node, String problem) {
    errors.add(new PolicyException(position(node), problem));
  }

  /** Returns the place of a node's first character, behind its quote if it has one. */
  private Position position(Node node) {
    Position start = node.getStartMark().map(this::position).orElse(new Position(file, 1, 1));
    return node instanceof ScalarNode scalar && isQuoted(scalar) ? start.plus(1) : start;
  }

  private static boolean isQuoted(ScalarNode scalar) {
    return switch (scalar.getScalarStyle()) {
      case DOUBLE_QUOTED, SINGLE_QUOTED -> true;
      case PLAIN, LITERAL, FOLDED, JSON_SCALAR_STYLE -> false;
    };
  }

  private Position position(Mark mark) {
    return new Position(file, mark.getLine() + 1, mark.getColumn() + 1);
  }
}
