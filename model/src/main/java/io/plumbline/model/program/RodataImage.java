package io.plumbline.model.program;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The exact bytes of a program's read-only variables, by symbol: what the kernel object is given
 * instead of the input. Numbers are in the machine's byte order, as the loader writes them into
 * {@code .rodata} (traffico specification, section 0).
 */
public final class RodataImage {
  private final Map<String, byte[]> symbols = new LinkedHashMap<>();

  private RodataImage() {}

  /** Lowers the input of a program that runs alone. */
  public static RodataImage standalone(ProgramSpec program, Input input) {
    RodataImage image = new RodataImage();
    image.putInput(program, input);
    return image;
  }

  /** Lowers the input of a stage in slot {@code slot} (0..7) of a chain. */
  public static RodataImage stage(Chain.Stage stage, int slot) {
    RodataImage image = standalone(stage.program(), stage.input());
    image.symbols.put("slot", number(4, List.of(slot)));
    image.symbols.put("chained", new byte[] {1});
    return image;
  }

  /** Returns the symbols in the order they were written, each with a copy of its bytes. */
  public Map<String, byte[]> symbols() {
    Map<String, byte[]> copy = new LinkedHashMap<>();
    symbols.forEach((name, bytes) -> copy.put(name, bytes.clone()));
    return Collections.unmodifiableMap(copy);
  }

  private void putInput(ProgramSpec program, Input input) {
    switch (program.grammar()) {
      case NONE -> {}
      case IPV4_ADDRESS -> symbols.put("input", number(4, List.of((int) input.scalar())));
      case PORT -> symbols.put("input", number(2, List.of((int) input.scalar())));
      case ETHERTYPES -> putSet(2, input.allowed());
      case PROTOCOLS -> putSet(1, input.allowed());
    }
  }

  private void putSet(int width, List<Integer> values) {
    byte[] all = new byte[width * InputGrammar.MAX_VALUES];
    byte[] given = number(width, values);
    System.arraycopy(given, 0, all, 0, given.length);
    symbols.put("allowed", all);
    symbols.put("num_allowed", new byte[] {(byte) values.size()});
  }

  private static byte[] number(int width, List<Integer> values) {
    ByteBuffer bytes = ByteBuffer.allocate(width * values.size()).order(ByteOrder.nativeOrder());
    for (int value : values) {
      switch (width) {
        case 1 -> bytes.put((byte) value);
        case 2 -> bytes.putShort((short) value);
        default -> bytes.putInt(value);
      }
    }
    return bytes.array();
  }
}
