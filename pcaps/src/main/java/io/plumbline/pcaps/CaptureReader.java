package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads frames of a capture file, in order and in bulk. */
public interface CaptureReader extends AutoCloseable {

  /** Returns the link type that the file names. */
  int linkType();

  /**
   * Appends frames to a batch until it holds {@code frames} or the file ends.
   *
   * @return whether there may be more
   * @throws CaptureException where the file is cut off or malformed; the frames before that are in
   *     the batch
   */
  boolean read(PacketBatch batch, int frames) throws CaptureException;

  @Override
  void close();

  /**
   * Opens a capture: classic pcap by our own reader, pcapng by libpcap.
   *
   * @param given a file, a pipe (not of pcapng), or {@code -} for standard input
   */
  static CaptureReader open(Path given) throws CaptureException {
    Path file = given.toString().equals("-") ? Path.of("/dev/stdin") : given;
    ByteBuffer magic = ByteBuffer.allocate(4);
    if (Files.isDirectory(file)) {
      throw new CaptureException(file + ": is a directory: expected a capture file");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw new CaptureException(file + ": no such file");
    } catch (IOException e) {
      throw new CaptureException(file + ": cannot be read: " + e.getMessage());
    }
    boolean kept = false;
    try {
      while (magic.hasRemaining() && channel.read(magic) >= 0) {}
      CaptureReader reader = of(file, channel, magic);
      kept = reader instanceof PcapReader;
      return reader;
    } catch (IOException e) {
      throw new CaptureException(file + ": cannot be read: " + e.getMessage());
    } finally {
      if (!kept) {
        PcapReader.close(channel);
      }
    }
  }

  private static CaptureReader of(Path file, FileChannel channel, ByteBuffer magic)
      throws CaptureException, IOException {
    if (magic.hasRemaining()) {
      throw new CaptureException(
          "%s: not a capture: %d bytes: expected pcap or pcapng".formatted(file, magic.position()));
    }
    int number = magic.getInt(0);
    if (number == PcapngReader.SECTION_HEADER) {
      if (!Files.isRegularFile(file)) {
        throw new CaptureException(file + ": pcapng from a pipe: expected a file, or classic pcap");
      }
      return PcapngReader.open(file);
    }
    if (PcapFormat.ofMagic(number) != null) {
      return new PcapReader(file, channel, magic);
    }
    throw new CaptureException(
        "%s: not a capture: starts with 0x%08x: expected pcap or pcapng".formatted(file, number));
  }
}
