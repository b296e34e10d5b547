package io.plumbline.pcaps;

import io.plumbline.model.packet.PacketBatch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * pcapng (draft-ietf-opsawg-pcapng) as a stream: byte order belongs to each section, link type,
 * snap length and time resolution to each interface. Packets of an interface whose link type is not
 * read are counted and left out. Blocks that hold no packets are passed over.
 */
final class PcapngReader implements CaptureReader {
  /** Interfaces of a section that are believed; more means that the file is damaged. */
  private static final int MAX_INTERFACES = 1 << 16;

  private static final int MAX_OPTIONS = 512;
  private static final int REFUSALS_SHOWN = 4;

  /** Options of an interface that a copy keeps and that have no byte order (section 4.2). */
  private static final Set<Integer> KEPT = Set.of(2, 3, 9, 12, 13, 15);

  private static final int IF_NAME = 2;
  private static final int IF_TSRESOL = 9;
  private static final int IF_TSOFFSET = 14;

  /** Packets that are left out. */
  private record Refusal(CaptureInterface first, long packets) {}

  private final String file;
  private final CaptureInput in;
  private final ByteBuffer bytes;
  private final List<CaptureInterface> interfaces = new ArrayList<>();
  private final Set<Integer> linkTypes = new TreeSet<>();
  private final Map<Integer, Refusal> refusals = new TreeMap<>();
  private final Origins origins = new Origins();
  private final LinkHeader header = new LinkHeader();
  private long block;
  private long begun;

  /** Frames that the batch had before. */
  private int begunWith;

  PcapngReader(String file, CaptureInput in) {
    this.file = file;
    this.in = in;
    bytes = ByteBuffer.wrap(in.bytes);
  }

  @Override
  public String linkTypes() {
    return linkTypes.isEmpty()
        ? "none"
        : linkTypes.stream().map(LinkType::describe).collect(Collectors.joining(", "));
  }

  @Override
  public String refused() {
    String shown =
        refusals.values().stream()
            .limit(REFUSALS_SHOWN)
            .map(
                refusal ->
                    "%d %s of %s link type %s"
                        .formatted(
                            refusal.packets,
                            refusal.packets == 1 ? "packet" : "packets",
                            refusal.first.describe() + (refusal.packets == 1 ? " has" : " have"),
                            LinkType.refuse(refusal.first.linkType())))
            .collect(Collectors.joining("; "));
    if (refusals.isEmpty()) {
      return "";
    }
    int more = refusals.size() - REFUSALS_SHOWN;
    return file + ": " + shown + (more > 0 ? "; and %d more link types".formatted(more) : "");
  }

  @Override
  public boolean read(PacketBatch batch, int frames) throws CaptureException {
    try {
      begunWith = batch.size();
      long before = batch.capturedBytes();
      while (batch.size() < frames && batch.capturedBytes() - before < PcapFormat.MAX_BATCH) {
        begun = in.at();
        block++;
        if (!in.fill(PcapngFormat.BLOCK)) {
          if (in.available() != 0) {
            throw damaged(
                "cut off: %d bytes: expected %d".formatted(in.available(), PcapngFormat.BLOCK));
          }
          return false;
        }
        int type = bytes.getInt(in.position);
        if (type == PcapngFormat.SECTION) {
          startSection();
        }
        if (!block(type, batch)) {
          block--;
          return true;
        }
      }
      return true;
    } catch (IOException e) {
      throw CaptureException.of(file, e);
    }
  }

  /** Takes the byte order from the section's magic (section 4.1). */
  private void startSection() throws CaptureException {
    bytes.order(ByteOrder.BIG_ENDIAN);
    int magic = bytes.getInt(in.position + 8);
    if (magic == Integer.reverseBytes(PcapngFormat.BYTE_ORDER_MAGIC)) {
      bytes.order(ByteOrder.LITTLE_ENDIAN);
    } else if (magic != PcapngFormat.BYTE_ORDER_MAGIC) {
      throw damaged(
          "byte-order magic 0x%08x: expected 0x1a2b3c4d in either order".formatted(magic));
    }
    interfaces.clear();
  }

