package io.plumbline.conformance.verify;

import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.CaptureException;
import io.plumbline.pcaps.CaptureReader;
import io.plumbline.pcaps.LinkType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Frames of captures, and what became of each file. Captured bytes are taken as whole frames: any
 * bytes make a test.
 */
public final class Corpus {
  /**
   * What became of one file.
   *
   * @param run whether its frames are in the corpus
   * @param reason why not, or why not all; empty if all is well
   */
  public record FileReport(String path, String linkType, long packets, boolean run, String reason) {
    /** Returns the entry of the JSON report. */
    public Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("path", path);
      map.put("linkType", linkType);
      map.put("packets", packets);
      map.put("run", run);
      map.put("reason", reason);
      return map;
    }
  }

  private final PacketBatch frames = new PacketBatch();
  private final List<FileReport> files = new ArrayList<>();

  private Corpus() {}

  /** Reads files, and all files of folders, by name. */
  public static Corpus read(List<Path> paths) {
    Corpus corpus = new Corpus();
    for (Path path : paths) {
      if (!Files.isDirectory(path)) {
        corpus.readFile(path);
        continue;
      }
      try (Stream<Path> found = Files.walk(path)) {
        found.filter(Files::isRegularFile).sorted().forEach(corpus::readFile);
      } catch (IOException e) {
        corpus.files.add(new FileReport(path.toString(), "unknown", 0, false, "cannot be listed"));
      }
    }
    return corpus;
  }

  private void readFile(Path file) {
    PacketBatch read = new PacketBatch();
    String linkType = "unknown";
    String reason = "";
    boolean run = false;
    try (CaptureReader reader = CaptureReader.open(file)) {
      linkType = LinkType.describe(reader.linkType());
      run = reader.linkType() == LinkType.ETHERNET;
      if (!run) {
        reason = "link type is not Ethernet";
      }
      while (reader.read(read, Integer.MAX_VALUE)) {}
    } catch (CaptureException e) {
      reason = (reason.isEmpty() ? "" : reason + "; ") + e.getMessage();
    }
    if (run) {
      for (int i = 0; i < read.size(); i++) {
        frames.add(read.data(), read.offset(i), read.capturedLength(i), read.capturedLength(i), 0);
      }
    }
    files.add(new FileReport(file.toString(), linkType, read.size(), run, reason));
  }

  public PacketBatch frames() {
    return frames;
  }

  public List<FileReport> files() {
    return List.copyOf(files);
  }
}
