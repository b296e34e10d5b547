package io.plumbline.emulator.object;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Puts a file together: maps, global variables, relocated code, and programs out of functions. */
final class ObjectReader {
  private static final int ARRAY = 2;
  private static final int MMAPABLE = 1 << 10;
  private static final int MAX_DATA = 64 << 20;
  private static final int MAX_INSNS = 1_000_000;

  /** A function within a section, in slots. */
  private record Function(int section, String name, int start, int end, boolean local) {}

  /** A reference of an instruction to a function. */
  private record FunctionReference(int section, int slot) {}

  private final ElfFile elf;
  private final BpfObject.Options options;
  private final Btf btf;
  private final Optional<BtfExt> ext;
  private final MapReader mapReader;
  private final List<MapSpec> maps;
  private final Map<Integer, Integer> dataMaps = new HashMap<>();
  private final Map<String, BpfObject.Variable> variables = new LinkedHashMap<>();
  private final Map<Integer, List<Insn>> code = new TreeMap<>();
  private final Map<Integer, List<Function>> functions = new TreeMap<>();
  private final Map<Integer, Map<Integer, FunctionReference>> references = new HashMap<>();
  private final Map<Integer, Map<Integer, String>> externs = new HashMap<>();
  private final Set<Function> linked = new HashSet<>();
  private final Map<String, BpfObject.Variable> kconfig = new HashMap<>();
  private final Map<String, NavigableMap<Integer, BpfObject.SourceLine>> lines = new HashMap<>();

  ObjectReader(ElfFile elf, BpfObject.Options options) throws ObjectException {
    this.elf = elf;
    this.options = options;
    Optional<ElfFile.Section> types = elf.section(".BTF");
    btf = types.isPresent() ? Btf.read(types.get().data()) : Btf.empty();
    Optional<ElfFile.Section> extended = elf.section(".BTF.ext");
    ext =
        types.isPresent() && extended.isPresent()
            ? Optional.of(BtfExt.read(extended.get().data(), btf))
            : Optional.empty();
    mapReader = new MapReader(elf, btf);
    maps = new ArrayList<>(mapReader.read());
  }

  BpfObject read() throws ObjectException {
    for (ElfFile.Section section : elf.sections()) {
      if (isData(section)) {
        addData(section);
      }
    }
    addKconfig();
    for (ElfFile.Section section : elf.sections()) {
      if (section.code()) {
        code.put(section.index(), decode(section));
        functions.put(section.index(), functionsOf(section));
      }
    }
    for (ElfFile.Section section : elf.sections()) {
      if (section.code()) {
        relocate(section);
      }
    }
    relocateByType();
    return new BpfObject(
        elf.order(),
        license(),
        programs(),
        uncalled(),
        List.copyOf(maps),
        Map.copyOf(variables),
        btf);
  }

  private static boolean isData(ElfFile.Section section) {
    String name = section.name();
    return section.size() > 0
        && (name.startsWith(".rodata")
            || name.equals(".data")
            || name.startsWith(".data.")
            || name.equals(".bss")
            || name.startsWith(".bss."))
        && (section.type() == ElfFile.SHT_PROGBITS || section.type() == ElfFile.SHT_NOBITS);
  }

  private void addData(ElfFile.Section section) throws ObjectException {
    if (section.size() > Integer.MAX_VALUE || section.size() < 0) {
      throw new ObjectException(
          "section %s: %d bytes: expected at most %d"
              .formatted(section.name(), section.size(), Integer.MAX_VALUE));
    }
    byte[] bytes = new byte[section.data().capacity()];
    section.data().get(0, bytes);
    boolean readOnly = section.name().startsWith(".rodata");
    dataMaps.put(section.index(), maps.size());
    for (ElfFile.Symbol symbol : elf.symbols()) {
      if (symbol.section() == section.index() && symbol.type() == ElfFile.STT_OBJECT) {
        if (symbol.value() < 0
            || symbol.size() < 0
            || symbol.value() > section.size() - symbol.size()) {
          throw new ObjectException(
              "section %s: variable %s: %d bytes at %d: the section has %d"
                  .formatted(
                      section.name(),
                      symbol.name(),
                      symbol.size(),
                      symbol.value(),
                      section.size()));
        }
        variables.put(
            symbol.name(),
            new BpfObject.Variable(maps.size(), (int) symbol.value(), (int) symbol.size()));
      }
    }
    MapSpec spec =
        MapSpec.of(
                section.name(),
                ARRAY,
                4,
                (int) section.size(),
                1,
                MMAPABLE | (readOnly ? MapSpec.F_RDONLY_PROG : 0))
            .withInitial(bytes);
    maps.add(
        section.size() <= MAX_DATA
            ? spec
            : spec.refused("%d bytes: expected at most %d".formatted(section.size(), MAX_DATA)));
  }

