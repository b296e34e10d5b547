package io.plumbline.loader.cni;

import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.ruleset.Effect;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Network configuration of one plugin. Besides traffico's {@code program}, {@code input} and {@code
 * attachPoint} it has {@code chain} (a string), {@code allow}, {@code permit}, {@code forbid} and
 * {@code block} (lists of selectors), {@code policy} (the path of a policy file), {@code interface}
 * (the name of an interface of {@code prevResult}) and {@code target} ({@code container} or {@code
 * first}).
 */
record NetworkConfig(Json json) {
  /** CNI versions that are supported, oldest first. */
  static final List<String> VERSIONS = List.of("0.3.1", "0.4.0", "1.0.0", "1.1.0");

  private static final String DEFAULT_VERSION = "1.0.0";

  /** Keys of the CNI specification 1.1.0, sections 1 and 3, in a plugin's configuration. */
  private static final Set<String> STANDARD =
      Set.of(
          "cniVersion",
          "cniVersions",
          "name",
          "type",
          "args",
          "ipMasq",
          "ipam",
          "dns",
          "prevResult",
          "capabilities",
          "runtimeConfig",
          "disableCheck",
          "disableGC",
          "loadOnlyInlinedPlugins");

  private static final String STANDARD_PREFIX = "cni.dev/";
  private static final Set<String> TRAFFICO = Set.of("program", "input", "attachPoint");
  private static final List<String> PERMITS = List.of("allow", "permit");
  private static final List<String> FORBIDS = List.of("forbid", "block");
  private static final Set<String> ADDED =
      Set.of("chain", "allow", "permit", "forbid", "block", "policy", "interface", "target");
  private static final int MAX_QUOTED = 100;

  /** What the CNI specification 1.1.0 says of the name of a network and the id of a container. */
  static final String NAME = "a letter or digit, then letters, digits, '_', '.' or '-'";

  static NetworkConfig parse(String text) throws CniException {
    try {
      return new NetworkConfig(Json.parse(text));
    } catch (IOException e) {
      throw new CniException(CniException.DECODE, "Error parsing JSON");
    }
  }

  String version() {
    return json.text("cniVersion").orElse(DEFAULT_VERSION);
  }

  String network() {
    return json.text("name").orElse("");
  }

  /** Returns the source in the description of a filter: network, container and interface. */
  static String key(String network, String container, String ifname) {
    return "cni %s %s %s".formatted(word(network), word(container), word(ifname));
  }

  static boolean isName(String text) {
    return text.matches("[A-Za-z0-9][A-Za-z0-9_.-]*");
  }

  static String word(String text) {
    return text.isEmpty() ? "-" : text.replace(' ', '_');
  }

  /** Requires a version and keys that this plugin knows, each key once. */
  void requireKnown() throws CniException {
    Optional<Json> version = json.get("cniVersion");
    if (version.isPresent() && !VERSIONS.contains(json.text("cniVersion").orElse(""))) {
      throw new CniException(
          CniException.VERSION,
          "incompatible CNI version",
          "cniVersion: %s: expected one of %s".formatted(quoted(version.get()), VERSIONS));
    }
    requirePlain(json, "");
    // The original takes a configuration without a name; no runtime makes one.
    if (json.get("name").isPresent() ? !isName(network()) : !dropIn()) {
      throw invalid("name", NAME);
    }
    if (!(json instanceof Json.Obj object)) {
      return;
    }
    for (Map.Entry<String, Json> entry : object.entries()) {
      String key = entry.getKey();
      if (!STANDARD.contains(key) && !key.startsWith(STANDARD_PREFIX) && !ownKeys().contains(key)) {
        throw new CniException(
            CniException.FIELD,
            "unsupported field '%s'".formatted(abbreviated(key)),
            "%s: %s: %s".formatted(abbreviated(key), quoted(entry.getValue()), expectedKey(key)));
      }
    }
  }

  private static Set<String> ownKeys() {
    Set<String> keys = new TreeSet<>(TRAFFICO);
    keys.addAll(ADDED);
    return keys;
  }

  private static String expectedKey(String key) {
    return EditDistance.nearest(key, ownKeys())
        .map(near -> "did you mean %s?".formatted(near))
        .orElse("expected one of %s, or a key of the CNI specification".formatted(ownKeys()));
  }

