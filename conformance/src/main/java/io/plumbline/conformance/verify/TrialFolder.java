package io.plumbline.conformance.verify;

import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.SelectorParser;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.pcaps.OutputFile;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One trial in its own folder, which {@code plumb replay FOLDER} runs again: {@code
 * trial.properties}, the frame as a capture, and the report.
 *
 * @param objectProgram the program that a foreign object stood in for; empty if none did
 * @param object that object's file; empty if none
 */
public record TrialFolder(
    Subject subject, Packet packet, String engine, String objectProgram, String object) {
  private static final String FILE = "trial.properties";
  private static final String PROGRAM = "program";
  private static final String CHAIN = "chain";
  private static final String INTENT = "intent";
  private static final String ROWS = "intent_rows";

  /** Returns whether a path is such a folder. */
  public static boolean is(Path path) {
    return Files.isRegularFile(path.resolve(FILE));
  }

  /** Writes the folder. */
  public void write(Path folder, String report) throws IOException {
    Files.createDirectories(folder);
    Map<String, String> lines = new LinkedHashMap<>();
    if (subject instanceof Subject.Standalone alone) {
      lines.put("subject", PROGRAM);
      lines.put("program", alone.program().name());
      lines.put("input", alone.input().toString());
    } else if (subject instanceof Subject.Chained chained) {
      lines.put("subject", CHAIN);
      lines.put("chain", chained.chain().toString());
    } else if (subject instanceof Subject.Intent intent) {
      lines.put("subject", INTENT);
      put(lines, intent.policy());
    } else if (subject instanceof Subject.IntentRows rows) {
      lines.put("subject", ROWS);
      put(lines, rows.policy());
    }
    lines.put("hook", subject.hook().name());
    lines.put("engine", engine);
    lines.put("frame", HexFormat.of().formatHex(packet.bytes()));
    lines.put("wireLength", String.valueOf(packet.wireLength()));
    packet.outsideTag().ifPresent(tag -> lines.put("outsideTag", String.valueOf(tag.word())));
    if (!object.isEmpty()) {
      lines.put("objectProgram", objectProgram);
      lines.put("object", object);
    }
    try (PcapWriter writer = new PcapWriter(folder.resolve("packet.pcap"))) {
      writer.write(packet);
      writer.commit();
    }
    OutputFile.write(folder.resolve("report.txt"), OutputFile.Readers.OWNER, report);
    StringBuilder text = new StringBuilder();
    lines.forEach((key, value) -> text.append(key + "=" + escape(value) + "\n"));
    OutputFile.write(folder.resolve(FILE), OutputFile.Readers.OWNER, text.toString());
  }

  private static String escape(String value) {
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r");
  }

  /** Adds a policy, with the addresses that its groups and names stand for. */
  private static void put(Map<String, String> lines, Policy policy) {
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
   * Reads a folder.
   *
   * @throws IOException if a file cannot be read or has a value that is not allowed; the message
   *     names the file
   */
  public static TrialFolder read(Path folder) throws IOException {
    Properties properties = new Properties();
    String file = folder.resolve(FILE).toString();
    try (Reader reader = Files.newBufferedReader(folder.resolve(FILE))) {
      properties.load(reader);
      return new TrialFolder(
          subject(properties, file).at(hook(properties)),
          packet(properties),
          properties.getProperty("engine", ""),
          properties.getProperty("objectProgram", ""),
          properties.getProperty("object", ""));
    } catch (IllegalArgumentException | InputException | PolicyException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static Hook hook(Properties properties) {
    String name = properties.getProperty("hook", Hook.usual().name());
    return Hook.find(name)
        .orElseThrow(() -> new IllegalArgumentException("hook: '" + name + "': there is none"));
  }

  private static Packet packet(Properties properties) {
    byte[] bytes = HexFormat.of().parseHex(properties.getProperty("frame", ""));
    int wireLength =
        Integer.parseInt(properties.getProperty("wireLength", String.valueOf(bytes.length)));
    Packet packet = Packet.cut(bytes, wireLength);
    String tag = properties.getProperty("outsideTag", "");
    return tag.isEmpty() ? packet : packet.withOutsideTag(VlanTag.ofWord(Integer.parseInt(tag)));
  }

  private static Subject subject(Properties properties, String file)
      throws InputException, PolicyException {
    String kind = properties.getProperty("subject", "");
    return switch (kind) {
      case PROGRAM ->
          standalone(properties.getProperty("program", ""), properties.getProperty("input", ""));
      case CHAIN -> chain(properties.getProperty("chain", ""));
      case INTENT -> new Subject.Intent(policy(properties, file));
      case ROWS -> new Subject.IntentRows(policy(properties, file));
      default ->
          throw new IllegalArgumentException(
              "subject: '%s': expected %s, %s, %s or %s"
                  .formatted(kind, PROGRAM, CHAIN, INTENT, ROWS));
    };
  }

  private static Subject standalone(String name, String text) throws InputException {
    ProgramSpec program = program(name);
    return new Subject.Standalone(program, input(program, text));
  }

  /** Reads a chain without the rules of its syntax: a harness also runs a stage alone. */
  private static Subject chain(String text) throws InputException {
    List<Chain.Stage> stages = new ArrayList<>();
    for (String entry : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      String[] parts = entry.split(":", 2);
      ProgramSpec program = program(parts[0]);
      stages.add(new Chain.Stage(program, input(program, parts.length == 2 ? parts[1] : "")));
    }
    return new Subject.Chained(new Chain(stages));
  }

  private static Policy policy(Properties properties, String file) throws PolicyException {
    Direction direction =
        properties.getProperty("direction", "").equals(Direction.INGRESS.word())
            ? Direction.INGRESS
            : Direction.EGRESS;
    Map<String, List<Prefix>> resolved = new HashMap<>();
    Map<String, List<Selector.Host>> groups = new HashMap<>();
    for (String key : properties.stringPropertyNames()) {
      String[] parts = key.split("\\.", 2);
      List<Selector.Host> members = new ArrayList<>();
      if (parts[0].equals("group") || parts[0].equals("host")) {
        for (String one : properties.getProperty(key, "").split(" ", -1)) {
          members.add(SelectorParser.parseHost(one, new Position(file, 1, 1)));
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
            properties.getProperty("policy", ""),
            direction,
            Optional.of(host -> resolved.getOrDefault(host, List.of())));
    groups.forEach(builder::group);
    for (int i = 0; properties.containsKey("rule." + i); i++) {
      String[] words = properties.getProperty("rule." + i, "").split(" ", 2);
      builder.rule(
          Rule.effectOf(words[0]),
          properties.getProperty("name." + i, ""),
          properties.getProperty("comment." + i, ""),
          words[words.length - 1],
          new Position(file, i + 1, 1));
    }
    return builder.build();
  }

  private static ProgramSpec program(String name) {
    return ProgramCatalog.find(name)
        .orElseThrow(() -> new IllegalArgumentException("unknown program: '" + name + "'"));
  }

  private static Input input(ProgramSpec program, String text) throws InputException {
    return program.grammar() == InputGrammar.NONE
        ? new Input.None()
        : program.grammar().parse(text);
  }
}
