package io.plumbline.emulator.object;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Sections, symbols and relocations of a 64-bit ELF file for BPF (System V ABI, chapter 4). Every
 * offset and length is checked against the file before anything is read or allocated.
 */
final class ElfFile {
  static final int SHT_PROGBITS = 1;
  static final int SHT_NOBITS = 8;
  static final int SHF_EXECINSTR = 4;
  static final int STT_NOTYPE = 0;
  static final int STT_OBJECT = 1;
  static final int STT_FUNC = 2;
  static final int STT_SECTION = 3;
  static final int STB_LOCAL = 0;
  static final int STB_WEAK = 2;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_REL = 9;
  private static final int CLASS64 = 2;
  private static final int DATA2LSB = 1;
  private static final int DATA2MSB = 2;
  private static final int CURRENT = 1;
  private static final int ET_REL = 1;
  private static final int EM_BPF = 247;
  private static final int HEADER = 64;
  private static final int SECTION_HEADER = 64;
  private static final int SYMBOL = 24;
  private static final int REL = 16;
  private static final int SHN_LORESERVE = 0xFF00;

  /**
   * A section.
   *
   * @param data its bytes in the file; empty for one that occupies none
   */
  record Section(int index, String name, int type, long flags, long size, ByteBuffer data) {
    boolean code() {
      return type == SHT_PROGBITS && (flags & SHF_EXECINSTR) != 0 && size > 0;
    }
  }

  /**
   * A symbol.
   *
   * @param section the index of its section; 0 if it is not defined here
   */
  record Symbol(String name, int type, int bind, int section, long value, long size) {}

  /**
   * A relocation.
   *
   * @param offset where in the section, in bytes
   */
  record Relocation(long offset, int type, Symbol symbol) {}

  private final ByteBuffer file;
  private final List<Section> sections = new ArrayList<>();
  private final List<Symbol> symbols = new ArrayList<>();
  private final List<List<Relocation>> relocations = new ArrayList<>();

  private ElfFile(ByteBuffer file) {
    this.file = file;
  }

