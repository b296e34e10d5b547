package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets of each link type as frames, whole and cut, and their copies. */
class LinkHeaderTest {
  private static final String IP = "45000014";
  private static final String IP6 = "60000000";
  private static final String NO_MACS = "00".repeat(12);
  private static final int WIRELESS = 127;
  private static final int MORE_ON_THE_WIRE = 7;

  /** Every link type that is read. */
  private static final int[] ALL = {
    0, 1, 8, 9, 12, 14, 50, 51, 100, 101, 104, 106, 107, 108, 109, 113, 117, 138, 166, 204, 226,
    228, 229, 239, 240, 242, 276, 281, 282, 284, 285
  };

  @TempDir private Path folder;

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  private static CaptureReader reader(byte[] file) throws CaptureException {
    return CaptureFormats.reader(
        "x", new CaptureInput(new ByteArrayInputStream(file), PcapFormat.BUFFER));
  }

  /** A classic capture of packets that were longer on the wire. */
  private static byte[] classic(int linkType, byte[]... packets) {
    int size = 24 + Arrays.stream(packets).mapToInt(packet -> 16 + packet.length).sum();
    ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    file.putInt(PcapFormat.MICROSECONDS).putShort((short) 2).putShort((short) 4).putLong(0);
    file.putInt(200).putInt(linkType);
    for (byte[] packet : packets) {
      file.putInt(1_700_000_000).putInt(5);
      file.putInt(packet.length).putInt(packet.length + MORE_ON_THE_WIRE).put(packet);
    }
    return file.array();
  }

  private static PacketBatch read(byte[] file) throws CaptureException {
    PacketBatch batch = new PacketBatch();
    try (CaptureReader reader = reader(file)) {
      while (reader.read(batch, Integer.MAX_VALUE)) {}
    }
    return batch;
  }

  private static Packet one(int linkType, byte[] packet) throws CaptureException {
    PacketBatch batch = read(classic(linkType, packet));
    assertThat(batch.size()).isEqualTo(1);
    assertThat(batch.firstLayer()).isEqualTo(LinkType.layer(linkType));
    return batch.packet(0);
  }

