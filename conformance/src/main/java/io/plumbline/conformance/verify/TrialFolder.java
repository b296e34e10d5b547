package io.plumbline.conformance.verify;

import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.Box;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.Side;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * One trial in a folder of its own, which {@code plumb replay FOLDER} runs again: {@code
 * trial.properties}, the frame as a capture, and the report.
 *
 * @param objectProgram the program that a foreign object stood in for; empty if none did
 * @param object that object's file; empty if none
 */
public record TrialFolder(
    Subject subject, Packet packet, String engine, String objectProgram, String object) {
  private static final String FILE = "trial.properties";

  /** Returns whether a path is such a folder. */
  public static boolean is(Path path) {
    return Files.isRegularFile(path.resolve(FILE));
  }

  /** Writes the folder. */
  public void write(Path folder, String report) throws IOException {
    Files.createDirectories(folder);
    List<String> lines = new ArrayList<>();
    if (subject instanceof Subject.Standalone alone) {
      lines.add("program=" + alone.program().name());
      lines.add("input=" + alone.input());
    } else if (subject instanceof Subject.Chained chained) {
      lines.add("chain=" + chained.chain());
    } else if (subject instanceof Subject.Intent intent) {
      int number = 0;
      for (Rule rule : intent.policy().rules()) {
        lines.add("rule.%d=%s %s".formatted(number++, rule.side().word(), text(rule)));
      }
    }
    lines.add("engine=" + engine);
    lines.add("frame=" + HexFormat.of().formatHex(packet.bytes()));
    packet.outsideTag().ifPresent(tag -> lines.add("outsideTag=" + tag.word()));
    if (!object.isEmpty()) {
      lines.add("objectProgram=" + objectProgram);
      lines.add("object=" + object.replace("\\", "\\\\"));
    }
    try (PcapWriter writer = new PcapWriter(folder.resolve("packet.pcap"))) {
      writer.write(packet);
      writer.commit();
    }
    Files.writeString(folder.resolve("report.txt"), report);
    Files.write(folder.resolve(FILE), lines);
  }

  /**
   * Reads a folder.
   *
   * @throws IOException if a file cannot be read or says something that cannot be; the message
   *     names the folder
   */
  public static TrialFolder read(Path folder) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(folder.resolve(FILE))) {
      properties.load(reader);
    }
    try {
      Packet packet = Packet.of(HexFormat.of().parseHex(properties.getProperty("frame", "")));
      Optional<String> tag = Optional.ofNullable(properties.getProperty("outsideTag"));
      if (tag.isPresent()) {
        packet = packet.withOutsideTag(VlanTag.ofWord(Integer.parseInt(tag.get())));
      }
      String chain = properties.getProperty("chain");
      Subject subject =
          properties.containsKey("rule.0")
              ? intent(properties, folder.resolve(FILE).toString())
              : chain == null
                  ? standalone(
                      properties.getProperty("program", ""), properties.getProperty("input", ""))
                  : chain(chain);
      return new TrialFolder(
          subject,
          packet,
          properties.getProperty("engine", ""),
          properties.getProperty("objectProgram", ""),
          properties.getProperty("object", ""));
    } catch (IllegalArgumentException | InputException | PolicyException e) {
      throw new IOException(folder.resolve(FILE) + ": " + e.getMessage(), e);
    }
  }

  private static Subject standalone(String name, String text) throws InputException {
    ProgramSpec program = program(name);
    return new Subject.Standalone(program, input(program, text));
  }

  /** A chain as it was run, without the rules for people: a harness also runs a stage alone. */
  private static Subject chain(String text) throws InputException {
    List<Chain.Stage> stages = new ArrayList<>();
    for (String entry : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      String[] parts = entry.split(":", 2);
      ProgramSpec program = program(parts[0]);
      stages.add(new Chain.Stage(program, input(program, parts.length == 2 ? parts[1] : "")));
    }
    return new Subject.Chained(new Chain(stages));
  }

  /** Returns a rule that says by itself what it matches, groups and names put in. */
  private static String text(Rule rule) {
    boolean plain =
        !(rule.selector().to() instanceof Selector.Host.Group
            || rule.selector().to() instanceof Selector.Host.Name
            || rule.selector().from() instanceof Selector.Host.Group
            || rule.selector().from() instanceof Selector.Host.Name);
    return plain ? rule.selector().toString() : Box.join(rule.boxes());
  }

  private static Subject intent(Properties properties, String file) throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (int i = 0; properties.containsKey("rule." + i); i++) {
      String[] words = properties.getProperty("rule." + i, "").split(" ", 2);
      Side side = words[0].equals(Side.PERMIT.word()) ? Side.PERMIT : Side.FORBID;
      for (String selector : words[words.length - 1].split(", ", -1)) {
        builder.rule(side, selector, new Position(file, i + 1, 1));
      }
    }
    return new Subject.Intent(builder.build());
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
