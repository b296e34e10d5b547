package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An object file whose maps are defined by numbers in a section {@code maps}, the form that libbpf
 * 1.0 dropped. It is read, linked and loaded without libbpf; multi-byte fields are little-endian.
 *
 * <pre>
 *   type:4 key:4 value:4 entries:4 flags:4 id:4 pinning:4 ...    (iproute2, struct bpf_elf_map)
 * </pre>
 */
final class LegacyObject implements AutoCloseable {
  private static final int SHT_PROGBITS = 1;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_NOBITS = 8;
  private static final int SHT_REL = 9;
  private static final int SHF_EXECINSTR = 4;
  private static final int STT_FUNC = 2;
  private static final int STT_SECTION = 3;
  private static final int SLOT = 8;
  private static final int LD_IMM64 = 0x18;
  private static final int CALL = 0x85;
  private static final int PSEUDO_MAP_FD = 1;
  private static final int PSEUDO_MAP_VALUE = 2;
  private static final int PSEUDO_CALL = 1;
  private static final int F_RDONLY_PROG = 1 << 7;
  private static final int F_XDP_HAS_FRAGS = 1 << 5;
  private static final int PERF_EVENT_ARRAY = 4;
  private static final int ARRAY_OF_MAPS = 12;
  private static final int HASH_OF_MAPS = 13;
  private static final int LEAST_DEFINITION = 16;

  /** Where the length of the CO-RE relocations is in {@code struct btf_ext_header}. */
  private static final int CORE_RELO_LENGTH = 28;

  private record Section(
      String name, int type, long flags, int link, int info, int size, ByteBuffer data) {
    boolean code() {
      return type == SHT_PROGBITS && (flags & SHF_EXECINSTR) != 0 && size > 0;
    }

    boolean maps() {
      return type == SHT_PROGBITS && (name.equals("maps") || name.startsWith("maps/"));
    }

    boolean holdsVariables() {
      return (type == SHT_PROGBITS || type == SHT_NOBITS)
          && (name.startsWith(".rodata") || name.startsWith(".data") || name.startsWith(".bss"));
    }
  }

  private record Symbol(String name, int type, int section, int value, int size) {}

  /** A function: where it is in its section, in slots. */
  private record Function(String name, int section, int start, int end) {}

  private record Place(int section, int offset) {}

  private final String file;
  private final ByteBuffer elf;
  private final List<Section> sections = new ArrayList<>();
  private final List<Symbol> symbols = new ArrayList<>();
  private final Map<Place, Symbol> relocations = new HashMap<>();
  private final Map<Place, Integer> maps = new HashMap<>();
  private final List<String> notices = new ArrayList<>();
  private String programName = "";
  private String sectionName = "";
  private byte[] instructions = new byte[0];
  private int type;
  private int programFd = -1;

  private LegacyObject(String file, byte[] bytes) {
    this.file = file;
    elf = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long table = elf.getLong(40);
    int count = elf.getShort(60) & 0xFFFF;
    int names = elf.getShort(62) & 0xFFFF;
    for (int i = 0; i < count; i++) {
      sections.add(section(Math.toIntExact(table) + 64 * i));
    }
    ByteBuffer strings = sections.get(names).data;
    for (int i = 0; i < count; i++) {
      Section raw = sections.get(i);
      String name = string(strings, elf.getInt(Math.toIntExact(table) + 64 * i));
      sections.set(
          i, new Section(name, raw.type, raw.flags, raw.link, raw.info, raw.size, raw.data));
    }
    for (Section section : sections) {
      if (section.type == SHT_SYMTAB) {
        readSymbols(section);
      }
    }
    for (Section section : sections) {
      if (section.type == SHT_REL) {
        for (int at = 0; at + 16 <= section.size; at += 16) {
          int symbol = (int) (section.data.getLong(at + 8) >>> 32);
          relocations.put(
              new Place(section.info, Math.toIntExact(section.data.getLong(at))),
              symbols.get(symbol));
        }
      }
    }
  }

