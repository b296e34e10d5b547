package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compressed captures are read as their contents, in parts, and damage ends in one error. */
class CompressedCaptureTest {
  private static final Path CORPUS = Path.of("corpora", "traffic.pcap");

  /** The corpus, compressed by zstd -19. */
  private static final String ZSTD = "/traffic.pcap.zst";

  @TempDir private Path folder;

  private static byte[] gzip(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    Arrays.stream(parts).forEach(all::writeBytes);
    return all.toByteArray();
  }

  private static byte[] corpus() throws IOException {
    return Files.readAllBytes(CORPUS);
  }

  private static byte[] zstd() throws IOException {
    try (InputStream in = CompressedCaptureTest.class.getResourceAsStream(ZSTD)) {
      return in.readAllBytes();
    }
  }

  /** A stream that gives a few bytes at a time and never says how many are there, as a pipe. */
  private static InputStream slow(byte[] bytes) {
    return new ByteArrayInputStream(bytes) {
      @Override
      public synchronized int read(byte[] target, int from, int length) {
        return super.read(target, from, Math.min(length, 7));
      }

      @Override
      public synchronized int available() {
        return 0;
      }
    };
  }

  private static PacketBatch read(byte[] bytes) throws CaptureException {
    PacketBatch batch = new PacketBatch();
    readInto(batch, bytes);
    return batch;
  }

  private static void readInto(PacketBatch batch, byte[] bytes) throws CaptureException {
    readInto(batch, new CaptureInput(slow(bytes), PcapFormat.BUFFER));
  }

  private static void readInto(PacketBatch batch, CaptureInput in) throws CaptureException {
    try (CaptureReader reader = CaptureFormats.reader("x", in)) {
      while (reader.read(batch, Integer.MAX_VALUE)) {}
    }
  }

  private static List<Packet> packets(PacketBatch batch) {
    return java.util.stream.IntStream.range(0, batch.size()).mapToObj(batch::packet).toList();
  }

  @Test
  void contentsDecideAndMembersAndFramesFollowOneAnother() throws Exception {
    byte[] plain = corpus();
    List<Packet> expected = packets(read(plain));
    byte[] first = Arrays.copyOf(plain, 1000);
    byte[] second = Arrays.copyOfRange(plain, 1000, plain.length);
    byte[] skippable = {0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3};
    for (byte[] compressed :
        List.of(
            gzip(plain),
            join(gzip(first), gzip(new byte[0]), gzip(second), new byte[512]),
            zstd(),
            join(skippable, zstd(), skippable),
            join(
                Zstd.compress(first),
                skippable,
                Zstd.compress(new byte[0]),
                Zstd.compress(second)))) {
      assertThat(packets(read(compressed))).isEqualTo(expected);
      Path file = Files.write(folder.resolve("any.name"), compressed);
      try (CaptureReader reader = CaptureReader.open(file)) {
        PacketBatch batch = new PacketBatch();
        while (reader.read(batch, Integer.MAX_VALUE)) {}
        assertThat(packets(batch)).isEqualTo(expected);
      }
    }
  }

  @Test
  void cutOffAnywhereThePacketsBeforeAreReadAndTheErrorIsNamed() throws Exception {
    byte[] plain = Arrays.copyOf(corpus(), 3000);
    byte[] once = gzip(plain);
    byte[] twice = join(once, gzip(Arrays.copyOfRange(corpus(), 3000, 5000)));
    for (byte[] whole : List.of(once, twice, zstd())) {
      int most = 0;
      for (int length = 4; length < whole.length; length++) {
        PacketBatch batch = new PacketBatch();
        byte[] cut = Arrays.copyOf(whole, length);
        if (whole == twice && length == once.length) {
          continue;
        }
        assertThatThrownBy(() -> readInto(batch, cut))
            .isInstanceOf(CaptureException.class)
            .hasMessageMatching("x: (gzip|zstd) data: cut off after \\d+ bytes");
        assertThat(batch.size()).isGreaterThanOrEqualTo(most);
        most = batch.size();
      }
      assertThat(most).isPositive();
    }
  }

