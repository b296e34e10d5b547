package io.plumbline.loader.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.SelectorParser;
import io.plumbline.model.ruleset.Effect;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.FileSystemException;
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
import java.util.regex.Pattern;
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
import org.snakeyaml.engine.v2.nodes.Tag;

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
  private static final int MAX_BYTES = 32 << 20;
  private static final int MAX_LINE = 1 << 20;

  /** Files that are open already, which may be pipes. */
  private static final Pattern OPEN =
      Pattern.compile("/dev/(stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+");

  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}(\\.[0-9]{1,9}){0,2}");
  private static final Pattern VERSION_LINE =
      Pattern.compile("(?m)^\\s*\\{?\\s*[\"']?version[\"']?\\s*:\\s*1\\b");
  private static final Set<Tag> TAGS = Set.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL, Tag.NULL);
  private static final Set<String> TOP =
      Set.of("version", "name", "comment", "groups", "egress", "ingress");
  private static final Set<String> RULE = Set.of("rule", "name", "comment");

  /** A rule as written. */
  private record Written(
      Effect effect, String name, String comment, String text, Position position) {}

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
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("policy.schema.json cannot be read", e);
    }
  }

  /**
   * Reads a file. What is wrong in its content is in {@link #errors()}. Content is quoted there
   * only if it is that of a policy: the reader may have more rights than the user who named it.
   *
   * @param given {@code -} for standard input
   * @throws IOException if it cannot be read; the message names it
   */
  public static PolicyFile read(Path given) throws IOException {
    Path path = given.toString().equals("-") ? Path.of("/dev/stdin") : given;
    PolicyFile policy = new PolicyFile(path.toString());
    policy.parse(text(path));
    return policy;
  }

  private static String text(Path path) throws IOException {
    if (Files.notExists(path)) {
      throw new IOException(path + ": no such file");
    }
    // Opening a named pipe may wait, and a device may have no end.
    if (Files.exists(path)
        && !Files.isRegularFile(path)
        && !OPEN.matcher(path.toString()).matches()) {
      throw new IOException(
          path
              + ": %s: expected a file"
                  .formatted(Files.isDirectory(path) ? "a directory" : "a device or pipe"));
    }
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new IOException(
            path + ": larger than %d MiB: expected a policy file".formatted(MAX_BYTES >> 20));
      }
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(path + ": not UTF-8 text: expected a YAML policy file", e);
    } catch (FileSystemException e) {
      throw new IOException(
          "%s: cannot be read: %s"
              .formatted(path, e.getReason() == null ? "permission denied" : e.getReason()),
          e);
    }
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

  /**
   * Returns the policy of one direction; a missing section and rules that are wrong are errors, and
   * wrong rules are left out.
   */
  public Policy policy(Direction direction, Optional<PolicyBuilder.Resolver> resolver) {
    if (!sections.containsKey(direction) && errors.isEmpty()) {
      errors.add(
          new PolicyException(
              start(),
              "no section %s: expected one, or the direction %s"
                  .formatted(direction.word(), directions().iterator().next().word())));
    }
    PolicyBuilder builder = new PolicyBuilder(name, direction, resolver);
    groups.forEach(builder::group);
    for (Written rule : sections.getOrDefault(direction, List.of())) {
      try {
        builder.rule(rule.effect, rule.name, rule.comment, rule.text, rule.position);
      } catch (PolicyException e) {
        errors.add(e);
      }
    }
    return builder.build();
  }

  private Position start() {
    return new Position(file, 1, 1);
  }

  private void parse(String text) {
    if (!hasShortLines(text)) {
      return;
    }
    LoadSettings settings =
        LoadSettings.builder()
            .setLabel(file)
            .setCodePointLimit(MAX_BYTES)
            // A buffer that is refilled within a line is copied each time.
            .setBufferSize(text.length() + 2)
            .build();
    try {
      Optional<Node> root = new Compose(settings).composeString(text);
      if (root.isEmpty()) {
        errors.add(new PolicyException(start(), "empty: expected a policy"));
        return;
      }
      document(root.get());
    } catch (MarkedYamlEngineException e) {
      // Some problems only end a sentence that the context begins.
      String problem =
          e.getProblem().startsWith("but ")
              ? e.getContext() + " " + e.getProblem()
              : e.getProblem();
      notYaml(e.getProblemMark().map(this::position).orElse(start()), problem, text);
    } catch (StackOverflowError e) {
      // The YAML reader descends into every level; a policy has few.
      errors.add(new PolicyException(start(), "YAML: nested too deeply"));
    } catch (YamlEngineException e) {
      notYaml(start(), String.valueOf(e.getMessage()).lines().findFirst().orElse(""), text);
    }
  }

  private boolean hasShortLines(String text) {
    int number = 1;
    for (int from = 0; from < text.length(); number++) {
      int end = text.indexOf('\n', from);
      int length = (end < 0 ? text.length() : end) - from;
      if (length > MAX_LINE) {
        errors.add(
            new PolicyException(
                new Position(file, number, 1),
                "line: %d characters: expected at most %d".formatted(length, MAX_LINE)));
        return false;
      }
      from += length + 1;
    }
    return true;
  }

  /** Adds an error of the YAML reader, whose words may be those of the file. */
  private void notYaml(Position place, String problem, String text) {
    boolean policy = VERSION_LINE.matcher(text).find();
    errors.add(
        new PolicyException(
            place, policy ? "YAML: " + problem : "not YAML: expected a policy with version: 1"));
  }

  private void document(Node root) {
    Optional<Node> version = version(root);
    if (version.isEmpty()) {
      error(root, "version: missing: expected a policy with version: 1");
      return;
    }
    String number = version.get() instanceof ScalarNode scalar ? scalar.getValue() : "not text";
    if (!number.equals("1")) {
      String shown =
          NUMBER.matcher(number).matches()
              ? "'%s'".formatted(number)
              : number.isEmpty()
                  ? "empty"
                  : number.matches("[0-9.]+") ? "another number" : "not a number";
      error(version.get(), "version: %s: expected 1".formatted(shown));
      return;
    }
    Map<String, Node> top = mapping(root, TOP, "policy");
    name = scalar(top, "name");
    scalar(top, "comment");
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

  /** Returns the version; without one the file may be anything, and nothing of it is quoted. */
  private static Optional<Node> version(Node root) {
    return root instanceof MappingNode mapping
        ? mapping.getValue().stream()
            .filter(
                t -> t.getKeyNode() instanceof ScalarNode key && key.getValue().equals("version"))
            .map(NodeTuple::getValueNode)
            .findFirst()
        : Optional.empty();
  }

  private void groups(Node node) {
    long members = 0;
    for (Map.Entry<String, Node> group : mapping(node, Set.of(), "groups").entrySet()) {
      if (!group.getKey().matches("[A-Za-z][A-Za-z0-9_-]*")) {
        error(
            group.getValue(),
            "group: '%s': expected a letter, then letters, digits, - or _"
                .formatted(group.getKey()));
      }
      int before = errors.size();
      List<Selector.Host> hosts = new ArrayList<>();
      List<Node> nodes = items(group.getValue(), "group " + group.getKey());
      members += nodes.size();
      if (members > Policy.MAX_REGIONS) {
        // Aliases can make more than the file has.
        error(group.getValue(), "groups: expected at most %d hosts".formatted(Policy.MAX_REGIONS));
        return;
      }
      for (Node member : nodes) {
        Optional<String> text = scalar(member, "host");
        try {
          if (text.isPresent()) {
            hosts.add(SelectorParser.parseHost(text.get(), position(member)));
          }
        } catch (PolicyException e) {
          errors.add(e);
        }
      }
      // A group that is wrong stands for any host, so that the rules with it are not wrong too.
      groups.put(
          group.getKey(), errors.size() == before ? hosts : List.of(new Selector.Host.Any()));
    }
  }

  private void section(Direction direction, Node node) {
    List<Written> rules = new ArrayList<>();
    Map<String, Node> sides = mapping(node, Set.of("permit", "forbid"), direction.word());
    for (Effect effect : Effect.values()) {
      String word = Rule.word(effect);
      if (sides.containsKey(word)) {
        for (Node item : items(sides.get(word), word)) {
          rule(effect, item).ifPresent(rules::add);
        }
      }
    }
    sections.put(direction, rules);
  }

  private Optional<Written> rule(Effect effect, Node item) {
    if (item instanceof ScalarNode) {
      return scalar(item, "rule").map(text -> new Written(effect, "", "", text, position(item)));
    }
    boolean mapping = item instanceof MappingNode;
    Map<String, Node> fields = mapping ? mapping(item, RULE, "rule") : Map.of();
    Node text = fields.get("rule");
    if (text == null) {
      error(item, "rule: expected a selector, or a mapping with the key rule");
      return Optional.empty();
    }
    String ruleName = scalar(fields, "name");
    String comment = scalar(fields, "comment");
    return scalar(text, "rule")
        .map(selector -> new Written(effect, ruleName, comment, selector, position(text)));
  }

  /** Returns the entries of a mapping; keys that are unknown or come twice are errors. */
  private Map<String, Node> mapping(Node node, Set<String> known, String what) {
    Map<String, Node> entries = new LinkedHashMap<>();
    requireNoTag(node, what);
    if (!(node instanceof MappingNode mapping)) {
      error(node, what + ": expected a mapping");
      return entries;
    }
    Map<String, Node> keys = new HashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      Optional<String> text = scalar(tuple.getKeyNode(), what + ": key");
      if (text.isEmpty()) {
        continue;
      }
      String key = text.get();
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
    requireNoTag(node, what);
    if (node instanceof SequenceNode sequence) {
      return sequence.getValue();
    }
    // A key without a value, or with null, is an empty list.
    if (node instanceof ScalarNode scalar
        && !isQuoted(scalar)
        && List.of("", "null").contains(scalar.getValue())) {
      return List.of();
    }
    error(node, what + ": expected a list");
    return List.of();
  }

  /** Refuses a tag, which asks for another type than the one written. */
  private void requireNoTag(Node node, String what) {
    String tag = node.getTag().getValue();
    boolean written =
        switch (node.getNodeType()) {
          case MAPPING -> tag.equals(Tag.MAP.getValue());
          case SEQUENCE -> tag.equals(Tag.SEQ.getValue());
          default -> TAGS.contains(node.getTag());
        };
    if (!written) {
      error(node, "%s: tag '%s': expected none".formatted(what, tag));
    }
  }

  /** Returns the text of an entry; empty if there is none, or if it is wrong. */
  private String scalar(Map<String, Node> entries, String key) {
    Node node = entries.get(key);
    return node == null ? "" : scalar(node, key).orElse("");
  }

  /** Returns a text; nothing if it is an error. */
  private Optional<String> scalar(Node node, String what) {
    requireNoTag(node, what);
    if (!(node instanceof ScalarNode scalar)) {
      error(node, what + ": expected text");
      return Optional.empty();
    }
    // A block scalar ends with a line break that its author does not mean.
    String text = scalar.getValue().strip();
    if (text.chars().anyMatch(Character::isISOControl)) {
      error(node, what + ": '" + text + "': expected no control characters");
      return Optional.empty();
    }
    return Optional.of(text);
  }

  private void error(Node node, String problem) {
    errors.add(new PolicyException(position(node), problem));
  }

  /** Returns the place of a node's first character, after its quote if it has one. */
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
