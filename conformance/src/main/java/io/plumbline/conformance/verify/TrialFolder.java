package io.plumbline.conformance.verify;

import io.plumbline.model.catalog.SystemCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.program.InputException;
import io.plumbline.pcaps.OutputFile;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

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

  /** Returns whether a path is such a folder. */
  public static boolean is(Path path) {
    return Files.isRegularFile(path.resolve(FILE));
  }

  /** Writes the folder. */
  public void write(Path folder, String report) throws IOException {
    Files.createDirectories(folder);
    Map<String, String> lines = new LinkedHashMap<>(subject.describe());
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
          SystemCatalog.read(values(properties), file),
          packet(properties),
          properties.getProperty("engine", ""),
          properties.getProperty("objectProgram", ""),
          properties.getProperty("object", ""));
    } catch (IllegalArgumentException | InputException | PolicyException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static Map<String, String> values(Properties properties) {
    Map<String, String> values = new HashMap<>();
    properties.stringPropertyNames().forEach(key -> values.put(key, properties.getProperty(key)));
    return values;
  }

  private static Packet packet(Properties properties) {
    byte[] bytes = HexFormat.of().parseHex(properties.getProperty("frame", ""));
    int wireLength =
        Integer.parseInt(properties.getProperty("wireLength", String.valueOf(bytes.length)));
    Packet packet = Packet.cut(bytes, wireLength);
    String tag = properties.getProperty("outsideTag", "");
    return tag.isEmpty() ? packet : packet.withOutsideTag(VlanTag.ofWord(Integer.parseInt(tag)));
  }
}