  /** Reads a block; returns false, and stays where it is, if the batch must end before it. */
  private boolean block(int type, PacketBatch batch) throws CaptureException, IOException {
    int known = type == PcapngFormat.SECTION ? type : bytes.getInt(in.position);
    long length = bytes.getInt(in.position + 4) & 0xFFFFFFFFL;
    int least = least(known);
    if (length < least || length % 4 != 0) {
      throw damaged("block length %d: expected a multiple of 4 from %d".formatted(length, least));
    }
    boolean read = least > PcapngFormat.BLOCK && known != PcapngFormat.SECTION;
    if (read && length > in.bytes.length) {
      throw damaged(
          "block length %d: expected at most %d in a block of this type"
              .formatted(length, in.bytes.length));
    }
    // A block that is read is checked whole first; others may be longer than the buffer.
    if (read ? !in.fill((int) length) : !in.fill(least)) {
      throw damaged("cut off: %d bytes: expected %d".formatted(in.available(), length));
    }
    int start = in.position;
    if (read) {
      trailer(bytes.getInt(start + (int) length - 4) & 0xFFFFFFFFL, length);
    }
    boolean taken = true;
    switch (known) {
      case PcapngFormat.SECTION -> version(bytes.getShort(start + 12), bytes.getShort(start + 14));
      case PcapngFormat.INTERFACE -> describe(start, (int) length);
      case PcapngFormat.ENHANCED_PACKET ->
          taken = packet(bytes.getInt(start + 8), start, length, batch);
      case PcapngFormat.PACKET ->
          taken = packet(bytes.getShort(start + 8) & 0xFFFF, start, length, batch);
      case PcapngFormat.SIMPLE_PACKET -> taken = simplePacket(start, length, batch);
      default -> {
        // Names, statistics, secrets, custom and unknown blocks hold no packets.
      }
    }
    if (read) {
      in.position = taken ? start + (int) length : start;
      return taken;
    }
    if (!in.skip(length - 4) || !in.fill(4)) {
      throw damaged(
          "cut off: %d bytes: expected %d".formatted(in.at() + in.available() - begun, length));
    }
    trailer(bytes.getInt(in.position) & 0xFFFFFFFFL, length);
    in.position += 4;
    return true;
  }

  private static int least(int type) {
    return switch (type) {
      case PcapngFormat.SECTION -> PcapngFormat.SECTION_BLOCK;
      case PcapngFormat.INTERFACE -> PcapngFormat.INTERFACE_BLOCK;
      case PcapngFormat.ENHANCED_PACKET, PcapngFormat.PACKET -> PcapngFormat.PACKET_BLOCK;
      case PcapngFormat.SIMPLE_PACKET -> PcapngFormat.SIMPLE_PACKET_BLOCK;
      default -> PcapngFormat.BLOCK;
    };
  }

  private void trailer(long again, long length) throws CaptureException {
    if (again != length) {
      throw damaged("block length %d, at its end %d: expected the same".formatted(length, again));
    }
  }

  private void version(short major, short minor) throws CaptureException {
    if (major != 1) {
      throw damaged("pcapng version %d.%d: expected 1".formatted(major & 0xFFFF, minor & 0xFFFF));
    }
  }

  /** Reads an interface description (section 4.2) with the options that a copy keeps. */
  private void describe(int start, int length) throws CaptureException {
    if (interfaces.size() == MAX_INTERFACES) {
      throw damaged("more than %d interfaces in a section".formatted(MAX_INTERFACES));
    }
    ByteArrayOutputStream kept = new ByteArrayOutputStream();
    String name = "";
    int end = start + length - 4;
    int at = start + 16;
    while (end - at >= 4) {
      int code = bytes.getShort(at) & 0xFFFF;
      int size = bytes.getShort(at + 2) & 0xFFFF;
      at += 4;
      if (code == 0) {
        break;
      }
      if (size > end - at) {
        throw damaged(
            "option %d has %d bytes: expected at most %d".formatted(code, size, end - at));
      }
      int expected = code == IF_TSRESOL ? 1 : code == IF_TSOFFSET ? 8 : size;
      if (size != expected) {
        throw damaged("option %d has %d bytes: expected %d".formatted(code, size, expected));
      }
      byte[] value = new byte[size];
      bytes.get(at, value);
      if (code == IF_NAME) {
        name = printable(value);
      }
      if (code == IF_TSOFFSET && bytes.order() == ByteOrder.BIG_ENDIAN) {
        ByteBuffer.wrap(value).putLong(Long.reverseBytes(bytes.getLong(at)));
      }
      // What times mean is always kept; of texts as much as is reasonable.
      boolean small = kept.size() + size <= MAX_OPTIONS;
      if (code == IF_TSRESOL || code == IF_TSOFFSET || (KEPT.contains(code) && small)) {
        ByteBuffer option = ByteBuffer.allocate(4 + padded(size)).order(ByteOrder.LITTLE_ENDIAN);
        option.putShort((short) code).putShort((short) size).put(value);
        kept.writeBytes(option.array());
      }
      at = Math.min(end, at + padded(size));
    }
    int linkType = bytes.getShort(start + 8) & 0xFFFF;
    interfaces.add(
        new CaptureInterface(
            interfaces.size(), name, linkType, bytes.getInt(start + 12), kept.toByteArray()));
  }