  /** Link header, EtherType and payload; without a payload the IP packet follows the header. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0   | 02000000 | 0800 |
          0   | 00000002 | 0800 |
          0   | 18000000 | 86dd |
          0   | 0000001c | 86dd |
          0   | 1e000000 | 86dd |
          0   | 07000000 | 0000 |
          0   | 00010002 | 0000 |
          108 | 00000002 | 0800 |
          108 | 00000018 | 86dd |
          109 | 02000000 00000001 00000002 | 0800 |
          12  | | 0800 |
          14  | | 0800 |
          101 | | 0800 |
          101 | | 86dd | 60000000
          101 | | 0000 | 55000000
          228 | | 0800 | 60000000
          229 | | 86dd | 45000000
          113 | 0000 0001 0006 0242c0000201 0000 0800 | 0800 |
          113 | 0000 0001 0006 0242c0000201 0000 0806 | 0806 | 0001
          113 | 0000 0001 0006 0242c0000201 0000 8100 | 8100 | 000586dd60
          113 | 0003 0001 0006 0242c0000201 0000 0004 | 0004 | 424203
          276 | 86dd 0000 00000002 0001 00 06 0242c00002010000 | 86dd |
          9   | ff03 0021 | 0800 |
          9   | 0057 | 86dd |
          9   | ff03 21 | 0800 |
          9   | 0281 | 8847 | 00001140
          9   | ff03 c021 | 0000 | 0101
          50  | ff03 0021 | 0800 |
          50  | 0f00 0800 | 0800 |
          50  | 8f00 8035 | 8035 | 0001
          51  | 1100 0001 0016 0021 | 0800 |
          51  | 1100 0001 0018 0057 | 86dd |
          51  | | 8864 | 110000010006c0210101
          51  | | 8863 | 11090000000401010000
          166 | 0003 0021 | 0800 |
          204 | 01 ff03 0021 | 0800 |
          204 | 00 57 | 86dd |
          104 | 0f00 0800 | 0800 |
          104 | 0f00 86dd | 86dd |
          107 | 1841 03 cc | 0800 |
          107 | 1841 03 8e | 86dd |
          107 | 1841 03 00 80 000000 0800 | 0800 |
          107 | 1841 0800 | 0800 |
          107 | 18400003 03 cc | 0800 |
          107 | 0001 03 08 | 0000 | 0075
          100 | aaaa03 000000 0800 | 0800 |
          100 | fefe03 cc | 0800 |
          100 | aaaa03 0080c2 0007 | 0000 | 0000
          100 | | 0004 | 424203
          106 | aaaa03 000000 86dd | 86dd |
          106 | | 0800 |
          8   | 00 000102030405060708090a0b0c0d0e | 0800 |
          117 | 05 02 00 00 00000000 | 0800 |
          117 | 08 1e 00 00 00000000 | 86dd |
          138 | 00010203040506070001020304050607 0800 | 0800 |
          226 | 02 02 0000 0000000000000000 0000000000000000 00000000 | 0800 |
          226 | 02 1a 0000 0000000000000000 0000000000000000 00000000 | 86dd |
          239 | 02 00 0000 0800 0100 0800 0003 0500 0a00 78000000 1800 0900 | 0800 |
          239 | 0a 00 0000 0008 0001 86dd 0103 0008 0009 | 86dd |
          239 | 03 00 0000 0008 0009 | 0806 | 0001
          242 | 0000000000000000000000000000000000000000000000000000000000000000ffffffffffffffff 86dd 0000 | 86dd |
          """)
  void aPacketBecomesAFrame(int linkType, String header, String type, String payload)
      throws Exception {
    String rest = payload != null ? payload : type.equals("86dd") ? IP6 : IP;
    byte[] packet = bytes((header == null ? "" : header) + rest);
    byte[] frame = bytes(NO_MACS + type + rest);
    assertThat(one(linkType, packet)).isEqualTo(Packet.cut(frame, frame.length + MORE_ON_THE_WIRE));
  }

  /** Link header, frame, both in hexadecimal: a switch's tag is taken out. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          1   | 000102030405060708090a0b080045 | 000102030405060708090a0b080045
          240 | 01020304 000102030405060708090a0b080045 | 000102030405060708090a0b080045
          281 | 000102030405060708090a0b 20000001 080045 | 000102030405060708090a0b080045
          282 | 20000001 000102030405060708090a0b080045 | 000102030405060708090a0b080045
          284 | 000102030405060708090a0b c0080000 080045 | 000102030405060708090a0b080045
          284 | 000102030405060708090a0b e0096123 080045 | 000102030405060708090a0b 81007123080045
          285 | 000102030405060708090a0b dada0000 c0080000 080045 | 000102030405060708090a0b080045
          285 | 000102030405060708090a0b dada0000 e0080005 080045 | 000102030405060708090a0b 81000005080045
          """)
  void anEthernetFrameStaysOne(int linkType, String packet, String frame) throws Exception {
    assertThat(one(linkType, bytes(packet)))
        .isEqualTo(Packet.cut(bytes(frame), bytes(frame).length + MORE_ON_THE_WIRE));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          113 | 0000000100060242c000020100 | 12 | 18
          113 | | 12 | 14
          276 | 0800000000 | 14 | 14
          276 | 08 | 12 | 14
          0   | 020000 | 12 | 20
          101 | | 12 | 21
          228 | | 14 | 21
          9   | ff0300 | 12 | 20
          51  | 11 | 12 | 14
          107 | 184103 | 12 | 20
          100 | aaaa03000000 | 12 | 19
          284 | 000102030405060708090a0bc0 | 12 | 16
          284 | 0001 | 2 | 12
          """)
  void aCutHeaderGivesTheBytesThatAreKnown(int linkType, String packet, int captured, int wire)
      throws Exception {
    Packet frame = one(linkType, bytes(packet == null ? "" : packet));
    assertThat(frame.capturedLength()).isEqualTo(captured);
    assertThat(frame.wireLength()).isEqualTo(wire);
  }

  @Test
  void everyLinkTypeIsReadAndNamed() {
    List<Integer> read = new ArrayList<>();
    for (int linkType = 0; linkType < 1000; linkType++) {
      if (LinkType.layer(linkType) != 0) {
        read.add(linkType);
        assertThat(LinkType.describe(linkType)).endsWith(" (" + linkType + ")");
      }
    }
    assertThat(read).containsExactlyElementsOf(Arrays.stream(ALL).boxed().toList());
  }

  /** Whatever the bytes are, each packet is a frame, none of them longer than it was. */
  @Property(tries = 2000)
  void anyBytesAreAFrame(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    int linkType = ALL[random.nextInt(ALL.length)];
    byte[][] packets = new byte[5][];
    for (int i = 0; i < packets.length; i++) {
      packets[i] = new byte[random.nextInt(60)];
      if (random.nextBoolean()) {
        random.nextBytes(packets[i]);
      }
    }
    byte[] file = classic(linkType, packets);
    PacketBatch batch = read(file);
    assertThat(batch.size()).isEqualTo(packets.length);
    for (int i = 0; i < batch.size(); i++) {
      assertThat(batch.wireLength(i)).isGreaterThanOrEqualTo(batch.capturedLength(i));
      assertThat(batch.capturedLength(i)).isLessThanOrEqualTo(packets[i].length + 14);
      assertThat(LinkType.layer(linkType) == 2 || batch.wireLength(i) >= 14).isTrue();
    }
    Path copy = Files.createTempFile("plumb", ".pcap");
    try {
      copy(file, copy);
      assertThat(Files.readAllBytes(copy)).isEqualTo(file);
    } finally {
      Files.delete(copy);
    }
  }

