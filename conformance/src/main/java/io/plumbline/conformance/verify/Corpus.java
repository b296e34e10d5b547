package io.plumbline.conformance.verify;

import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.CaptureException;
import io.plumbline.pcaps.CaptureReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Frames of captures, and a report of each file. Captured bytes are taken as whole frames: any
 * bytes make a test. Packets without an Ethernet header have one of zero addresses, so every hook
 * can be given them.
 */
public final class Corpus {
  /**
   * Report of one file.
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

  private static final int CHUNK = 4096;

  /** The frames are kept in memory, so there is a limit: a compressed file may hold anything. */
  private static final int MAX_BYTES =
      (int) Math.min(1 << 30, Runtime.getRuntime().maxMemory() / 4);

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
    long packets = 0;
    String linkType = "unknown";
    String reason = "";
    try (CaptureReader reader = CaptureReader.open(file)) {
      PacketBatch read = new PacketBatch(CHUNK, CHUNK * 256);
      boolean more = true;
      while (more) {
        read.clear();
        try {
          more = reader.read(read, CHUNK);
        } catch (CaptureException e) {
          reason = String.valueOf(e.getMessage());
          more = false;
        }
        if (read.capturedBytes() > MAX_BYTES - frames.capturedBytes()) {
          reason =
              file
                  + ": more than %d bytes of frames in all: the rest is not run"
                      .formatted(MAX_BYTES);
          break;
        }
        for (int i = 0; i < read.size(); i++) {
          int length = read.capturedLength(i);
          frames.add(read.data(), read.offset(i), length, length, 0);
        }
        packets += read.size();
      }
      linkType = reader.linkTypes();
      reason = reason(reader.refused(), reason);
    } catch (CaptureException e) {
      reason = String.valueOf(e.getMessage());
    }
    boolean run = packets > 0 || reason.isEmpty();
    files.add(new FileReport(file.toString(), linkType, packets, run, reason));
  }

  /**
   * Returns why not all packets of a file were run.
   *
   * @param refused packets of link types that are not read, or empty
   * @param damage where the file is damaged, or empty
   */
  public static String reason(String refused, String damage) {
    return refused + (refused.isEmpty() || damage.isEmpty() ? "" : "; ") + damage;
  }

  public PacketBatch frames() {
    return frames;
  }

  public List<FileReport> files() {
    return List.copyOf(files);
  }
}