  private Section section(int at) {
    int kind = elf.getInt(at + 4);
    int size = Math.toIntExact(elf.getLong(at + 32));
    boolean empty = kind == 0 || kind == SHT_NOBITS;
    ByteBuffer data =
        elf.slice(empty ? 0 : Math.toIntExact(elf.getLong(at + 24)), empty ? 0 : size);
    return new Section(
        "",
        kind,
        elf.getLong(at + 8),
        elf.getInt(at + 40),
        elf.getInt(at + 44),
        size,
        data.order(ByteOrder.LITTLE_ENDIAN));
  }

  private void readSymbols(Section section) {
    ByteBuffer strings = sections.get(section.link).data;
    for (int at = 0; at + 24 <= section.size; at += 24) {
      symbols.add(
          new Symbol(
              string(strings, section.data.getInt(at)),
              section.data.get(at + 4) & 15,
              section.data.getShort(at + 6) & 0xFFFF,
              Math.toIntExact(section.data.getLong(at + 8)),
              Math.toIntExact(section.data.getLong(at + 16))));
    }
  }

  private static String string(ByteBuffer strings, int offset) {
    int end = offset;
    while (strings.get(end) != 0) {
      end++;
    }
    byte[] bytes = new byte[end - offset];
    strings.get(offset, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Reads an object if it is one; empty if it is not, or is not well-formed. */
  static Optional<LegacyObject> read(String file, byte[] bytes) {
    try {
      LegacyObject object = new LegacyObject(file, bytes);
      boolean little = bytes[5] == 1;
      return little && object.sections.stream().anyMatch(Section::maps)
          ? Optional.of(object)
          : Optional.empty();
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Loads a program, and makes the maps that it refers to.
   *
   * @param wanted its name; may be empty if there is only one
   */
  void load(String wanted) throws EngineException {
    try {
      Function entry = choose(wanted);
      programName = entry.name;
      instructions = link(entry);
      sectionName = sections.get(entry.section).name;
      BpfSyscall.Loaded loaded =
          BpfSyscall.progLoad(
              programName,
              type,
              instructions,
              license(),
              sectionName.startsWith("xdp.frags") ? F_XDP_HAS_FRAGS : 0);
      LoadedObject.check(loaded.fd(), "load " + file, loaded.log());
      programFd = loaded.fd();
    } catch (IndexOutOfBoundsException | ArithmeticException e) {
      throw EngineException.refusal(file + ": an offset in it is outside the file", "");
    }
  }

  private Function choose(String wanted) throws EngineException {
    List<Function> found = new ArrayList<>();
    for (int i = 0; i < sections.size(); i++) {
      Section section = sections.get(i);
      int sectionType = Programs.type(section.name, !wanted.isEmpty());
      if (section.code() && !section.name.equals(".text") && sectionType != 0) {
        functions(i).stream()
            .filter(function -> wanted.isEmpty() || function.name.equals(wanted))
            .forEach(found::add);
      }
    }
    Programs.requireOne(file, wanted, found.stream().map(Function::name).toList());
    type = Programs.type(sections.get(found.get(0).section).name, true);
    for (Section section : sections) {
      if (section.name.equals(".BTF.ext")
          && section.size > CORE_RELO_LENGTH + 4
          && section.data.getInt(4) >= CORE_RELO_LENGTH + 4
          && section.data.getInt(CORE_RELO_LENGTH) > 0) {
        throw EngineException.refusal(
            file + ": CO-RE relocations beside maps in section maps: libbpf takes only the former",
            "");
      }
    }
    return found.get(0);
  }

  private List<Function> functions(int section) {
    List<Symbol> starts =
        symbols.stream()
            .filter(symbol -> symbol.section == section && symbol.type == STT_FUNC)
            .sorted(Comparator.comparingInt(Symbol::value))
            .toList();
    List<Function> functions = new ArrayList<>();
    for (int i = 0; i < starts.size(); i++) {
      int end = i + 1 < starts.size() ? starts.get(i + 1).value : sections.get(section).size;
      functions.add(
          new Function(starts.get(i).name, section, starts.get(i).value / SLOT, end / SLOT));
    }
    return functions;
  }

  /** Puts an entry and the functions that it calls one after the other, with maps in place. */
  private byte[] link(Function entry) throws EngineException {
    Map<Function, Integer> placed = new LinkedHashMap<>();
    Deque<Function> waiting = new ArrayDeque<>(List.of(entry));
    int total = 0;
    while (!waiting.isEmpty()) {
      Function function = waiting.remove();
      if (placed.putIfAbsent(function, total) != null) {
        continue;
      }
      total += function.end - function.start;
      for (int slot = function.start; slot < function.end; slot++) {
        callee(function, slot).ifPresent(waiting::add);
      }
    }
    ByteBuffer code = ByteBuffer.allocate(total * SLOT).order(ByteOrder.LITTLE_ENDIAN);
    for (Map.Entry<Function, Integer> place : placed.entrySet()) {
      Function function = place.getKey();
      code.put(
          place.getValue() * SLOT,
          sections.get(function.section).data,
          function.start * SLOT,
          (function.end - function.start) * SLOT);
      for (int slot = function.start; slot < function.end; slot++) {
        int at = place.getValue() + slot - function.start;
        Optional<Function> callee = callee(function, slot);
        if (callee.isPresent()) {
          code.put(at * SLOT + 1, (byte) (PSEUDO_CALL << 4));
          code.putInt(at * SLOT + 4, placed.getOrDefault(callee.get(), 0) - at - 1);
        } else {
          Symbol symbol = relocations.get(new Place(function.section, slot * SLOT));
          if (symbol != null) {
            refer(function, slot, symbol, code, at * SLOT);
          }
        }
      }
    }
    return code.array();
  }

  /** Returns the function that an instruction calls. */
  private Optional<Function> callee(Function caller, int slot) throws EngineException {
    ByteBuffer code = sections.get(caller.section).data;
    if ((code.get(slot * SLOT) & 0xFF) != CALL) {
      return Optional.empty();
    }
    Symbol symbol = relocations.get(new Place(caller.section, slot * SLOT));
    int imm = code.getInt(slot * SLOT + 4);
    if (symbol == null) {
      boolean local = code.get(slot * SLOT + 1) >> 4 == PSEUDO_CALL;
      return local ? Optional.of(at(caller.section, slot + 1 + imm)) : Optional.empty();
    }
    if (symbol.section == 0 || !sections.get(symbol.section).code()) {
      throw nowhere(caller, slot, symbol);
    }
    int more = symbol.type == STT_SECTION ? imm + 1 : 0;
    return Optional.of(at(symbol.section, symbol.value / SLOT + more));
  }

  private Function at(int section, int slot) throws EngineException {
    for (Function function : functions(section)) {
      if (function.start == slot) {
        return function;
      }
    }
    throw EngineException.refusal(
        "%s: section %s: no function begins at insn %d"
            .formatted(file, sections.get(section).name, slot),
        "");
  }

  /** Puts a map's fd into an instruction that names the map or a variable in it. */
  private void refer(Function function, int slot, Symbol symbol, ByteBuffer code, int at)
      throws EngineException {
    Section target = sections.get(symbol.section < sections.size() ? symbol.section : 0);
    if (code.get(at) != LD_IMM64 || !target.maps() && !target.holdsVariables()) {
      throw nowhere(function, slot, symbol);
    }
    int offset =
        symbol.value
            + (symbol.type == STT_SECTION || target.holdsVariables() ? code.getInt(at + 4) : 0);
    int source = target.maps() ? PSEUDO_MAP_FD : PSEUDO_MAP_VALUE;
    code.put(at + 1, (byte) (code.get(at + 1) & 15 | source << 4));
    code.putInt(at + 4, target.maps() ? map(symbol.section, offset) : variables(symbol.section));
    code.putInt(at + SLOT + 4, target.maps() ? 0 : offset);
  }

  private EngineException nowhere(Function function, int slot, Symbol symbol) {
    return EngineException.refusal(
        "%s: program %s: insn %d: '%s': expected a map, a variable or a function of the object"
            .formatted(file, function.name, slot - function.start, symbol.name),
        "");
  }

  /** Makes the map that is defined at a place. */
  private int map(int section, int offset) throws EngineException {
    Place place = new Place(section, offset);
    Integer made = maps.get(place);
    if (made != null) {
      return made;
    }
    Symbol symbol =
        symbols.stream()
            .filter(s -> s.section == section && s.value == offset && s.type != STT_SECTION)
            .findFirst()
            .orElseThrow(
                () ->
                    EngineException.refusal(
                        "%s: section maps: byte %d: expected the start of a map"
                            .formatted(file, offset),
                        ""));
    if (symbol.size < LEAST_DEFINITION) {
      throw EngineException.refusal(
          "%s: map %s: definition of %d bytes: expected at least %d"
              .formatted(file, symbol.name, symbol.size, LEAST_DEFINITION),
          "");
    }
    ByteBuffer data = sections.get(section).data;
    int mapType = data.getInt(offset);
    if (mapType == ARRAY_OF_MAPS || mapType == HASH_OF_MAPS) {
      throw EngineException.refusal(
          "%s: map %s: a map of maps in section maps: expected one in .maps"
              .formatted(file, symbol.name),
          "");
    }
    int pinning = symbol.size >= 28 ? data.getInt(offset + 24) : 0;
    if (pinning != 0) {
      notices.add(
          "%s: map %s: pinning %d: not pinned, only this filter uses it"
              .formatted(file, symbol.name, pinning));
    }
    int entries = data.getInt(offset + 12);
    return make(
        place,
        symbol.name,
        mapType,
        data.getInt(offset + 4),
        data.getInt(offset + 8),
        mapType == PERF_EVENT_ARRAY && entries == 0
            ? Runtime.getRuntime().availableProcessors()
            : entries,
        symbol.size >= 20 ? data.getInt(offset + 16) : 0);
  }

  /** Makes the map that holds a section of variables. */
  private int variables(int index) throws EngineException {
    Place place = new Place(index, -1);
    Integer made = maps.get(place);
    if (made != null) {
      return made;
    }
    Section section = sections.get(index);
    boolean constant = section.name.startsWith(".rodata");
    int fd =
        make(
            place,
            section.name,
            BpfSyscall.MAP_TYPE_ARRAY,
            4,
            section.size,
            1,
            constant ? F_RDONLY_PROG : 0);
    byte[] bytes = new byte[section.size];
    section.data.get(0, bytes, 0, section.data.capacity());
    try (Memory key = new Memory(4);
        Memory value = new Memory(Math.max(1, bytes.length))) {
      key.setInt(0, 0);
      value.write(0, bytes, 0, bytes.length);
      check(BpfSyscall.mapUpdate(fd, key, value), section.name);
    }
    if (constant) {
      check(Bpf.freeze(fd), section.name);
    }
    return fd;
  }

  private int make(
      Place place, String name, int mapType, int key, int value, int entries, int flags)
      throws EngineException {
    int fd = BpfSyscall.mapCreate(name, mapType, key, value, entries, flags);
    check(fd, name);
    maps.put(place, fd);
    return fd;
  }

  private void check(int result, String map) throws EngineException {
    LoadedObject.check(result, "%s: map %s".formatted(file, map), "");
  }

  private String license() {
    return sections.stream()
        .filter(section -> section.name.equals("license"))
        .map(section -> string(section.data, 0))
        .findFirst()
        .orElse("");
  }

  int type() {
    return type;
  }

  String programName() {
    return programName;
  }

  String section() {
    return sectionName;
  }

  int programFd() {
    return programFd;
  }

  /** Returns the instructions with fds of maps in them. */
  byte[] instructions() {
    return instructions.clone();
  }

  /** Returns what was not done as the object says. */
  List<String> notices() {
    return List.copyOf(notices);
  }

  @Override
  public void close() {
    maps.values().forEach(LibC::close);
    maps.clear();
    if (programFd >= 0) {
      LibC.close(programFd);
      programFd = -1;
    }
  }
}
