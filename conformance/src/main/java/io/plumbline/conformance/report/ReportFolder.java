package io.plumbline.conformance.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.pcaps.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The folder of {@code verify --report}: {@code index.html}, {@code report.json}, and {@code
 * trends.jsonl} with a line for each run so far. Each file is complete or as it was.
 */
public final class ReportFolder {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private ReportFolder() {}

  /** Writes the report of a run. */
  public static void write(Path folder, Map<String, Object> report) throws IOException {
    Files.createDirectories(folder);
    JsonNode tree = MAPPER.valueToTree(report);
    Path trendFile = folder.resolve("trends.jsonl");
    List<JsonNode> trends = new ArrayList<>();
    if (Files.exists(trendFile)) {
      for (String line : Files.readAllLines(trendFile)) {
        trends.add(MAPPER.readTree(line));
      }
    }
    ObjectNode summary = MAPPER.createObjectNode();
    summary.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    for (String key : List.of("seed", "seconds", "trials", "disagreements")) {
      summary.set(key, tree.path(key));
    }
    trends.add(summary);
    StringBuilder lines = new StringBuilder();
    for (JsonNode run : trends) {
      lines.append(MAPPER.writeValueAsString(run)).append('\n');
    }
    ObjectMapper indented = MAPPER.copy().enable(SerializationFeature.INDENT_OUTPUT);
    put(folder.resolve("report.json"), indented.writeValueAsString(tree) + "\n");
    put(folder.resolve("index.html"), HtmlReport.of(tree, trends));
    put(trendFile, lines.toString());
  }

  private static void put(Path file, String text) throws IOException {
    OutputFile.write(file, OutputFile.Readers.UMASK, text);
  }
}
