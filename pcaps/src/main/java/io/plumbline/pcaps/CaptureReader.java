package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads Ethernet frames of a capture, in order and in bulk, in memory of bounded size. */
public interface CaptureReader extends AutoCloseable {

  /** Returns the link types of the packets read so far (classic pcap: of all), for a report. */
  String linkTypes();

  /**
   * Returns a message about packets that were left out because they are no Ethernet frames; empty
   * if there were none.
   */
  String refused();

  /**
   * Appends frames to a batch until it holds {@code frames}, or many bytes were added, or the file
   * ends.
   *
   * @return whether there may be more
   * @throws CaptureException where the file is cut off or malformed, or has no Ethernet frames; the
   *     frames before that are in the batch
   */
  boolean read(PacketBatch batch, int frames) throws CaptureException;

  /**
   * Starts a file of frames of this capture, in its format, with their times, snap length and
   * interface. The frames are those of the batch that was read last.
   */
  CaptureWriter copyTo(Path file) throws IOException;

  @Override
  void close();

  /**
   * Opens a capture: classic pcap or pcapng, plain or compressed by gzip or zstd. The contents
   * decide, not the name.
   *
   * @param given a file, a pipe, or {@code -} for standard input
   */
  static CaptureReader open(Path given) throws CaptureException {
    boolean standard = given.toString().equals("-");
    String file = standard ? "standard input" : given.toString();
    if (Files.isDirectory(given)) {
      throw new CaptureException(file + ": is a directory: expected a capture file");
    }
    try {
      CaptureInput in =
          new CaptureInput(standard ? System.in : Files.newInputStream(given), PcapFormat.BUFFER);
      boolean kept = false;
      try {
        CaptureReader reader = CaptureFormats.reader(file, in);
        kept = true;
        return reader;
      } finally {
        if (!kept) {
          in.close();
        }
      }
    } catch (NoSuchFileException e) {
      throw new CaptureException(file + ": no such file");
    } catch (IOException e) {
      throw CaptureException.of(file, e);
    }
  }
}
