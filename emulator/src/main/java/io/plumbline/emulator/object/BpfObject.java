package io.plumbline.emulator.object;

import io.plumbline.emulator.isa.Insn;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an object file says: programs, maps, variables. Inert, and the same for the same file.
 *
 * @param order the byte order of instructions and data; only little-endian programs can be run
 * @param license empty if the object has none
 * @param programs entry points, each followed by the functions it calls
 * @param uncalled functions that no program calls, each followed by those it calls
 * @param maps those it declares, then those of its global variables
 * @param variables global variables by name
 * @param btf type information; without types if the object has none
 */
public record BpfObject(
    ByteOrder order,
    String license,
    List<Program> programs,
    List<Program> uncalled,
    List<MapSpec> maps,
    Map<String, Variable> variables,
    Btf btf) {
  /**
   * A program. Maps are referred to by {@code LDDW_MAP_INDEX} and {@code LDDW_MAP_INDEX_VALUE}, as
   * positions in {@link BpfObject#maps}.
   *
   * @param section where it was, which says what it attaches to
   * @param functions where each function starts, by slot, the entry first
   * @param lines source line of a slot, where one begins
   * @param externs what is not in the object, by the slot of the instruction that names it
   */
  public record Program(
      String name,
      String section,
      List<Insn> insns,
      Map<Integer, String> functions,
      Map<Integer, SourceLine> lines,
      Map<Integer, String> externs) {}

  /** A line of source. */
  public record SourceLine(String file, int line, String text) {
    @Override
    public String toString() {
      return "%s:%d: %s".formatted(file.substring(file.lastIndexOf('/') + 1), line, text);
    }
  }

  /**
   * A global variable.
   *
   * @param map the index of the map that holds it
   * @param offset in that map's value, in bytes
   */
  public record Variable(int map, int offset, int size) {}

  /**
   * What reading needs to know beside the file.
   *
   * @param kconfig values of kernel configuration, {@code CONFIG_HZ} to {@code 250}
   * @param target types of the kernel to relocate fields for; empty: they stay as compiled
   */
  public record Options(Map<String, String> kconfig, Optional<Btf> target) {
    public static final Options NONE = new Options(Map.of(), Optional.empty());
  }

  /** Reads an object file. */
  public static BpfObject read(byte[] bytes) throws ObjectException {
    return read(bytes, Options.NONE);
  }

  /**
   * Reads an object file.
   *
   * @throws ObjectException if it is not one, or asks for what there is not
   */
  public static BpfObject read(byte[] bytes, Options options) throws ObjectException {
    return new ObjectReader(ElfFile.read(bytes), options).read();
  }

  /** Finds a program by name. */
  public Optional<Program> program(String name) {
    return programs.stream().filter(p -> p.name().equals(name)).findFirst();
  }

  /** Returns the position of a map, or -1. */
  public int mapIndex(String name) {
    for (int i = 0; i < maps.size(); i++) {
      if (maps.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }
}