  /** Lays out the kernel configuration that the object asks for, and fills it in. */
  private void addKconfig() throws ObjectException {
    Optional<Btf.Type> section = btf.find(Btf.Kind.DATASEC, ".kconfig");
    if (section.isEmpty()) {
      return;
    }
    List<String> names = new ArrayList<>();
    int offset = 0;
    for (Btf.Member entry : section.get().members()) {
      Btf.Type variable = btf.type(entry.type());
      long size = btf.size(variable.target());
      if (size > 4096) {
        throw new ObjectException(
            "extern %s: %d bytes: expected at most 4096".formatted(variable.name(), size));
      }
      int align = (int) Math.max(1, Math.min(8, Long.highestOneBit(Math.max(1, size))));
      offset = (offset + align - 1) / align * align;
      kconfig.put(variable.name(), new BpfObject.Variable(maps.size(), offset, (int) size));
      names.add(variable.name());
      offset += (int) size;
    }
    byte[] bytes = new byte[offset];
    for (String name : names) {
      BpfObject.Variable place = kconfig.get(name);
      String value = options.kconfig().get(name);
      boolean weak =
          elf.symbols().stream()
              .anyMatch(s -> s.name().equals(name) && s.bind() == ElfFile.STB_WEAK);
      if (place == null || (value == null && weak)) {
        continue;
      }
      write(bytes, place, name, value == null ? "0" : value);
    }
    variables.putAll(kconfig);
    maps.add(
        MapSpec.of(".kconfig", ARRAY, 4, offset, 1, MMAPABLE | MapSpec.F_RDONLY_PROG)
            .withInitial(bytes));
  }

  private void write(byte[] bytes, BpfObject.Variable place, String name, String value)
      throws ObjectException {
    if (value.startsWith("\"")) {
      byte[] text = value.replace("\"", "").getBytes(StandardCharsets.UTF_8);
      System.arraycopy(text, 0, bytes, place.offset(), Math.min(text.length, place.size() - 1));
      return;
    }
    long number =
        switch (value.toLowerCase(Locale.ROOT)) {
          case "y" -> 1;
          case "n" -> 0;
          case "m" -> place.size() == 1 ? 1 : 2;
          default -> {
            try {
              yield Long.decode(value);
            } catch (NumberFormatException e) {
              throw new ObjectException(
                  "kconfig: %s=%s: expected a number, y, n, m or a quoted text"
                      .formatted(name, value));
            }
          }
        };
    for (int i = 0; i < Math.min(8, place.size()); i++) {
      bytes[place.offset() + i] = (byte) (number >>> 8 * i);
    }
  }

  private List<Insn> decode(ElfFile.Section section) throws ObjectException {
    if (section.size() / InsnCodec.SLOT > MAX_INSNS) {
      throw new ObjectException(
          "section %s: %d bytes of code: expected at most %d instructions"
              .formatted(section.name(), section.size(), MAX_INSNS));
    }
    try {
      return new ArrayList<>(InsnCodec.decode(section.data().duplicate().order(elf.order())));
    } catch (IsaException e) {
      throw new ObjectException("section %s: %s".formatted(section.name(), e.getMessage()));
    }
  }

  private List<Function> functionsOf(ElfFile.Section section) throws ObjectException {
    List<ElfFile.Symbol> symbols = symbolsOf(section, ElfFile.STT_FUNC, false);
    if (symbols.isEmpty()) {
      // Compilers before LLVM 8 gave functions no type; labels are local.
      symbols = symbolsOf(section, ElfFile.STT_NOTYPE, true);
    }
    List<Function> found = new ArrayList<>();
    int slots = (int) (section.size() / InsnCodec.SLOT);
    for (int i = 0; i < symbols.size(); i++) {
      ElfFile.Symbol symbol = symbols.get(i);
      long start = symbol.value() / InsnCodec.SLOT;
      long end = i + 1 < symbols.size() ? symbols.get(i + 1).value() / InsnCodec.SLOT : slots;
      if (symbol.value() < 0 || symbol.value() % InsnCodec.SLOT != 0 || start >= slots) {
        throw new ObjectException(
            "section %s: function %s at byte %d: expected a multiple of 8 below %d"
                .formatted(section.name(), symbol.name(), symbol.value(), section.size()));
      }
      if (end > start) {
        found.add(
            new Function(
                section.index(),
                symbol.name(),
                (int) start,
                (int) end,
                symbol.bind() == ElfFile.STB_LOCAL));
      }
    }
    if (found.isEmpty()) {
      found.add(new Function(section.index(), section.name(), 0, slots, false));
    }
    return found;
  }