  /** Requires that no object has a key twice, and that no text has a NUL, which ends it in C. */
  private static void requirePlain(Json value, String path) throws CniException {
    if (value instanceof Json.Text text) {
      requireNoNul(text.value(), path);
    } else if (value instanceof Json.Arr array) {
      for (int i = 0; i < array.items().size(); i++) {
        requirePlain(array.items().get(i), "%s[%d]".formatted(path, i));
      }
    } else if (value instanceof Json.Obj object) {
      Set<String> seen = new HashSet<>();
      for (Map.Entry<String, Json> entry : object.entries()) {
        String key = entry.getKey();
        requireNoNul(key, path);
        String inner = path.isEmpty() ? key : path + "." + key;
        if (!seen.add(key)) {
          throw configuration("duplicate field '%s'".formatted(abbreviated(inner)));
        }
        requirePlain(entry.getValue(), inner);
      }
    }
  }

  private static void requireNoNul(String text, String path) throws CniException {
    if (text.indexOf('\0') >= 0) {
      throw new CniException(
          CniException.CONFIGURATION,
          "invalid field '%s'".formatted(abbreviated(path)),
          "%s: %s: expected no \\u0000".formatted(abbreviated(path), quoted(new Json.Text(text))));
    }
  }

  private static String quoted(Json value) {
    return abbreviated(JsonText.line(value));
  }

  private static String abbreviated(String text) {
    return text.length() <= MAX_QUOTED ? text : text.substring(0, MAX_QUOTED) + "...";
  }

  /** Returns whether the original's keys are all that is used: it may be written for traffico. */
  boolean dropIn() {
    return ADDED.stream().noneMatch(key -> json.get(key).isPresent());
  }

  /** Requires exactly one filter, and fields of the right type. */
  void requireFilter() throws CniException {
    List<String> filters = new ArrayList<>();
    for (String key : List.of("program", "chain", "policy")) {
      json.get(key).ifPresent(value -> filters.add(key));
    }
    List<String> selectors = new ArrayList<>(PERMITS);
    selectors.addAll(FORBIDS);
    for (String key : selectors) {
      requireSelectors(key);
    }
    selectors.stream().filter(key -> json.get(key).isPresent()).findFirst().ifPresent(filters::add);
    if (filters.isEmpty() || filters.get(0).equals("program") && json.text("program").isEmpty()) {
      throw configuration("Missing or invalid field 'program'");
    }
    if (filters.size() > 1) {
      throw new CniException(
          CniException.CONFIGURATION,
          "invalid field '%s'".formatted(filters.get(1)),
          "%s: '%s' is given too: expected one of program, chain, policy or selectors (allow, forbid)"
              .formatted(filters.get(1), filters.get(0)));
    }
    if (!filters.get(0).equals("program") && json.get("input").isPresent()) {
      throw invalid("input", "it without '%s', or 'program'".formatted(filters.get(0)));
    }
    for (String key : List.of("chain", "policy", "interface", "attachPoint")) {
      if (json.get(key).isPresent() && json.text(key).orElse("").isEmpty()) {
        throw invalid(key, "a string that is not empty");
      }
    }
    if (json.get("target").isPresent()
        && (json.get("interface").isPresent()
            || !Set.of("container", "first").contains(json.text("target").orElse("")))) {
      throw invalid("target", "\"container\" or \"first\", without 'interface'");
    }
  }

  private void requireSelectors(String key) throws CniException {
    Optional<Json> list = json.get(key);
    if (list.isPresent()
        && (json.items(key).isEmpty() || json.texts(key).size() < json.items(key).size())) {
      throw invalid(key, "a list of one selector or more, each a string");
    }
  }

  private CniException invalid(String key, String expected) {
    return new CniException(
        CniException.CONFIGURATION,
        "invalid field '%s'".formatted(key),
        "%s: %s: expected %s"
            .formatted(key, json.get(key).map(NetworkConfig::quoted).orElse("missing"), expected));
  }

  private List<String> selectors(Effect effect) {
    List<String> all = new ArrayList<>();
    for (String key : effect == Effect.ACCEPT ? PERMITS : FORBIDS) {
      all.addAll(json.texts(key));
    }
    return all;
  }

  Json previousResult() throws CniException {
    return json.get("prevResult")
        .filter(Json.Obj.class::isInstance)
        .orElseThrow(() -> configuration("Could not find prevResult in JSON"));
  }