  /**
   * Returns a name from the file as it can be printed: at most 64 characters, none that control.
   */
  private static String printable(byte[] value) {
    String text = new String(value, StandardCharsets.UTF_8).replaceAll("\\p{C}", "?");
    return text.length() > 64 ? text.substring(0, 64) : text;
  }

  static int padded(int size) {
    return (size + 3) & ~3;
  }

  /** Reads an enhanced or obsolete packet block: their numbers stand at the same offsets. */
  private boolean packet(int index, int start, long length, PacketBatch batch)
      throws CaptureException {
    long time = (long) bytes.getInt(start + 12) << 32 | (bytes.getInt(start + 16) & 0xFFFFFFFFL);
    int wire = bytes.getInt(start + 24);
    return add(index, time, start + 28, bytes.getInt(start + 20), wire, length, batch);
  }

  /** Reads a simple packet block (section 4.4): of the first interface, without a time. */
  private boolean simplePacket(int start, long length, PacketBatch batch) throws CaptureException {
    int wire = bytes.getInt(start + 8);
    int snap = interfaces.isEmpty() ? 0 : interfaces.get(0).snapLength();
    int captured = snap != 0 && Integer.compareUnsigned(snap, wire) < 0 ? snap : wire;
    return add(0, 0, start + 12, captured, wire, length, batch);
  }

  /** Adds a packet; returns false if the batch has packets that begin with another layer. */
  private boolean add(
      int index, long time, int data, int captured, int wire, long length, PacketBatch batch)
      throws CaptureException {
    if (index < 0 || index >= interfaces.size()) {
      throw damaged(
          "interface %d: expected %s"
              .formatted(
                  index & 0xFFFFFFFFL,
                  interfaces.isEmpty()
                      ? "an interface description first"
                      : "0.." + (interfaces.size() - 1)));
    }
    int room = (int) length - 4 - (data - in.position);
    int most = Math.min(room, PcapFormat.MAX_RECORD);
    if (captured < 0 || captured > most) {
      throw damaged("captured length %d: expected 0..%d".formatted(captured & 0xFFFFFFFFL, most));
    }
    CaptureInterface on = interfaces.get(index);
    int layer = LinkType.layer(on.linkType());
    if (layer == 0) {
      linkTypes.add(on.linkType());
      refusals.merge(
          on.linkType(), new Refusal(on, 1), (old, one) -> new Refusal(old.first, old.packets + 1));
      return true;
    }
    if (layer != batch.firstLayer() && batch.size() > begunWith) {
      return false;
    }
    batch.requireLayer(layer);
    linkTypes.add(on.linkType());
    header.read(on.linkType(), in.bytes, data, captured);
    origins.put(batch.size(), time, wire, on, header, in.bytes, data);
    batch.add(
        header.frame(),
        header.frameLength(),
        in.bytes,
        data + header.length(),
        captured - header.length(),
        header.wireLength(Math.max(wire, captured)));
    return true;
  }

  private CaptureException damaged(String what) {
    return new CaptureException("%s: block %d at byte %d: %s".formatted(file, block, begun, what));
  }

  @Override
  public CaptureWriter copyTo(Path copy) throws IOException {
    return new PcapngWriter(copy, origins);
  }

  @Override
  public void close() {
    in.close();
  }
}
