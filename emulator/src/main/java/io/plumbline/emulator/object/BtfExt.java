package io.plumbline.emulator.object;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Section {@code .BTF.ext}: source lines and field relocations, by section and instruction. */
record BtfExt(List<LineInfo> lines, List<CoreRelo> relocations) {
  /**
   * Where an instruction comes from.
   *
   * @param slot the instruction in its section
   */
  record LineInfo(String section, int slot, String file, String text, int line) {}

  /**
   * A relocation by type information.
   *
   * @param slot the instruction in its section
   * @param access indices that lead from the type to what is meant, {@code 0:1:2}
   */
  record CoreRelo(String section, int slot, int type, String access, int kind) {}

  private static final int MAGIC = 0xEB9F;

  /** Takes one record; the buffer stands at its start. */
  private interface Taker {
    void take(String section, ByteBuffer record) throws ObjectException;
  }

  static BtfExt read(ByteBuffer data, Btf btf) throws ObjectException {
    if (data.capacity() < 24 || (data.getShort(0) & 0xFFFF) != MAGIC) {
      throw new ObjectException("btf.ext: no header: expected at least 24 bytes from eb9f");
    }
    List<LineInfo> lines = new ArrayList<>();
    List<CoreRelo> relocations = new ArrayList<>();
    long header = data.getInt(4) & 0xFFFF_FFFFL;
    if (header < 24 || header > data.capacity()) {
      throw new ObjectException(
          "btf.ext: header of %d bytes: expected 24..%d".formatted(header, data.capacity()));
    }
    records(
        data,
        16,
        16,
        btf,
        (section, in) -> {
          int at = in.getInt(0);
          int packed = in.getInt(12);
          lines.add(
              new LineInfo(
                  section,
                  at / 8,
                  btf.string(in.getInt(4)),
                  btf.string(in.getInt(8)).strip(),
                  packed >>> 10));
        });
    if (header >= 32) {
      records(
          data,
          24,
          16,
          btf,
          (section, in) ->
              relocations.add(
                  new CoreRelo(
                      section,
                      in.getInt(0) / 8,
                      in.getInt(4),
                      btf.string(in.getInt(8)),
                      in.getInt(12))));
    }
    return new BtfExt(lines, relocations);
  }

  private static void records(ByteBuffer data, int at, int least, Btf btf, Taker taker)
      throws ObjectException {
    long offset = (data.getInt(4) & 0xFFFF_FFFFL) + (data.getInt(at) & 0xFFFF_FFFFL);
    long length = data.getInt(at + 4) & 0xFFFF_FFFFL;
    if (offset > data.capacity() - length) {
      throw new ObjectException(
          "btf.ext: part at %d, %d bytes: there are %d".formatted(offset, length, data.capacity()));
    }
    if (length == 0) {
      return;
    }
    ByteBuffer in = data.slice((int) offset, (int) length).order(data.order());
    int size = in.getInt();
    if (size < least || size > 1 << 16) {
      throw new ObjectException(
          "btf.ext: records of %d bytes: expected %d..65536".formatted(size, least));
    }
    while (in.remaining() >= 8) {
      String section = btf.string(in.getInt());
      long count = in.getInt() & 0xFFFF_FFFFL;
      if (count * size > in.remaining()) {
        throw new ObjectException(
            "btf.ext: %d records for %s: %d bytes are left"
                .formatted(count, section, in.remaining()));
      }
      for (long i = 0; i < count; i++) {
        taker.take(section, in.slice(in.position(), size).order(in.order()));
        in.position(in.position() + size);
      }
    }
  }
}