  /** Returns the interface to filter. */
  Target target(Map<String, String> environment) throws CniException {
    Json interfaces =
        previousResult()
            .get("interfaces")
            .filter(Json.Arr.class::isInstance)
            .orElseThrow(() -> configuration("Failed to get interfaces"));
    List<Target> all = new ArrayList<>();
    for (Json item : ((Json.Arr) interfaces).items()) {
      String name = item.text("name").orElseThrow(() -> configuration("Failed to get ifname"));
      Optional<String> sandbox = item.text("sandbox");
      if (item.get("sandbox").isPresent() && sandbox.isEmpty()) {
        throw new CniException(
            CniException.CONFIGURATION,
            "Failed to get interfaces",
            "%s: sandbox: expected a string".formatted(name));
      }
      all.add(new Target(name, sandbox.orElse("")));
    }
    if (all.isEmpty()) {
      throw configuration("Failed to get default interface");
    }
    if (takesFirst()) {
      return new Target(all.get(0).ifname(), "");
    }
    Optional<String> wanted = json.text("interface");
    return wanted.isPresent()
        ? Target.named(wanted.get(), all, environment)
        : Target.ofContainer(all, environment, dropIn());
  }

  /** Returns whether the original's choice is asked for: the first interface, in no sandbox. */
  boolean takesFirst() {
    return json.text("target").equals(Optional.of("first"));
  }

  /**
   * Returns the keys of the attachments that the runtime still knows.
   *
   * @throws CniException if the list is missing or not understood as a whole: everything that is
   *     not in it is removed
   */
  Set<String> validAttachments() throws CniException {
    String list = "cni.dev/valid-attachments";
    if (network().isEmpty()) {
      throw invalid("name", "the name of the network");
    }
    if (json.get(list).filter(Json.Arr.class::isInstance).isEmpty()) {
      throw invalid(list, "a list");
    }
    Set<String> valid = new HashSet<>();
    for (Json attachment : json.items(list)) {
      String container = attachment.text("containerID").orElse("");
      String ifname = attachment.text("ifname").orElse("");
      if (container.isEmpty() || ifname.isEmpty()) {
        throw invalid(list, "containerID and ifname, each a string, in every item");
      }
      valid.add(key(network(), container, ifname));
    }
    return valid;
  }

  /** Returns the side of the interface; empty if {@code attachPoint} names neither. */
  Optional<Direction> direction() {
    String point = json.text("attachPoint").orElse("EGRESS").toLowerCase(Locale.ROOT);
    for (Direction direction : Direction.values()) {
      if (direction.word().equals(point)) {
        return Optional.of(direction);
      }
    }
    return Optional.empty();
  }

  /** Returns the filter. */
  Subject subject() throws CniException {
    Optional<String> program = json.text("program");
    if (program.isPresent()) {
      return standalone(program.get());
    }
    Optional<String> chain = json.text("chain");
    try {
      if (chain.isPresent()) {
        return new Subject.Chained(ChainSyntax.parse(chain.get()));
      }
      Optional<String> file = json.text("policy");
      return file.isPresent() ? ofFile(Path.of(file.get())) : ofSelectors();
    } catch (InputException e) {
      throw configuration(String.valueOf(e.getMessage()));
    } catch (PolicyException e) {
      throw configuration(e.problem());
    }
  }

  private Subject standalone(String name) throws CniException {
    ProgramSpec program =
        ProgramCatalog.find(name)
            .orElseThrow(
                () -> new CniException(CniException.CONFIGURATION, "Unknown program", name));
    Optional<Json> input = json.get("input");
    if (input.isEmpty()) {
      if (program.grammar() != InputGrammar.NONE) {
        throw configuration("program requires an 'input' field");
      }
      return new Subject.Standalone(program, new Input.None());
    }
    String text =
        json.text("input").orElseThrow(() -> configuration("'input' field must be a string"));
    try {
      return new Subject.Standalone(program, program.grammar().parse(text));
    } catch (InputException e) {
      throw configuration(String.valueOf(e.getMessage()));
    }
  }

  private Subject ofSelectors() throws PolicyException {
    PolicyBuilder builder =
        new PolicyBuilder(network(), direction().orElse(Direction.EGRESS), Optional.empty());
    for (Effect effect : Effect.values()) {
      for (String selector : selectors(effect)) {
        builder.rule(effect, selector, Position.option(Rule.word(effect)));
      }
    }
    return new Subject.Intent(builder.build());
  }

  private Subject ofFile(Path path) throws CniException {
    try {
      PolicyFile file = PolicyFile.read(path);
      Subject subject =
          new Subject.Intent(file.policy(direction().orElse(Direction.EGRESS), Optional.empty()));
      if (!file.errors().isEmpty()) {
        throw configuration(String.valueOf(file.errors().get(0).getMessage()));
      }
      return subject;
    } catch (IOException e) {
      throw configuration(String.valueOf(e.getMessage()));
    }
  }

  private static CniException configuration(String message) {
    return new CniException(CniException.CONFIGURATION, message);
  }
}
