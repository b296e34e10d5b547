package io.plumbline.pcaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
    CaptureInput in = new CaptureInput(slow(bytes), PcapFormat.BUFFER);
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
            join(skippable, zstd(), skippable))) {
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
    assertThatThrownBy(() -> readInto(new PacketBatch(), join(gzip(corpus()), new byte[] {1})))
        .hasMessageStartingWith("x: gzip data: cut off after");
    assertThatThrownBy(
            () ->
                readInto(
                    new PacketBatch(),
                    join(gzip(corpus()), "0123456789".getBytes(StandardCharsets.US_ASCII))))
        .hasMessageMatching("x: gzip data: damaged at byte \\d+: no gzip header");
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

  /** A gigabyte of zeros in a record that ends nowhere: read in the memory of two buffers. */
  @Test
  void aBombIsReadInBoundedMemory() throws Exception {
    byte[] head = Arrays.copyOf(corpus(), 24);
    byte[] zeros = gzip(new byte[64 << 20]);
    byte[] bomb = gzip(head);
    for (int i = 0; i < 4; i++) {
      bomb = join(bomb, zeros);
    }
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
    assertThat(packets).isEqualTo(4 * (64 << 20) / 16);
  }

  @Test
  void everyLevelOfTheToolIsRead() throws Exception {
    boolean there = Files.isExecutable(Path.of("/usr/bin/zstd"));
    assumeTrue(there, "zstd: not installed");
    Random random = new Random(1);
    ByteArrayOutputStream mixed = new ByteArrayOutputStream();
    for (int i = 0; i < 300; i++) {
      byte[] piece = new byte[random.nextInt(4000)];
      if (i % 3 == 0) {
        random.nextBytes(piece);
      } else if (i % 3 == 1) {
        Arrays.fill(piece, (byte) i);
      } else {
        byte[] before = mixed.toByteArray();
        int from = random.nextInt(before.length / 2);
        piece = Arrays.copyOfRange(before, from, Math.min(before.length, from + 30_000));
      }
      mixed.write(piece);
    }
    byte[] words =
        "a filter that drops what it should pass "
            .repeat(20_000)
            .getBytes(StandardCharsets.US_ASCII);
    byte[] letters = new byte[300_000];
    for (int i = 0; i < letters.length; i++) {
      letters[i] = (byte) ('a' + (int) Math.abs(random.nextGaussian() * 6));
    }
    for (byte[] plain : List.of(mixed.toByteArray(), words, letters, corpus(), new byte[] {1})) {
      Path file = Files.write(folder.resolve("plain"), plain);
      for (String options :
          List.of("--fast=5 " + file, "-3 --no-check < " + file, "-9 < " + file, "-19 " + file)) {
        Process zstd = new ProcessBuilder("sh", "-c", "zstd -q -c " + options).start();
        byte[] compressed = zstd.getInputStream().readAllBytes();
        assertThat(zstd.waitFor()).isZero();
        CaptureInput in = new CaptureInput(slow(compressed), PcapFormat.BUFFER);
        assertThat(new ZstdStream(in).readAllBytes()).as(options).isEqualTo(plain);
      }
    }
  }
}
