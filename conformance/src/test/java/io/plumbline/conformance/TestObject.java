package io.plumbline.conformance;

import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Object files of one assembled program, as small as libbpf accepts them. */
final class TestObject {
  private static final int HEADER = 64;
  private static final int SECTION_HEADER = 64;
  private static final int SYMBOL = 24;
  private static final int SECTIONS = 5;
  private static final int PROGBITS = 1;
  private static final int SYMTAB = 2;
  private static final int STRTAB = 3;
  private static final int ALLOC_EXEC = 6;
  private static final int ALLOC_WRITE = 3;
  private static final int GLOBAL_FUNC = 0x12;
  private static final int EM_BPF = 247;

  private TestObject() {}

  /** Returns an object of a program for traffic control. */
  static byte[] tc(String program, String... instructions) throws IsaException {
    return of("tc", program, instructions);
  }

  /**
   * Returns an object.
   *
   * @param section what the program attaches to
   */
  static byte[] of(String section, String program, String... instructions) throws IsaException {
    byte[] code = InsnCodec.encode(Assembler.assemble(String.join("\n", instructions)));
    byte[] license = "GPL\0".getBytes(StandardCharsets.US_ASCII);
    String[] names = {section, "license", ".symtab", ".strtab", program};
    int[] nameAt = new int[names.length];
    StringBuilder text = new StringBuilder("\0");
    for (int i = 0; i < names.length; i++) {
      nameAt[i] = text.length();
      text.append(names[i]).append('\0');
    }
    byte[] strings = text.toString().getBytes(StandardCharsets.US_ASCII);
    int licenseAt = HEADER + code.length;
    int symbolsAt = licenseAt + license.length + 4; // a multiple of 8
    int stringsAt = symbolsAt + 2 * SYMBOL;
    int headersAt = (stringsAt + strings.length + 7) / 8 * 8;
    ByteBuffer elf =
        ByteBuffer.allocate(headersAt + SECTIONS * SECTION_HEADER).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
    elf.position(16);
    elf.putShort((short) 1).putShort((short) EM_BPF).putInt(1).putLong(0).putLong(0);
    elf.putLong(headersAt).putInt(0).putShort((short) HEADER).putShort((short) 0);
    elf.putShort((short) 0).putShort((short) SECTION_HEADER).putShort((short) SECTIONS);
    elf.putShort((short) 4);
    elf.position(HEADER).put(code).put(license);
    elf.position(symbolsAt + SYMBOL);
    elf.putInt(nameAt[4]).put((byte) GLOBAL_FUNC).put((byte) 0).putShort((short) 1);
    elf.putLong(0).putLong(code.length);
    elf.position(stringsAt).put(strings);
    elf.position(headersAt + SECTION_HEADER);
    section(elf, nameAt[0], PROGBITS, ALLOC_EXEC, HEADER, code.length, 0, 0);
    section(elf, nameAt[1], PROGBITS, ALLOC_WRITE, licenseAt, license.length, 0, 0);
    section(elf, nameAt[2], SYMTAB, 0, symbolsAt, 2 * SYMBOL, 4, SYMBOL);
    section(elf, nameAt[3], STRTAB, 0, stringsAt, strings.length, 0, 0);
    return elf.array();
  }

  private static void section(
      ByteBuffer elf, int name, int type, int flags, int at, int size, int link, int entry) {
    elf.putInt(name).putInt(type).putLong(flags).putLong(0).putLong(at).putLong(size);
    elf.putInt(link).putInt(type == SYMTAB ? 1 : 0).putLong(8).putLong(entry);
  }
}
