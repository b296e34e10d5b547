package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What is written is read back, and damaged files end in one error, never in another exception. */
class PcapRoundTripTest {
  private static PacketBatch readAll(Path file) throws CaptureException {
    PacketBatch batch = new PacketBatch();
    try (CaptureReader reader = CaptureReader.open(file)) {
      while (reader.read(batch, Integer.MAX_VALUE)) {}
    }
    return batch;
  }

  @Property(tries = 200)
  void writtenFramesAreReadBack(
      @ForAll @Size(max = 20) List<@Size(max = 300) byte[]> frames,
      @ForAll @IntRange(max = 99) int more)
      throws IOException, CaptureException {
    Path file = Files.createTempFile("plumb", ".pcap");
    try (PcapWriter writer = new PcapWriter(file)) {
      for (byte[] frame : frames) {
        writer.write(Packet.cut(frame, frame.length + more));
      }
      writer.commit();
      PacketBatch read = readAll(file);
      assertThat(read.size()).isEqualTo(frames.size());
      for (int i = 0; i < read.size(); i++) {
        assertThat(read.packet(i))
            .isEqualTo(Packet.cut(frames.get(i), frames.get(i).length + more));
      }
    } finally {
      Files.delete(file);
    }
  }

  @Property(tries = 500)
  void damagedFilesEndInOneError(@ForAll long seed, @ForAll @IntRange(max = 400) int length)
      throws IOException {
    Random random = new Random(seed);
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    int[] magics = {0xA1B2C3D4, 0xA1B23C4D, 0xD4C3B2A1, 0x4D3CB2A1};
    if (length >= 4) {
      ByteBuffer.wrap(bytes).putInt(magics[random.nextInt(4)]);
    }
    Path file = Files.write(Files.createTempFile("plumb", ".pcap"), bytes);
    try {
      readAll(file);
    } catch (CaptureException e) {
      assertThat(e.getMessage()).startsWith(file.toString()).doesNotContain("\n");
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void bothByteOrdersAreRead() throws IOException, CaptureException {
    for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
      byte[] bytes =
          ByteBuffer.allocate(24 + 16 + 3)
              .order(order)
              .putInt(0xA1B2C3D4)
              .putShort((short) 2)
              .putShort((short) 4)
              .putLong(0)
              .putInt(65535)
              .putInt(1)
              .putLong(0)
              .putInt(3)
              .putInt(60)
              .put(new byte[] {1, 2, 3})
              .array();
      Path file = Files.write(Files.createTempFile("plumb", ".pcap"), bytes);
      assertThat(readAll(file).packet(0)).isEqualTo(Packet.cut(new byte[] {1, 2, 3}, 60));
      Files.delete(file);
    }
  }

  @Test
  void packetTextReadsLikeThePacket() {
    assertThat(PacketText.parse("eth vlan(5) ipv4(192.0.2.1) ihl(6) udp(1024,53)"))
        .isEqualTo(PacketBuilder.eth().vlan(5).ipv4("192.0.2.1").ihl(6).udp(1024, 53).build());
    assertThatCode(() -> PacketText.parse("eth foo(1)"))
        .hasMessage("packet text: word 'foo': not known");
  }

  @Test
  void aPipeIsReadLikeAFile() throws Exception {
    Path folder = Files.createTempDirectory("plumb");
    Path file = folder.resolve("a.pcap");
    Path pipe = folder.resolve("pipe");
    try (PcapWriter writer = new PcapWriter(file)) {
      writer.write(Packet.of(new byte[60]));
      writer.write(Packet.of(new byte[1000]));
      writer.commit();
    }
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Process cat =
        new ProcessBuilder("sh", "-c", "cat \"$0\" > \"$1\"", file.toString(), pipe.toString())
            .start();
    try {
      assertThat(readAll(pipe).size()).isEqualTo(2);
    } finally {
      cat.destroy();
      Files.delete(pipe);
      Files.delete(file);
      Files.delete(folder);
    }
  }
}