  private List<ElfFile.Symbol> symbolsOf(ElfFile.Section section, int type, boolean global) {
    return elf.symbols().stream()
        .filter(s -> s.section() == section.index() && s.type() == type && !s.name().isEmpty())
        .filter(s -> !global || s.bind() != ElfFile.STB_LOCAL)
        .sorted(Comparator.comparingLong(ElfFile.Symbol::value))
        .toList();
  }

  private void relocate(ElfFile.Section section) throws ObjectException {
    List<Insn> insns = insnsOf(section.index());
    for (ElfFile.Relocation relocation : elf.relocations(section.index())) {
      long slot = relocation.offset() / InsnCodec.SLOT;
      if (relocation.offset() < 0
          || relocation.offset() % InsnCodec.SLOT != 0
          || slot >= insns.size()) {
        throw new ObjectException(
            "section %s: relocation at byte %d: expected a multiple of 8 below %d"
                .formatted(section.name(), relocation.offset(), section.size()));
      }
      Insn insn = insns.get((int) slot);
      switch (insn.opcode().form()) {
        case LDDW -> insns.set((int) slot, constant(section, (int) slot, insn, relocation));
        case CALL -> insns.set((int) slot, call(section, (int) slot, insn, relocation));
        default ->
            throw new ObjectException(
                "section %s: insn %d: relocation of '%s': expected lddw or call"
                    .formatted(section.name(), slot, insn));
      }
    }
  }

  private List<Insn> insnsOf(int section) {
    return code.getOrDefault(section, List.of());
  }

  private Insn constant(ElfFile.Section section, int slot, Insn insn, ElfFile.Relocation relocation)
      throws ObjectException {
    ElfFile.Symbol symbol = relocation.symbol();
    if (symbol.section() == 0) {
      BpfObject.Variable config = kconfig.get(symbol.name());
      if (config != null) {
        return value(insn.dst(), config.map(), config.offset());
      }
      if (symbol.bind() != ElfFile.STB_WEAK) {
        externsOf(section.index()).put(slot, symbol.name());
      }
      return Insn.of(Opcode.LDDW, insn.dst(), 0, 0, 0);
    }
    Optional<Integer> map = mapReader.at(symbol.section(), symbol.value());
    if (map.isPresent() && symbol.type() != ElfFile.STT_SECTION) {
      return Insn.of(Opcode.LDDW_MAP_INDEX, insn.dst(), 0, 0, map.get());
    }
    if (symbol.type() == ElfFile.STT_SECTION) {
      map = mapReader.at(symbol.section(), symbol.value() + insn.immLow());
      if (map.isPresent()) {
        return Insn.of(Opcode.LDDW_MAP_INDEX, insn.dst(), 0, 0, map.get());
      }
    }
    Integer data = dataMaps.get(symbol.section());
    if (data == null && symbol.section() > 0 && !code.containsKey(symbol.section())) {
      // A section of data by another name: what refers to it says what it is.
      ElfFile.Section named = elf.sections().get(symbol.section());
      if (named.size() > 0
          && (named.type() == ElfFile.SHT_PROGBITS || named.type() == ElfFile.SHT_NOBITS)) {
        addData(named);
        data = dataMaps.get(symbol.section());
      }
    }
    if (data != null) {
      return value(insn.dst(), data, symbol.value() + insn.immLow());
    }
    if (code.containsKey(symbol.section())) {
      long target = (symbol.value() + insn.immLow()) / InsnCodec.SLOT;
      referencesOf(section.index()).put(slot, reference(section, slot, symbol.section(), target));
      return Insn.of(Opcode.LDDW_FUNC, insn.dst(), 0, 0, 0);
    }
    externsOf(section.index()).put(slot, symbol.name());
    return Insn.of(Opcode.LDDW, insn.dst(), 0, 0, 0);
  }

