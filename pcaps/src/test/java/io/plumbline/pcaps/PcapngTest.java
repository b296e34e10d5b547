package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** pcapng: what belongs to each interface and section, and what a copy keeps. */
class PcapngTest {
  private static final int RAW = 101;
  private static final int WIRELESS = 127;
  private static final ByteOrder BIG = ByteOrder.BIG_ENDIAN;
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

  @TempDir private Path folder;

  private static byte[] frame(int length, int fill) {
    byte[] frame = new byte[length];
    Arrays.fill(frame, (byte) fill);
    return frame;
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static CaptureReader reader(byte[] bytes) throws CaptureException {
    return CaptureFormats.reader(
        "x", new CaptureInput(new ByteArrayInputStream(bytes), PcapFormat.BUFFER));
  }

  private static String readInto(PacketBatch batch, byte[] bytes) throws CaptureException {
    try (CaptureReader reader = reader(bytes)) {
      while (reader.read(batch, Integer.MAX_VALUE)) {}
      return reader.refused();
    }
  }

  private static List<Packet> packets(byte[] bytes) throws CaptureException {
    PacketBatch batch = new PacketBatch();
    assertThat(readInto(batch, bytes)).isEmpty();
    List<Packet> packets = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      packets.add(batch.packet(i));
    }
    return packets;
  }

  /** Returns a copy of all frames. */
  private byte[] copy(byte[] bytes) throws CaptureException, IOException {
    Path file = folder.resolve("copy");
    try (CaptureReader reader = reader(bytes);
        CaptureWriter writer = reader.copyTo(file)) {
      PacketBatch batch = new PacketBatch();
      boolean more = true;
      while (more) {
        batch.clear();
        more = reader.read(batch, 2);
        for (int i = 0; i < batch.size(); i++) {
          writer.write(batch, i);
        }
      }
      writer.commit();
    }
    return Files.readAllBytes(file);
  }

  private static byte[] mixed() {
    return new PcapngFile()
        .section(LITTLE)
        .on(1, 100, 2, text("eth0"), 9, new byte[] {9})
        .on(RAW, 200, 2, text("wg0"))
        .block(0x80000001, new byte[13])
        .enhanced(0, 1_700_000_000_123_456_789L, 60, frame(42, 1))
        .block(4, new byte[8])
        .simple(30, frame(30, 2))
        .simple(300, frame(100, 3))
        .block(0xBAD, new byte[24])
        .block(10, frame(20, 9))
        .section(BIG)
        .on(1, 65535)
        .on(1, 0, 9, new byte[] {(byte) 0x8A}, 14, ByteBuffer.allocate(8).putLong(3600).array())
        .enhanced(1, 0x1_2345_6789L, 64, frame(64, 4))
        .obsolete(0, 77, 65, frame(65, 5))
        .block(5, new byte[12])
        .bytes();
  }

  @Test
  void numbersBelongToTheirSectionAndInterface() throws Exception {
    assertThat(packets(mixed()))
        .containsExactly(
            Packet.cut(frame(42, 1), 60),
            Packet.of(frame(30, 2)),
            Packet.cut(frame(100, 3), 300),
            Packet.of(frame(64, 4)),
            Packet.of(frame(65, 5)));
  }

  @Test
  void aCopyKeepsTimesSnapLengthsAndInterfaces() throws Exception {
    byte[] offset = ByteBuffer.allocate(8).order(LITTLE).putLong(3600).array();
    assertThat(copy(mixed()))
        .isEqualTo(
            new PcapngFile()
                .section(LITTLE)
                .on(1, 100, 2, text("eth0"), 9, new byte[] {9})
                .enhanced(0, 1_700_000_000_123_456_789L, 60, frame(42, 1))
                .enhanced(0, 0, 30, frame(30, 2))
                .enhanced(0, 0, 300, frame(100, 3))
                .on(1, 0, 9, new byte[] {(byte) 0x8A}, 14, offset)
                .enhanced(1, 0x1_2345_6789L, 64, frame(64, 4))
                .on(1, 65535)
                .enhanced(2, 77, 65, frame(65, 5))
                .bytes());
  }

  @Test
  void onlyPacketsOfALinkTypeThatIsNotReadAreLeftOut() throws Exception {
    byte[] file =
        new PcapngFile()
            .section(LITTLE)
            .on(WIRELESS, 0, 2, text("wg0\n"))
            .on(1, 0)
            .on(258, 0)
            .enhanced(0, 0, 60, frame(60, 1))
            .enhanced(1, 0, 60, frame(60, 2))
            .enhanced(2, 0, 60, frame(60, 3))
            .enhanced(0, 0, 60, frame(60, 4))
            .bytes();
    PacketBatch batch = new PacketBatch();
    assertThat(readInto(batch, file))
        .isEqualTo(
            "x: 2 packets of interface 0 (wg0?) have link type IEEE802_11_RADIOTAP (127): expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture without monitor mode; 1 packet of interface 2 has link type PKTAP (258): expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture on a network interface with such packets");
    assertThat(batch.size()).isEqualTo(1);
    assertThat(batch.packet(0)).isEqualTo(Packet.of(frame(60, 2)));
  }