  @Test
  void whatIsNotACaptureNamesTheWayOut() {
    assertThatThrownBy(() -> read(gzip(gzip(corpus()))))
        .hasMessage(
            "x: compressed twice: expected a capture, compressed once: decompress it first");
    assertThatThrownBy(() -> read(new byte[] {(byte) 0xFD, '7', 'z', 'X', 'Z', 0}))
        .hasMessage(
            "x: not a capture: starts with 0xfd377a58: expected pcap or pcapng; this is xz: xz -dc FILE | plumb ... -");
    assertThatThrownBy(() -> read(gzip(new byte[2])))
        .hasMessage("x: not a capture: 2 bytes: expected pcap or pcapng");
    assertThatThrownBy(() -> read(join(zstd(), "0123456789".getBytes(StandardCharsets.US_ASCII))))
        .hasMessage("x: zstd data: damaged: Unknown frame descriptor");
    for (byte[] more : List.of(new byte[] {1}, "0123456789".getBytes(StandardCharsets.US_ASCII))) {
      assertThatThrownBy(() -> readInto(new PacketBatch(), join(gzip(corpus()), more)))
          .hasMessageMatching(
              "x: gzip data: ends at byte \\d+: expected nothing after it, or more gzip data");
    }
    // A header that begins, and ends too early.
    assertThatThrownBy(
            () -> readInto(new PacketBatch(), join(gzip(corpus()), new byte[] {0x1F, (byte) 0x8B})))
        .hasMessageStartingWith("x: gzip data: cut off after");
  }

  @Property(tries = 500)
  void changedBytesEndInOneErrorOrNone(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    byte[] bytes = random.nextBoolean() ? zstd() : gzip(corpus());
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      int at = random.nextInt(random.nextBoolean() ? 40 : bytes.length);
      bytes[at] ^= (byte) (1 << random.nextInt(8));
    }
    try {
      read(bytes);
    } catch (CaptureException e) {
      assertThat(e.getMessage()).startsWith("x: ").doesNotContain("\n");
    }
  }

  /** Zeros that compress to nearly nothing are read in the memory of two buffers. */
  @Test
  void aBombIsReadInBoundedMemory() throws Exception {
    byte[] head = Arrays.copyOf(corpus(), 24);
    byte[] zeros = new byte[64 << 20];
    byte[] gzip = gzip(zeros);
    byte[] zstd = Zstd.compress(zeros);
    readBomb(join(gzip(head), gzip, gzip));
    readBomb(join(Zstd.compress(head), zstd, zstd));
  }

  private static void readBomb(byte[] bomb) throws CaptureException {
    CaptureInput in = new CaptureInput(new ByteArrayInputStream(bomb), PcapFormat.BUFFER);
    PacketBatch batch = new PacketBatch();
    long packets = 0;
    try (CaptureReader reader = CaptureFormats.reader("x", in)) {
      boolean more = true;
      while (more) {
        batch.clear();
        more = reader.read(batch, 4096);
        packets += batch.size();
        assertThat(batch.capturedBytes()).isLessThan(PcapFormat.MAX_BATCH + PcapFormat.MAX_RECORD);
      }
    }
    assertThat(packets).isEqualTo(2 * (64 << 20) / 16);
  }

  /** Blocks before damage are delivered, up to the piece that is decoded at once. */
  @Test
  void thePacketsBeforeDamageAreRead() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZstdOutputStreamNoFinalizer zstd = new ZstdOutputStreamNoFinalizer(out)) {
      zstd.setChecksum(true);
      zstd.write(corpus(), 0, 24);
      zstd.write(new byte[1_200_000]);
    }
    byte[] bytes = out.toByteArray();
    bytes[bytes.length - 1] ^= 1;
    PacketBatch batch = new PacketBatch();
    // All at once, so that the library may decode many blocks in one call.
    CaptureInput in = new CaptureInput(new ByteArrayInputStream(bytes), PcapFormat.BUFFER);
    assertThatThrownBy(() -> readInto(batch, in))
        .hasMessage("x: zstd data: damaged: Restored data doesn't match checksum");
    assertThat(batch.size()).isGreaterThanOrEqualTo((1_200_000 - 1024) / 16);
  }

  @Test
  void windowsUpTo128MiBAreReadAndNoDictionaries() throws Exception {
    for (int window : new int[] {27, 28}) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (ZstdOutputStreamNoFinalizer zstd = new ZstdOutputStreamNoFinalizer(out)) {
        zstd.setLevel(1).setWindowLog(window);
        zstd.write(corpus(), 0, 1000);
        zstd.flush();
        zstd.write(corpus(), 1000, corpus().length - 1000);
      }
      if (window == 27) {
        assertThat(packets(read(out.toByteArray()))).isEqualTo(packets(read(corpus())));
      } else {
        assertThatThrownBy(() -> read(out.toByteArray()))
            .hasMessage(
                "x: zstd data: window larger than 128 MiB: expected at most 128 MiB: zstd -dc --long=31 FILE | plumb ... -");
      }
    }
    // A frame of dictionary 7 and one byte, stored.
    byte[] frame = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0x21, 7, 1, 9, 0, 0, 1};
    assertThatThrownBy(() -> read(frame))
        .hasMessage(
            "x: zstd data: needs a dictionary: expected data without one: zstd -dc -D DICTIONARY FILE | plumb ... -");
  }
}