  private Insn value(int dst, int map, long offset) throws ObjectException {
    if (offset < 0 || offset > maps.get(map).valueSize()) {
      throw new ObjectException(
          "reference to byte %d of %s: expected 0..%d"
              .formatted(offset, maps.get(map).name(), maps.get(map).valueSize()));
    }
    return Insn.of(Opcode.LDDW_MAP_INDEX_VALUE, dst, 0, 0, offset << 32 | map);
  }

  private Insn call(ElfFile.Section section, int slot, Insn insn, ElfFile.Relocation relocation)
      throws ObjectException {
    ElfFile.Symbol symbol = relocation.symbol();
    if (!code.containsKey(symbol.section())) {
      externsOf(section.index()).put(slot, symbol.name());
      return Insn.of(Opcode.CALL_KFUNC, 0, 0, 0, 0);
    }
    // The immediate counts from the instruction behind the call, and starts at -1.
    long target =
        symbol.value() / InsnCodec.SLOT
            + (symbol.type() == ElfFile.STT_SECTION ? insn.imm() + 1 : 0);
    referencesOf(section.index()).put(slot, reference(section, slot, symbol.section(), target));
    return Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, 0);
  }

  private FunctionReference reference(ElfFile.Section from, int slot, int section, long target)
      throws ObjectException {
    if (target < 0 || target >= insnsOf(section).size()) {
      throw new ObjectException(
          "section %s: insn %d: function at slot %d: expected 0..%d"
              .formatted(from.name(), slot, target, insnsOf(section).size() - 1));
    }
    return new FunctionReference(section, (int) target);
  }

  private Map<Integer, FunctionReference> referencesOf(int section) {
    return references.computeIfAbsent(section, index -> new HashMap<>());
  }

  private Map<Integer, String> externsOf(int section) {
    return externs.computeIfAbsent(section, index -> new HashMap<>());
  }

  private void relocateByType() throws ObjectException {
    if (ext.isEmpty() || options.target().isEmpty()) {
      // The compiler has put in what is right for the object's own types.
      return;
    }
    CoreRelocator relocator = new CoreRelocator(btf, options.target().get());
    for (BtfExt.CoreRelo relo : ext.get().relocations()) {
      for (ElfFile.Section section : elf.sections()) {
        if (!section.name().equals(relo.section()) || !section.code()) {
          continue;
        }
        List<Insn> insns = insnsOf(section.index());
        if (relo.slot() < 0
            || relo.slot() >= insns.size()
            || insns.get(relo.slot()).opcode() == Opcode.LDDW_HIGH) {
          throw new ObjectException(
              "section %s: CO-RE relocation of insn %d: expected 0..%d"
                  .formatted(section.name(), relo.slot(), insns.size() - 1));
        }
        Insn before = insns.get(relo.slot());
        Insn after = relocator.relocate(before, relo);
        insns.set(relo.slot(), after);
        if (before.opcode().slots() == 2 && after.opcode().slots() == 1) {
          insns.set(relo.slot() + 1, after);
        }
      }
    }
  }

  private String license() {
    Optional<ElfFile.Section> section = elf.section("license");
    if (section.isEmpty()) {
      return "";
    }
    byte[] bytes = new byte[Math.min(128, section.get().data().capacity())];
    section.get().data().get(0, bytes);
    String text = new String(bytes, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    return end < 0 ? text : text.substring(0, end);
  }

  private List<BpfObject.Program> programs() throws ObjectException {
    boolean onlyText =
        code.keySet().stream().allMatch(index -> elf.sections().get(index).name().equals(".text"));
    List<BpfObject.Program> programs = new ArrayList<>();
    for (Map.Entry<Integer, List<Function>> entry : functions.entrySet()) {
      String section = elf.sections().get(entry.getKey()).name();
      if (section.equals(".text") && !onlyText) {
        continue;
      }
      for (Function function : entry.getValue()) {
        if (!function.local || entry.getValue().size() == 1) {
          programs.add(link(function, section));
        }
      }
    }
    return List.copyOf(programs);
  }

  /** Returns the functions that no program calls, each with those that it calls itself. */
  private List<BpfObject.Program> uncalled() throws ObjectException {
    List<BpfObject.Program> uncalled = new ArrayList<>();
    for (Map.Entry<Integer, List<Function>> entry : functions.entrySet()) {
      for (Function function : entry.getValue()) {
        if (!linked.contains(function)) {
          uncalled.add(link(function, elf.sections().get(entry.getKey()).name()));
        }
      }
    }
    return List.copyOf(uncalled);
  }

  /** Puts an entry and the functions that it needs one after the other. */
  private BpfObject.Program link(Function entry, String section) throws ObjectException {
    Map<Function, Integer> placed = new LinkedHashMap<>();
    List<Insn> insns = new ArrayList<>();
    List<Function> waiting = new ArrayList<>(List.of(entry));
    while (!waiting.isEmpty()) {
      Function function = waiting.remove(0);
      if (placed.containsKey(function)) {
        continue;
      }
      placed.put(function, insns.size());
      linked.add(function);
      insns.addAll(insnsOf(function.section).subList(function.start, function.end));
      if (insns.size() > MAX_INSNS) {
        throw new ObjectException(
            "program %s: more than %d instructions".formatted(entry.name, MAX_INSNS));
      }
      for (int slot = function.start; slot < function.end; slot++) {
        Optional<FunctionReference> called = called(function.section, slot);
        if (called.isPresent()) {
          waiting.add(functionAt(called.get()));
        }
      }
    }
    Map<Integer, String> names = new TreeMap<>();
    Map<Integer, BpfObject.SourceLine> sources = new TreeMap<>();
    Map<Integer, String> missing = new TreeMap<>();
    for (Map.Entry<Function, Integer> place : placed.entrySet()) {
      Function function = place.getKey();
      names.put(place.getValue(), function.name);
      Map<Integer, String> unknown = externs.getOrDefault(function.section, Map.of());
      for (int slot = function.start; slot < function.end; slot++) {
        int at = place.getValue() + slot - function.start;
        Optional<FunctionReference> called = called(function.section, slot);
        if (called.isPresent()) {
          Function callee = functionAt(called.get());
          int target = placed.getOrDefault(callee, 0) + called.get().slot - callee.start;
          Insn insn = insns.get(at);
          int distance = target - at - 1;
          // The high half of a function's address has no meaning and is to be 0 (RFC 9669, 5.4).
          long imm =
              insn.opcode() == Opcode.LDDW_FUNC ? Integer.toUnsignedLong(distance) : distance;
          insns.set(at, Insn.of(insn.opcode(), insn.dst(), 0, 0, imm));
        }
        String name = unknown.get(slot);
        if (name != null) {
          missing.put(at, name);
        }
      }
      addLines(sources, function, place.getValue());
    }
    return new BpfObject.Program(
        entry.name,
        section,
        List.copyOf(insns),
        java.util.Collections.unmodifiableMap(names),
        java.util.Collections.unmodifiableMap(sources),
        java.util.Collections.unmodifiableMap(missing));
  }

  /** Returns the function that an instruction refers to, by relocation or within its section. */
  private Optional<FunctionReference> called(int section, int slot) throws ObjectException {
    FunctionReference reference = references.getOrDefault(section, Map.of()).get(slot);
    if (reference != null) {
      return Optional.of(reference);
    }
    Insn insn = insnsOf(section).get(slot);
    if (insn.opcode() != Opcode.CALL_LOCAL && insn.opcode() != Opcode.LDDW_FUNC) {
      return Optional.empty();
    }
    return Optional.of(
        reference(elf.sections().get(section), slot, section, slot + 1L + insn.immLow()));
  }

  private Function functionAt(FunctionReference reference) throws ObjectException {
    for (Function function : functions.getOrDefault(reference.section, List.of())) {
      if (reference.slot >= function.start && reference.slot < function.end) {
        return function;
      }
    }
    throw new ObjectException(
        "section %s: slot %d: it is in no function"
            .formatted(elf.sections().get(reference.section).name(), reference.slot));
  }

  private void addLines(Map<Integer, BpfObject.SourceLine> to, Function function, int place) {
    if (lines.isEmpty()) {
      for (BtfExt.LineInfo info : ext.map(BtfExt::lines).orElse(List.of())) {
        lines
            .computeIfAbsent(info.section(), section -> new TreeMap<>())
            .put(info.slot(), new BpfObject.SourceLine(info.file(), info.line(), info.text()));
      }
    }
    lines
        .getOrDefault(elf.sections().get(function.section).name(), new TreeMap<>())
        .subMap(function.start, function.end)
        .forEach((slot, line) -> to.put(place + slot - function.start, line));
  }
}