  @Test
  void cutOffAnywhereThePacketsBeforeAreRead() throws Exception {
    byte[] whole = mixed();
    PacketBatch all = new PacketBatch();
    int ends = 0;
    for (int length = 4; length <= whole.length; length++) {
      PacketBatch batch = new PacketBatch();
      try {
        readInto(batch, Arrays.copyOf(whole, length));
        ends++;
      } catch (CaptureException e) {
        assertThat(e.getMessage())
            .matches("x: block \\d+ at byte \\d+: cut off: \\d+ bytes: expected \\d+");
      }
      assertThat(batch.size()).isBetween(all.size(), all.size() + 1);
      all = batch;
    }
    assertThat(all.size()).isEqualTo(5);
    // A file may end after each of its 16 blocks.
    assertThat(ends).isEqualTo(16);
  }

  @Test
  void damageIsNamed() {
    PcapngFile start = new PcapngFile().section(LITTLE);
    int at = start.bytes().length;
    byte[] magic = start.bytes();
    magic[8] = 0;
    byte[] version = start.bytes();
    version[12] = 2;
    byte[] length = new PcapngFile().section(LITTLE).block(5, new byte[4]).bytes();
    length[length.length - 4]++;
    byte[] odd = new PcapngFile().section(LITTLE).block(5, new byte[4]).bytes();
    odd[at + 4]++;
    byte[] small = start.bytes();
    small[4] = 24;
    byte[] captured =
        new PcapngFile().section(LITTLE).on(1, 0).enhanced(0, 0, 9, new byte[8]).bytes();
    captured[at + 20 + 20] = 9;
    byte[][] files = {
      magic,
      version,
      length,
      odd,
      small,
      captured,
      new PcapngFile().section(LITTLE).enhanced(0, 0, 1, new byte[1]).bytes(),
      new PcapngFile().section(LITTLE).on(1, 0).enhanced(2, 0, 1, new byte[1]).bytes(),
      new PcapngFile().section(LITTLE).on(1, 0, 9, new byte[2]).bytes(),
      new PcapngFile().section(LITTLE).on(1, 0).block(6, new byte[600_000]).bytes(),
    };
    String[] messages = {
      "block 1 at byte 0: byte-order magic 0x003c2b1a: expected 0x1a2b3c4d in either order",
      "block 1 at byte 0: pcapng version 2.0: expected 1",
      "block 2 at byte 28: block length 16, at its end 17: expected the same",
      "block 2 at byte 28: block length 17: expected a multiple of 4 from 12",
      "block 1 at byte 0: block length 24: expected a multiple of 4 from 28",
      "block 3 at byte 48: captured length 9: expected 0..8",
      "block 2 at byte 28: interface 0: expected an interface description first",
      "block 3 at byte 48: interface 2: expected 0..0",
      "block 2 at byte 28: option 9 has 2 bytes: expected 1",
      "block 3 at byte 48: block length 600012: expected at most 524288 in a block of this type",
    };
    for (int i = 0; i < files.length; i++) {
      byte[] file = files[i];
      assertThatThrownBy(() -> readInto(new PacketBatch(), file))
          .isInstanceOf(CaptureException.class)
          .hasMessage("x: " + messages[i]);
    }
  }

  @Test
  void longBlocksWithoutPacketsArePassedOver() throws Exception {
    byte[] file =
        new PcapngFile()
            .section(LITTLE)
            .block(10, new byte[3_000_000])
            .on(1, 0)
            .enhanced(0, 0, 60, frame(60, 1))
            .bytes();
    assertThat(packets(file)).containsExactly(Packet.of(frame(60, 1)));
  }

  @Property(tries = 2000)
  void changedBytesEndInOneErrorOrNone(@ForAll long seed) {
    Random random = new Random(seed);
    byte[] bytes = mixed();
    for (int i = 1 + random.nextInt(5); i > 0; i--) {
      int at = random.nextInt(bytes.length);
      bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : bytes[at] ^ 1 << i);
    }
    byte[] file =
        Arrays.copyOf(bytes, random.nextInt(5) == 0 ? random.nextInt(bytes.length) : bytes.length);
    Assertions.assertTimeout(
        Duration.ofSeconds(5),
        () -> {
          try (CaptureReader reader = reader(file)) {
            PacketBatch batch = new PacketBatch();
            while (reader.read(batch, Integer.MAX_VALUE)) {
              batch.clear();
            }
          } catch (CaptureException e) {
            assertThat(e.getMessage()).startsWith("x: ").doesNotContain("\n");
          }
        });
  }
}
