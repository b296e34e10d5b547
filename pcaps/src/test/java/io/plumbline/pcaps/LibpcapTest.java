package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.model.packet.PacketBatch;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapHandle.TimestampPrecision;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;

/** Our readers and writers beside libpcap's, which tcpdump uses. */
class LibpcapTest {
  @TempDir private Path folder;

  /**
   * What libpcap reads of a file.
   *
   * @param packets a line for each: time, lengths, bytes
   * @param error why it ended early, or empty
   */
  private record Contents(int linkType, int snapLength, List<String> packets, String error) {}

  private static Contents libpcap(Path file) {
    try {
      PcapHandle handle = Pcaps.openOffline(file.toString(), TimestampPrecision.NANO);
      List<String> packets = new ArrayList<>();
      String error = "";
      try {
        while (error.isEmpty()) {
          packets.add(packet(handle));
        }
      } catch (EOFException e) {
        // The file ends.
      } catch (PcapNativeException | NotOpenException | TimeoutException e) {
        error = String.valueOf(e.getMessage());
      }
      int linkType = handle.getDlt() == null ? -1 : handle.getDlt().value();
      Contents contents = new Contents(linkType, handle.getSnapshot(), packets, error);
      handle.close();
      return contents;
    } catch (PcapNativeException | NotOpenException e) {
      return new Contents(-1, 0, List.of(), String.valueOf(e.getMessage()));
    }
  }

  private static String packet(PcapHandle handle)
      throws PcapNativeException, NotOpenException, EOFException, TimeoutException {
    try {
      byte[] bytes = handle.getNextRawPacketEx();
      int length = Math.max(bytes.length, handle.getOriginalLength());
      return "%s %d %d %08x"
          .formatted(
              handle.getTimestamp().toInstant(), bytes.length, length, Arrays.hashCode(bytes));
    } catch (IllegalArgumentException e) {
      return "a time that pcap4j has no value for";
    }
  }

  /** Copies the frames of a capture and returns how many there are. */
  private static long copy(Path file, Path copy, List<String> errors) throws IOException {
    long packets = 0;
    try (CaptureReader reader = CaptureReader.open(file);
        CaptureWriter writer = reader.copyTo(copy)) {
      PacketBatch batch = new PacketBatch();
      boolean more = true;
      while (more) {
        batch.clear();
        try {
          more = reader.read(batch, 100);
        } catch (CaptureException e) {
          errors.add(e.getMessage());
          more = false;
        }
        for (int i = 0; i < batch.size(); i++) {
          writer.write(batch, i);
        }
        packets += batch.size();
      }
      if (!reader.refused().isEmpty()) {
        errors.add(reader.refused());
      }
      writer.commit();
    } catch (CaptureException e) {
      errors.add(e.getMessage());
    }
    return packets;
  }

  /**
   * Asserts that we read and copy a capture as libpcap reads it; returns false if its link type is
   * not read.
   */
  private boolean agrees(Path file) throws IOException {
    Contents expected = libpcap(file);
    Path copy = folder.resolve("copy");
    Files.deleteIfExists(copy);
    List<String> errors = new ArrayList<>();
    long packets = copy(file, copy, errors);
    if (errors.stream().anyMatch(error -> error.contains(" link type "))) {
      return false;
    }
    String what = "%s: libpcap '%s', ours %s".formatted(file, expected.error, errors);
    assertThat(packets).as(what).isEqualTo(expected.packets.size());
    assertThat(errors.isEmpty()).as(what).isEqualTo(expected.error.isEmpty());
    Contents copied = libpcap(copy);
    assertThat(copied.packets).as(what).isEqualTo(expected.packets);
    assertThat(copied.snapLength).as(what).isEqualTo(expected.snapLength);
    assertThat(copied.error).as(what).isEmpty();
    assertThat(copied.linkType).as(what).isEqualTo(expected.linkType);
    return true;
  }

  @Test
  void ourCapturesAreReadAlike() throws IOException {
    assertThat(agrees(Path.of("corpora", "traffic.pcap"))).isTrue();
    for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
      PcapngFile file = new PcapngFile().section(order);
      int[] resolutions = {6, 9, 3, 0x8A};
      for (int i = 0; i < resolutions.length; i++) {
        byte[] offset = file.body(8).putLong(7200L * i).array();
        file.on(LinkType.ETHERNET, 200, 9, new byte[] {(byte) resolutions[i]}, 14, offset);
      }
      for (int i = 0; i < resolutions.length; i++) {
        file.enhanced(i, 0x1_0000_1234L + i, 60, new byte[60 - i]);
        file.obsolete(i, 0x1_0000_1234L + i, 60, new byte[60 - i]).simple(50, new byte[50]);
      }
      byte[] bytes = file.bytes();
      assertThat(agrees(Files.write(folder.resolve("whole.pcapng"), bytes))).isTrue();
      byte[] cut = Arrays.copyOf(bytes, bytes.length - 5);
      assertThat(agrees(Files.write(folder.resolve("cut.pcapng"), cut))).isTrue();
      ByteBuffer classic = ByteBuffer.allocate(24 + 24 + 60).order(order);
      for (int version : new int[] {2, 3, 4}) {
        classic.clear().putInt(0xA1B2CD34).putShort((short) 2).putShort((short) version);
        classic.putLong(0).putInt(40).putInt(0xF400_0001);
        classic.putInt(5).putInt(6).putInt(version == 2 ? 70 : 60).putInt(version == 2 ? 60 : 70);
        assertThat(agrees(Files.write(folder.resolve("patched.pcap"), classic.array()))).isTrue();
      }
    }
  }

  /** Captures of others, where they are: a folder that a property names, or beside the checkout. */
  @Test
  void otherCapturesAreReadAlike() throws IOException {
    Path captures = Path.of(System.getProperty("plumb.captures", "../../shared/pcaps/tcpdump"));
    assumeTrue(Files.isDirectory(captures), () -> captures + ": not there");
    List<Path> files;
    try (Stream<Path> found = Files.list(captures)) {
      files = found.filter(f -> f.toString().matches(".*\\.pcap(ng)?")).sorted().toList();
    }
    int read = 0;
    for (Path file : files) {
      read += agrees(file) ? 1 : 0;
    }
    System.out.printf("%d of %d captures are read: the same%n", read, files.size());
  }
}