  static ElfFile read(byte[] bytes) throws ObjectException {
    if (bytes.length < HEADER
        || bytes[0] != 0x7F
        || bytes[1] != 'E'
        || bytes[2] != 'L'
        || bytes[3] != 'F') {
      throw new ObjectException("elf: no ELF header: expected at least 64 bytes from 7f 45 4c 46");
    }
    expect("EI_CLASS", bytes[4] & 0xFF, CLASS64, "ELFCLASS64");
    if (bytes[5] != DATA2LSB && bytes[5] != DATA2MSB) {
      throw new ObjectException(
          "elf: EI_DATA %d: expected 1 (little-endian) or 2 (big-endian)"
              .formatted(bytes[5] & 0xFF));
    }
    expect("EI_VERSION", bytes[6] & 0xFF, CURRENT, "EV_CURRENT");
    ByteBuffer file =
        ByteBuffer.wrap(bytes)
            .order(bytes[5] == DATA2LSB ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    ElfFile elf = new ElfFile(file);
    if (file.getInt(20) == Integer.reverseBytes(CURRENT)) {
      throw new ObjectException(
          "elf: EI_DATA %d (%s): the header is in the other byte order"
              .formatted(bytes[5], bytes[5] == DATA2LSB ? "little-endian" : "big-endian"));
    }
    expect("e_version", file.getInt(20), CURRENT, "EV_CURRENT");
    expect("e_type", file.getShort(16) & 0xFFFF, ET_REL, "ET_REL");
    int machine = file.getShort(18) & 0xFFFF;
    // Compilers before the number was assigned wrote 0.
    if (machine != 0) {
      expect("e_machine", machine, EM_BPF, "EM_BPF");
    }
    expect("e_ehsize", file.getShort(52) & 0xFFFF, HEADER, "a 64-bit header");
    elf.readSections();
    elf.readSymbols();
    elf.readRelocations();
    return elf;
  }

  private static void expect(String field, int value, int expected, String name)
      throws ObjectException {
    if (value != expected) {
      throw new ObjectException(
          "elf: %s %d: expected %d (%s)".formatted(field, value, expected, name));
    }
  }

  ByteOrder order() {
    return file.order();
  }

  List<Section> sections() {
    return sections;
  }

  List<Symbol> symbols() {
    return symbols;
  }

  Optional<Section> section(String name) {
    return sections.stream().filter(s -> s.name.equals(name)).findFirst();
  }

  /** Returns a section's relocations. */
  List<Relocation> relocations(int section) {
    return relocations.get(section);
  }

  private void readSections() throws ObjectException {
    long table = file.getLong(40);
    int entrySize = file.getShort(58) & 0xFFFF;
    int count = file.getShort(60) & 0xFFFF;
    int names = file.getShort(62) & 0xFFFF;
    if (entrySize != SECTION_HEADER) {
      throw new ObjectException("elf: section header size %d: expected 64".formatted(entrySize));
    }
    ByteBuffer headers = slice("section headers", table, (long) count * SECTION_HEADER);
    if (names >= count) {
      throw new ObjectException(
          "elf: section of names %d: expected 0..%d".formatted(names, count - 1));
    }
    ByteBuffer strings = body(headers, names);
    for (int i = 0; i < count; i++) {
      int at = i * SECTION_HEADER;
      String name = i == 0 ? "" : string(strings, headers.getInt(at));
      int type = headers.getInt(at + 4);
      sections.add(
          new Section(
              i, name, type, headers.getLong(at + 8), headers.getLong(at + 32), body(headers, i)));
      relocations.add(new ArrayList<>());
    }
  }

  private ByteBuffer body(ByteBuffer headers, int index) throws ObjectException {
    int at = index * SECTION_HEADER;
    int type = headers.getInt(at + 4);
    if (index == 0 || type == SHT_NOBITS || type == 0) {
      return ByteBuffer.allocate(0).order(order());
    }
    return slice("section " + index, headers.getLong(at + 24), headers.getLong(at + 32));
  }

  private ByteBuffer slice(String what, long offset, long length) throws ObjectException {
    if (offset < 0 || length < 0 || offset > file.capacity() - length) {
      throw new ObjectException(
          "elf: %s at %d, %d bytes: the file has %d"
              .formatted(what, offset, length, file.capacity()));
    }
    return file.slice((int) offset, (int) length).order(order());
  }

  static String string(ByteBuffer strings, int offset) throws ObjectException {
    int end = offset;
    while (end >= 0 && end < strings.capacity() && strings.get(end) != 0) {
      end++;
    }
    if (end < offset || end < 0 || end >= strings.capacity()) {
      throw new ObjectException(
          "string at %d: expected within %d bytes and a zero at its end"
              .formatted(offset, strings.capacity()));
    }
    byte[] bytes = new byte[end - offset];
    strings.get(offset, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void readSymbols() throws ObjectException {
    for (Section section : sections) {
      if (section.type != SHT_SYMTAB) {
        continue;
      }
      ByteBuffer strings = linked(section).data;
      ByteBuffer data = section.data;
      for (int at = 0; at + SYMBOL <= data.capacity(); at += SYMBOL) {
        int info = data.get(at + 4) & 0xFF;
        int index = data.getShort(at + 6) & 0xFFFF;
        if (index >= sections.size() && index < SHN_LORESERVE) {
          throw new ObjectException(
              "elf: symbol %d: section %d: expected 0..%d"
                  .formatted(at / SYMBOL, index, sections.size() - 1));
        }
        String name = string(strings, data.getInt(at));
        int type = info & 15;
        if (type == STT_SECTION && index < sections.size()) {
          name = sections.get(index).name;
        }
        symbols.add(
            new Symbol(
                name,
                type,
                info >> 4,
                index >= SHN_LORESERVE ? -1 : index,
                data.getLong(at + 8),
                data.getLong(at + 16)));
      }
      return;
    }
  }

  private Section linked(Section section) throws ObjectException {
    int at = (int) file.getLong(40) + section.index * SECTION_HEADER;
    int link = file.getInt(at + 40);
    if (link < 0 || link >= sections.size()) {
      throw new ObjectException(
          "elf: section %s: link %d: expected 0..%d"
              .formatted(section.name, link, sections.size() - 1));
    }
    return sections.get(link);
  }

  private void readRelocations() throws ObjectException {
    for (Section section : sections) {
      if (section.type != SHT_REL) {
        continue;
      }
      int at = (int) file.getLong(40) + section.index * SECTION_HEADER;
      int target = file.getInt(at + 44);
      if (target <= 0 || target >= sections.size()) {
        throw new ObjectException(
            "elf: section %s: applies to section %d: expected 1..%d"
                .formatted(section.name, target, sections.size() - 1));
      }
      for (int i = 0; i + REL <= section.data.capacity(); i += REL) {
        long info = section.data.getLong(i + 8);
        long symbol = info >>> 32;
        if (symbol >= symbols.size()) {
          throw new ObjectException(
              "elf: section %s: relocation %d: symbol %d: there are %d"
                  .formatted(section.name, i / REL, symbol, symbols.size()));
        }
        relocations
            .get(target)
            .add(new Relocation(section.data.getLong(i), (int) info, symbols.get((int) symbol)));
      }
    }
  }
}