  /** Copies all packets, a few at a time. */
  private static void copy(byte[] file, Path copy) throws Exception {
    try (CaptureReader reader = reader(file);
        CaptureWriter writer = reader.copyTo(copy)) {
      PacketBatch batch = new PacketBatch();
      boolean more = true;
      while (more) {
        batch.clear();
        more = reader.read(batch, 3);
        for (int i = 0; i < batch.size(); i++) {
          writer.write(batch, i);
        }
      }
      writer.commit();
    }
  }

  private static byte[] mixed() {
    byte[] sll = bytes("0000 0001 0006 0242c0000201 0000 0800" + IP);
    return new PcapngFile()
        .section(ByteOrder.BIG_ENDIAN)
        .on(1, 100, 2, "eth0".getBytes(StandardCharsets.UTF_8))
        .on(101, 200, 2, "wg0".getBytes(StandardCharsets.UTF_8))
        .on(113, 300)
        .enhanced(0, 1, 60, new byte[60])
        .enhanced(1, 2, 20, bytes(IP))
        .enhanced(2, 3, 90, sll)
        .enhanced(0, 4, 61, new byte[61])
        .enhanced(0, 5, 62, new byte[62])
        .enhanced(1, 6, 20, bytes(IP))
        .bytes();
  }

  @Test
  void aBatchEndsWhereTheLayerChanges() throws Exception {
    List<String> batches = new ArrayList<>();
    try (CaptureReader reader = reader(mixed())) {
      PacketBatch batch = new PacketBatch();
      boolean more = true;
      while (more) {
        batch.clear();
        more = reader.read(batch, 100);
        batches.add(batch.firstLayer() + ": " + batch.size());
      }
      assertThat(reader.linkTypes()).isEqualTo("ETHERNET (1), RAW (101), LINUX_SLL (113)");
      assertThat(reader.refused()).isEmpty();
    }
    assertThat(batches).containsExactly("2: 1", "3: 2", "2: 2", "3: 1");
    assertThatThrownBy(() -> read(mixed()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("batch: frames of layer 2: expected layer 3 or an empty batch");
  }

  @Test
  void aCopyOfMixedLinkTypesKeepsEachPacketAsItWas() throws Exception {
    Path once = folder.resolve("once");
    Path twice = folder.resolve("twice");
    copy(mixed(), once);
    copy(Files.readAllBytes(once), twice);
    byte[] sll = bytes("0000 0001 0006 0242c0000201 0000 0800" + IP);
    assertThat(Files.readAllBytes(once))
        .isEqualTo(
            new PcapngFile()
                .section(ByteOrder.LITTLE_ENDIAN)
                .on(1, 100, 2, "eth0".getBytes(StandardCharsets.UTF_8))
                .enhanced(0, 1, 60, new byte[60])
                .on(101, 200, 2, "wg0".getBytes(StandardCharsets.UTF_8))
                .enhanced(1, 2, 20, bytes(IP))
                .on(113, 300)
                .enhanced(2, 3, 90, sll)
                .enhanced(0, 4, 61, new byte[61])
                .enhanced(0, 5, 62, new byte[62])
                .enhanced(1, 6, 20, bytes(IP))
                .bytes())
        .isEqualTo(Files.readAllBytes(twice));
  }

  @ParameterizedTest
  @ValueSource(ints = {WIRELESS, 123, 129, 258, 9999})
  void otherLinkTypesAreRefusedWithTheWayOut(int linkType) {
    String way =
        linkType == WIRELESS ? "without monitor mode" : "on a network interface with such packets";
    assertThatThrownBy(() -> read(classic(linkType, new byte[60])))
        .isInstanceOf(CaptureException.class)
        .hasMessage(
            "x: link type "
                + LinkType.describe(linkType)
                + ": expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture "
                + way);
  }
}
