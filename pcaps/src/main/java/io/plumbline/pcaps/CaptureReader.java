package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Reads packets of a capture, in order and in bulk, in memory of bounded size. Those without an
 * Ethernet header get one: zero addresses, and the EtherType that their link header means.
 */
public interface CaptureReader extends AutoCloseable {

  /** Returns the link types of the packets read so far (classic pcap: of all), for a report. */
  String linkTypes();

  /**
   * Returns a message about packets that were left out because their link type is not read; empty
   * if there were none.
   */
  String refused();

  /**
   * Appends frames to a batch until it holds {@code frames}, or many bytes were added, or the layer
   * that packets begin with changes ({@link PacketBatch#firstLayer}), or the file ends.
   *
   * @return whether there may be more
   * @throws CaptureException where the file is cut off or malformed, or its link type is not read;
   *     the frames before that are in the batch
   * @throws IllegalArgumentException if the batch had frames before, of another layer
   */
  boolean read(PacketBatch batch, int frames) throws CaptureException;

  /**
   * Starts a file of packets of this capture, in its format, with their link headers, times, snap
   * length and interface. The packets are those of the batch that was read last.
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
