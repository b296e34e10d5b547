package io.plumbline.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.luben.zstd.Zstd;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.pcaps.LinkType;
import io.plumbline.pcaps.PacketText;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Captures as other tools write them, and the files that commands write. */
class CaptureCommandTest {
  private static final int ETHERNET = 1;
  private static final int RAW = 101;
  private static final int SLL = 113;
  private static final int SLL2 = 276;
  private static final int WIRELESS = 127;
  private static final byte[] BLOCKED =
      PacketText.parse("eth ipv4(192.0.2.10) tcp(1024,443)").bytes();
  private static final byte[] OTHER = PacketText.parse("eth ipv4(192.0.2.10) tcp(1024,80)").bytes();
  private static final String NOT_READ =
      "expected Ethernet frames or IP packets, as of ETHERNET (1), LINUX_SLL (113) or RAW (101): capture without monitor mode";

  @TempDir private Path folder;
  private String out = "";
  private String err = "";

  private int run(Object... args) {
    StringWriter outWriter = new StringWriter();
    StringWriter errWriter = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(outWriter));
    line.setErr(new PrintWriter(errWriter));
    int status = line.execute(Arrays.stream(args).map(Object::toString).toArray(String[]::new));
    out = outWriter.toString();
    err = errWriter.toString();
    return status;
  }

  private int replay(Path capture, Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("replay", capture, "--program", "block_port", "--input", "443"));
    args.addAll(List.of(more));
    return run(args.toArray());
  }

  private Path file(String name, byte[] bytes) throws Exception {
    return Files.write(folder.resolve(name), bytes);
  }

  /** A classic capture of the two frames. */
  private static byte[] classic(int magic, int linkType, int recordHeader, int fraction) {
    ByteBuffer file = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
    file.putInt(magic).putShort((short) 2).putShort((short) 4).putLong(0);
    file.putInt(100).putInt(linkType);
    for (byte[] frame : List.of(BLOCKED, OTHER)) {
      file.putInt(1_700_000_000).putInt(fraction).putInt(frame.length).putInt(frame.length + 9);
      file.put(new byte[recordHeader - 16]).put(frame);
    }
    return Arrays.copyOf(file.array(), file.position());
  }

  private static byte[] block(int type, ByteBuffer body) {
    int size = 12 + (body.position() + 3 & ~3);
    ByteBuffer block = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    block.putInt(type).putInt(size).put(body.flip()).putInt(size - 4, size);
    return block.array();
  }

  private static ByteBuffer body() {
    return ByteBuffer.allocate(200).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A pcapng capture of two interfaces. */
  private static byte[] twoInterfaces(int second, boolean packetOfTheSecond) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(block(0x0A0D0D0A, body().putInt(0x1A2B3C4D).putInt(1).putLong(-1)));
    ByteBuffer ethernet = body().putInt(ETHERNET).putInt(262144);
    ethernet.putShort((short) 9).putShort((short) 1).put(new byte[] {9, 0, 0, 0}).putInt(0);
    file.writeBytes(block(1, ethernet));
    file.writeBytes(block(1, body().putInt(second).putInt(64)));
    file.writeBytes(block(0x80000002, body().putInt(7)));
    long time = 1_700_000_000_123_456_789L;
    for (int on = 0; on < (packetOfTheSecond ? 2 : 1); on++) {
      ByteBuffer packet = body().putInt(on).putInt((int) (time >>> 32)).putInt((int) time);
      packet.putInt(BLOCKED.length).putInt(BLOCKED.length).put(BLOCKED);
      file.writeBytes(block(6, packet));
    }
    return file.toByteArray();
  }

  private static byte[] gzip(byte[] bytes) throws Exception {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(bytes);
    }
    return compressed.toByteArray();
  }

  @Test
  void aLinkTypeThatNoPacketHasIsNoMatter() throws Exception {
    assertThat(replay(file("a.pcapng", twoInterfaces(WIRELESS, false)))).as(err).isZero();
    assertThat(out).contains("1 packet, 0 allowed, 1 dropped");
  }

  @Test
  void packetsOfALinkTypeThatIsNotReadAreNamedAndTheOthersRun() throws Exception {
    Path file = file("a.pcapng", twoInterfaces(WIRELESS, true));
    assertThat(replay(file, "--json", folder.resolve("r.json"))).isEqualTo(2);
    assertThat(out).contains("1 packet, 0 allowed, 1 dropped");
    String reason =
        file + ": 1 packet of interface 1 has link type IEEE802_11_RADIOTAP (127): " + NOT_READ;
    assertThat(err).isEqualTo("plumb: " + reason + ": the other frames were run\n");
    JsonNode report = new ObjectMapper().readTree(folder.resolve("r.json").toFile());
    JsonNode entry = report.path("files").path(0);
    assertThat(entry.path("linkType").asText())
        .isEqualTo("ETHERNET (1), IEEE802_11_RADIOTAP (127)");
    assertThat(entry.path("packets").asInt()).isEqualTo(1);
    assertThat(entry.path("reason").asText()).isEqualTo(reason);
  }

  @Test
  void aCaptureOfALinkTypeThatIsNotReadNamesTheWayOut() throws Exception {
    Path dropped = folder.resolve("dropped.pcap");
    Path file = file("wireless.pcap", classic(0xA1B2C3D4, WIRELESS, 16, 0));
    String reason = ": link type IEEE802_11_RADIOTAP (127): " + NOT_READ + "\n";
    assertThat(replay(file, "--dropped", dropped)).isEqualTo(2);
    assertThat(out).isEmpty();
    assertThat(err).isEqualTo("plumb: " + file + reason);
    assertThat(dropped).doesNotExist();
    assertThat(run("policy", "suggest", file)).isEqualTo(2);
    assertThat(err).isEqualTo("plumb: " + file + reason);
    Path empty = file("empty.pcap", Arrays.copyOf(classic(0xA1B2C3D4, WIRELESS, 16, 0), 24));
    assertThat(replay(empty)).isZero();
  }

  /** The two frames as packets of a link type, with a header in the place of Ethernet's. */
  private static byte[] withHeader(int linkType, byte[] header) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(Arrays.copyOf(classic(0xA1B2C3D4, linkType, 16, 0), 24));
    for (byte[] frame : List.of(BLOCKED, OTHER)) {
      int length = header.length + frame.length - 14;
      ByteBuffer record = ByteBuffer.allocate(16 + length).order(ByteOrder.LITTLE_ENDIAN);
      record.putInt(1_700_000_000).putInt(123).putInt(length).putInt(length + 9);
      file.writeBytes(record.put(header).put(frame, 14, frame.length - 14).array());
    }
    return file.toByteArray();
  }

  private static byte[] cooked(int type) {
    return ByteBuffer.allocate(16).putShort(14, (short) type).array();
  }

  private static byte[] cooked2(int type) {
    return ByteBuffer.allocate(20).putShort((short) type).array();
  }

  @Test
  void packetsWithoutAnEthernetHeaderAreJudgedOnEveryEngine() throws Exception {
    Path dropped = folder.resolve("dropped");
    Path allowed = folder.resolve("allowed");
    Map<Integer, byte[]> headers =
        Map.of(
            SLL,
            cooked(0x0800),
            SLL2,
            cooked2(0x0800),
            RAW,
            new byte[0],
            0,
            new byte[] {2, 0, 0, 0});
    for (Map.Entry<Integer, byte[]> entry : headers.entrySet()) {
      byte[] bytes = withHeader(entry.getKey(), entry.getValue());
      Path file = file("a.pcap", bytes);
      String linkType = LinkType.describe(entry.getKey());
      assertThat(
              replay(
                  file,
                  "--engine",
                  "interpreter,emulator",
                  "--dropped",
                  dropped,
                  "--allowed",
                  allowed))
          .as(err)
          .isZero();
      // 40 bytes of IP and 9 that were not captured.
      assertThat(out)
          .startsWith("%s: link type %s: block_port 443 at tc-l3%n".formatted(file, linkType))
          .containsPattern("block_port.blocked_port +TC_ACT_SHOT +1 +49\n")
          .contains("2 packets, 1 allowed, 1 dropped, 0 undecided (capture cut), 0 disagreements");
      int first = 24 + (bytes.length - 24) / 2;
      byte[] second = Arrays.copyOfRange(bytes, first, bytes.length);
      assertThat(Files.readAllBytes(dropped)).isEqualTo(Arrays.copyOf(bytes, first));
      assertThat(Files.readAllBytes(allowed))
          .startsWith(Arrays.copyOf(bytes, 24))
          .endsWith(second)
          .hasSize(24 + second.length);
      assertThat(replay(file, "--json", "-")).isZero();
      JsonNode report = new ObjectMapper().readTree(out.substring(0, out.lastIndexOf('}') + 1));
      assertThat(report.path("files").path(0).path("linkType").asText()).isEqualTo(linkType);
      assertThat(report.path("bytes").asInt()).isEqualTo(2 * 49);
      assertThat(run("policy", "suggest", file)).isZero();
      assertThat(out).contains("2 of 2 packets").contains("192.0.2.10");
      assertThat(run("replay", file, "--allow", "tcp/192.0.2.10:80", "--explain")).isZero();
      assertThat(out)
          .startsWith("1 TC_ACT_SHOT intent.no_permit: ")
          .contains("2 TC_ACT_OK intent.permit_1: ")
          .containsPattern("tcp/192.0.2.10:443 +1 +49\n");
      assertThat(err).isEmpty();
    }
  }

  @Test
  void aMixedCaptureIsJudgedByTheLayerOfEachPacket() throws Exception {
    Path file = file("a.pcapng", twoInterfaces(SLL, true));
    assertThat(replay(file)).as(err).isZero();
    assertThat(out)
        .startsWith(file + ": link type ETHERNET (1), LINUX_SLL (113): block_port 443\n")
        .contains("2 packets, 1 allowed, 1 dropped");
    assertThat(
            run("replay", file, "--program", "allow_ethertype", "--input", "ipv4", "--json", "-"))
        .isEqualTo(2);
    assertThat(out).isEmpty();
    assertThat(err)
        .isEqualTo(
            "plumb: %s: link type ETHERNET (1), LINUX_SLL (113): allow_ethertype: expected a filter that asks for no Ethernet header%n"
                .formatted(file));
  }

  @Test
  void arpWithoutAnEthernetHeaderIsAnUnsupportedType() throws Exception {
    Path file = file("a.pcap", withHeader(SLL, cooked(0x0806)));
    assertThat(run("replay", file, "--allow", "arp", "--engine", "interpreter")).as(err).isZero();
    assertThat(out)
        .containsPattern("intent.unsupported_ethertype +TC_ACT_SHOT +2 ")
        .contains("permit_1 decided nothing");
    assertThat(err)
        .isEqualTo(
            "plumb: note: %s: link type LINUX_SLL (113): permit arp (--allow): no packet without an Ethernet header matches: ARP is judged as an unsupported EtherType there%n"
                .formatted(file));
  }

  @Test
  void everyCommandReadsEveryFormat() throws Exception {
    byte[] usual = classic(0xA1B2C3D4, ETHERNET, 16, 123);
    List<Path> files =
        List.of(
            file("usual.pcap", usual),
            file("fcs.pcap", classic(0xA1B2C3D4, 0x14000000 | ETHERNET, 16, 123)),
            file("patched.pcap", classic(0xA1B2CD34, ETHERNET, 24, 123)),
            file("usual.bin", gzip(usual)));
    for (Path file : files) {
      assertThat(replay(file)).as("%s %s", file, err).isZero();
      assertThat(out).contains("2 packets, 1 allowed, 1 dropped");
      assertThat(run("policy", "suggest", file)).isZero();
      assertThat(out).contains("2 of 2 packets");
    }
    assertThat(
            run("verify", "--program", "nop", "--engine", "model", "--fuzz", 0, "--corpus", folder))
        .isZero();
    for (Path file : files) {
      assertThat(out).contains(file + ": ETHERNET (1), 2 frames\n");
    }
  }

  @Test
  void pcapngIsReadFromStandardInput() throws Exception {
    InputStream before = System.in;
    try {
      for (byte[] bytes :
          List.of(twoInterfaces(WIRELESS, false), gzip(twoInterfaces(WIRELESS, false)))) {
        System.setIn(new ByteArrayInputStream(bytes));
        assertThat(replay(Path.of("-"))).as(err).isZero();
        assertThat(out).contains("1 packet, 0 allowed, 1 dropped");
      }
    } finally {
      System.setIn(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"j", "junk", "junk that is longer than a header"})
  void whatFollowsGzipDataIsNamed(String junk) throws Exception {
    byte[] whole = gzip(classic(0xA1B2C3D4, ETHERNET, 16, 123));
    Path file = file("a.gz", concat(whole, junk.getBytes(UTF_8)));
    assertThat(replay(file)).isEqualTo(2);
    assertThat(err)
        .isEqualTo(
            "plumb: %s: gzip data: ends at byte %d: expected nothing after it, or more gzip data: the frames before that were run\n"
                .formatted(file, whole.length));
    assertThat(replay(file("cut.gz", Arrays.copyOf(concat(whole, whole), whole.length + 2))))
        .isEqualTo(2);
    assertThat(err).contains("gzip data: cut off after %d bytes".formatted(whole.length + 2));
  }

  private static byte[] concat(byte[] one, byte[] other) {
    byte[] all = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, all, one.length, other.length);
    return all;
  }

  @Test
  void zstdNeedsATemporaryFolderAndNothingElseDoes() throws Exception {
    byte[] usual = classic(0xA1B2C3D4, ETHERNET, 16, 123);
    Path zstd = file("a.zst", Zstd.compress(usual));
    assertThat(run("policy", "suggest", zstd)).as(err).isZero();
    for (Path file : List.of(zstd, file("a.gz", gzip(usual)))) {
      ProcessBuilder builder =
          Program.builder(Plumb.class.getName(), "policy", "suggest", file.toString());
      builder.command().add(builder.command().indexOf("-cp"), "-Djava.io.tmpdir=/nonexistent");
      Program.Result result = Program.finish(builder.start(), "");
      assertThat(result.status()).as(result.err()).isEqualTo(file.equals(zstd) ? 2 : 0);
      assertThat(result.err())
          .isEqualTo(
              file.equals(zstd)
                  ? "plumb: "
                      + zstd
                      + ": zstd data: its native library cannot be unpacked to /nonexistent and loaded: expected a folder that can be written and is not mounted noexec: zstd -dc FILE | plumb ... -\n"
                  : "");
    }
  }

  @Test
  void timesSnapLengthAndInterfaceSurvive() throws Exception {
    Path dropped = folder.resolve("dropped");
    Path allowed = folder.resolve("allowed");
    for (int magic : new int[] {0xA1B2C3D4, 0xA1B23C4D}) {
      Path file = file("a.pcap", classic(magic, ETHERNET, 16, 123_456));
      assertThat(replay(file, "--dropped", dropped, "--allowed", allowed)).isZero();
      ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file));
      int first = 24 + 16 + BLOCKED.length;
      byte[] head = Arrays.copyOf(all.array(), 24);
      assertThat(Files.readAllBytes(dropped)).isEqualTo(Arrays.copyOf(all.array(), first));
      assertThat(Files.readAllBytes(allowed))
          .startsWith(head)
          .endsWith(Arrays.copyOfRange(all.array(), first, all.capacity()))
          .hasSize(all.capacity() - first + 24);
    }
    Path patched = file("a.pcap", classic(0xA1B2CD34, ETHERNET, 24, 123));
    assertThat(replay(patched, "--dropped", dropped)).isZero();
    ByteBuffer copy = ByteBuffer.wrap(Files.readAllBytes(dropped)).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(copy.getInt(0)).isEqualTo(0xA1B2C3D4);
    assertThat(copy.getInt(24)).isEqualTo(1_700_000_000);
    assertThat(copy.getInt(28)).isEqualTo(123);
    Path pcapng = file("a.pcapng", twoInterfaces(WIRELESS, false));
    assertThat(replay(pcapng, "--dropped", dropped)).isZero();
    assertThat(Files.readAllBytes(dropped))
        .containsSequence(block(6, packet(1_700_000_000_123_456_789L)))
        .containsSequence(9, 0, 1, 0, 9, 0, 0, 0);
  }

  private static ByteBuffer packet(long time) {
    ByteBuffer packet = body().putInt(0).putInt((int) (time >>> 32)).putInt((int) time);
    return packet.putInt(BLOCKED.length).putInt(BLOCKED.length).put(BLOCKED);
  }

  @Test
  void outputsThatMixAreRefused() throws Exception {
    Path file = file("a.pcap", classic(0xA1B2C3D4, ETHERNET, 16, 0));
    assertThat(replay(file, "--dropped", "-")).isEqualTo(2);
    assertThat(err)
        .isEqualTo("plumb: --dropped: -: expected a file: standard output has the report\n");
    Path both = folder.resolve("both");
    assertThat(replay(file, "--dropped", both, "--allowed", both)).isEqualTo(2);
    assertThat(err)
        .isEqualTo(
            "plumb: --dropped: %s: it is the file of --allowed too: expected another one\n"
                .formatted(both));
    assertThat(both).doesNotExist();
  }

  /** What the file of an output is before, and what a planted link led to, stays as it was. */
  @Test
  void outputsReplaceLinksAndLeaveNothingElse() throws Exception {
    Path capture = file("a.pcap", classic(0xA1B2C3D4, ETHERNET, 16, 0));
    Path victim = Files.writeString(folder.resolve("victim"), "kept");
    Path outputs = Files.createDirectory(folder.resolve("outputs"));
    for (String name : List.of("d.pcap", "r.json", "p.pcap", "o")) {
      Files.createSymbolicLink(outputs.resolve(name), victim);
      long pid = ProcessHandle.current().pid();
      for (String predictable : List.of("." + name + "." + pid, name + ".tmp")) {
        Files.createSymbolicLink(outputs.resolve(predictable), victim);
      }
    }
    Path source = Files.writeString(folder.resolve("a.s"), "r0 = 0\nexit\n");
    assertThat(replay(capture, "--dropped", outputs.resolve("d.pcap"))).isZero();
    assertThat(replay(capture, "--json", outputs.resolve("r.json"))).isZero();
    assertThat(run("paths", "nop", "--pcap", outputs.resolve("p.pcap"))).isZero();
    assertThat(run("bpf", "asm", source, "--out", outputs.resolve("o"))).as(err).isZero();
    assertThat(victim).hasContent("kept");
    for (String name : List.of("d.pcap", "r.json", "p.pcap", "o")) {
      assertThat(Files.isRegularFile(outputs.resolve(name), LinkOption.NOFOLLOW_LINKS)).isTrue();
    }
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(outputs.resolve("d.pcap"))))
        .isEqualTo("rw-------");
    try (Stream<Path> left = Files.list(outputs)) {
      assertThat(left.filter(f -> f.getFileName().toString().startsWith(".plumb"))).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--dropped", "--json"})
  void devicesAndPipesAreWrittenInPlace(String option) throws Exception {
    Path capture = file("a.pcap", classic(0xA1B2C3D4, ETHERNET, 16, 0));
    assertThat(replay(capture, option, "/dev/null")).as(err).isZero();
    assertThat(Files.isRegularFile(Path.of("/dev/null"))).isFalse();
    assertThat(replay(capture, option, "/dev/full")).isEqualTo(2);
    assertThat(err)
        .isEqualTo(
            "plumb: %s: /dev/full: cannot be written: No space left on device\n".formatted(option));
    assertThat(Files.isRegularFile(Path.of("/dev/full"))).isFalse();
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Process cat = new ProcessBuilder("cat", pipe.toString()).start();
    try {
      assertThat(replay(capture, option, pipe)).as(err).isZero();
      assertThat(cat.getInputStream().readAllBytes()).hasSizeGreaterThan(50);
    } finally {
      cat.destroy();
    }
    assertThat(replay(capture, option, folder)).isEqualTo(2);
    assertThat(err).contains(folder + ": ").contains("is a directory").doesNotContain("Exception");
    assertThat(replay(capture, option, folder.resolve("none/x"))).isEqualTo(2);
    assertThat(err).contains("cannot be written").doesNotContain("Exception");
  }
}
