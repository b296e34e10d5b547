package io.plumbline.emulator.object;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the maps that an object declares: by types in {@code .maps}, or by numbers in {@code maps}.
 */
final class MapReader {
  private static final int ARRAY = 2;
  private static final int PROG_ARRAY = 3;
  private static final int ARRAY_OF_MAPS = 12;
  private static final int HASH_OF_MAPS = 13;
  private static final int MAX_VALUES = 1 << 20;
  private static final int IPROUTE2_BYTES = 36;
  private static final int KERNEL_SAMPLES_BYTES = 28;

  private final ElfFile elf;
  private final Btf btf;
  private final List<MapSpec> maps = new ArrayList<>();
  private final Map<Integer, Map<Long, Integer>> places = new HashMap<>();

  MapReader(ElfFile elf, Btf btf) {
    this.elf = elf;
    this.btf = btf;
  }

  List<MapSpec> read() throws ObjectException {
    for (ElfFile.Section section : elf.sections()) {
      if (section.name().equals(".maps")) {
        typed(section);
      } else if (section.name().equals("maps") || section.name().startsWith("maps/")) {
        numbered(section);
      }
    }
    return maps;
  }

  /** Returns the index of the map at a place, if there is one. */
  Optional<Integer> at(int section, long offset) {
    return Optional.ofNullable(places.getOrDefault(section, Map.of()).get(offset));
  }

  private void add(ElfFile.Section section, long offset, MapSpec map) {
    places.computeIfAbsent(section.index(), index -> new HashMap<>()).put(offset, maps.size());
    maps.add(map);
  }

  private List<ElfFile.Symbol> symbols(ElfFile.Section section) {
    return elf.symbols().stream()
        .filter(s -> s.section() == section.index() && !s.name().isEmpty())
        .filter(s -> s.type() == ElfFile.STT_OBJECT || s.type() == ElfFile.STT_NOTYPE)
        .sorted(Comparator.comparingLong(ElfFile.Symbol::value))
        .toList();
  }

  private void numbered(ElfFile.Section section) throws ObjectException {
    List<ElfFile.Symbol> symbols = symbols(section);
    ByteBuffer data = section.data();
    Map<Integer, String> innerIds = new HashMap<>();
    List<int[]> inner = new ArrayList<>();
    int first = maps.size();
    for (int i = 0; i < symbols.size(); i++) {
      ElfFile.Symbol symbol = symbols.get(i);
      long end = i + 1 < symbols.size() ? symbols.get(i + 1).value() : data.capacity();
      long size =
          symbol.size() > 0 ? Math.min(symbol.size(), end - symbol.value()) : end - symbol.value();
      if (symbol.value() < 0 || size < 16 || symbol.value() > data.capacity() - size) {
        throw new ObjectException(
            "section %s: map %s: %d bytes at %d: expected at least 16 within %d"
                .formatted(section.name(), symbol.name(), size, symbol.value(), data.capacity()));
      }
      int at = (int) symbol.value();
      // type, key size, value size, entries, flags, then id, pinning, inner id, inner index
      // (iproute2's struct bpf_elf_map), of 28 bytes inner index and NUMA node.
      int flags = size >= 20 ? data.getInt(at + 16) : 0;
      add(
          section,
          symbol.value(),
          checked(
              MapSpec.of(
                  symbol.name(),
                  data.getInt(at),
                  data.getInt(at + 4),
                  data.getInt(at + 8),
                  data.getInt(at + 12),
                  flags)));
      int known = knownBytes(data.getInt(at), size);
      for (int extra = at + known; extra < at + size; extra++) {
        if (data.get(extra) != 0) {
          throw new ObjectException(
              "section %s: map %s: byte %d of its definition is %d: expected 0 behind the first %d"
                  .formatted(
                      section.name(), symbol.name(), extra - at, data.get(extra) & 0xFF, known));
        }
      }
      if (size >= IPROUTE2_BYTES) {
        innerIds.put(data.getInt(at + 20), symbol.name());
        inner.add(new int[] {maps.size() - 1, data.getInt(at + 28), 1});
      } else if (size >= 24) {
        inner.add(new int[] {maps.size() - 1, data.getInt(at + 20), 0});
      }
    }
    for (int[] link : inner) {
      MapSpec outer = maps.get(link[0]);
      if (outer.type() != ARRAY_OF_MAPS && outer.type() != HASH_OF_MAPS) {
        continue;
      }
      int index = first + link[1];
      if (link[2] == 1) {
        String name = innerIds.getOrDefault(link[1], "");
        index =
            maps.indexOf(
                maps.stream().filter(m -> m.name().equals(name)).findFirst().orElse(outer));
      }
      if (index >= 0 && index < maps.size() && index != link[0]) {
        maps.set(link[0], withInner(outer, maps.get(index)));
      }
    }
  }

  /** Returns how much of a definition of so many bytes has a meaning here. */
  private static int knownBytes(int type, long size) {
    if (size >= IPROUTE2_BYTES) {
      return IPROUTE2_BYTES;
    }
    if (size == KERNEL_SAMPLES_BYTES) {
      return KERNEL_SAMPLES_BYTES;
    }
    return type == ARRAY_OF_MAPS || type == HASH_OF_MAPS ? 24 : 20;
  }

  private static MapSpec withInner(MapSpec outer, MapSpec inner) {
    return new MapSpec(
        outer.name(),
        outer.type(),
        outer.keySize(),
        outer.valueSize(),
        outer.maxEntries(),
        outer.flags(),
        Optional.of(inner),
        outer.initial(),
        outer.values(),
        outer.pinned());
  }

  private static MapSpec checked(MapSpec map) throws ObjectException {
    if (map.keySize() < 0 || map.valueSize() < 0 || map.type() < 0) {
      throw new ObjectException(
          "map %s: type %d, key %d bytes, value %d bytes: expected no negative number"
              .formatted(map.name(), map.type(), map.keySize(), map.valueSize()));
    }
    return map;
  }

  private void typed(ElfFile.Section section) throws ObjectException {
    Btf.Type datasec =
        btf.find(Btf.Kind.DATASEC, ".maps")
            .orElseThrow(
                () -> new ObjectException("section .maps: there is no type information for it"));
    Map<String, ElfFile.Symbol> symbols = new HashMap<>();
    symbols(section).forEach(symbol -> symbols.put(symbol.name(), symbol));
    for (Btf.Member entry : datasec.members()) {
      Btf.Type variable = btf.type(entry.type());
      ElfFile.Symbol symbol = symbols.get(variable.name());
      if (symbol == null || variable.kind() != Btf.Kind.VAR) {
        throw new ObjectException(
            "section .maps: %s '%s': expected a variable with a symbol"
                .formatted(variable.kind(), variable.name()));
      }
      Btf.Type struct = btf.resolve(variable.target());
      MapSpec map = definition(variable.name(), struct, 0);
      add(section, symbol.value(), withValues(map, struct, section, symbol));
    }
  }

  private MapSpec definition(String name, Btf.Type struct, int depth) throws ObjectException {
    if (struct.kind() != Btf.Kind.STRUCT || depth > 1) {
      throw new ObjectException(
          "map %s: %s: expected a struct"
              .formatted(name, depth > 1 ? "maps three deep" : struct.kind()));
    }
    int type = 0;
    int keySize = 0;
    int valueSize = 0;
    int maxEntries = 0;
    int flags = 0;
    boolean pinned = false;
    Optional<MapSpec> inner = Optional.empty();
    for (Btf.Member member : struct.members()) {
      switch (member.name()) {
        case "type" -> type = number(name, member);
        case "key_size" -> keySize = number(name, member);
        case "value_size" -> valueSize = number(name, member);
        case "max_entries" -> maxEntries = number(name, member);
        case "map_flags" -> flags = number(name, member);
        case "pinning" -> {
          int value = number(name, member);
          if (value != 0 && value != 1) {
            throw new ObjectException(
                "map %s: pinning %d: expected 0 or 1, by name".formatted(name, value));
          }
          pinned = value == 1;
        }
        case "numa_node", "map_extra" -> number(name, member);
        case "key" -> keySize = pointed(name, member);
        case "value" -> valueSize = pointed(name, member);
        case "values" -> inner = inner(name, type, member, depth);
        default ->
            throw new ObjectException(
                "map %s: attribute '%s': no such attribute".formatted(name, member.name()));
      }
    }
    if ((type == ARRAY_OF_MAPS || type == HASH_OF_MAPS) && valueSize == 0) {
      valueSize = 4;
    }
    if (struct.members().stream().anyMatch(m -> m.name().equals("values"))) {
      // Maps and programs are held by file descriptor.
      keySize = keySize == 0 ? 4 : keySize;
      valueSize = valueSize == 0 ? 4 : valueSize;
    }
    return checked(
        new MapSpec(
            name,
            type,
            keySize,
            valueSize,
            maxEntries,
            flags,
            inner,
            new byte[0],
            List.of(),
            pinned));
  }

  private Optional<MapSpec> inner(String name, int type, Btf.Member member, int depth)
      throws ObjectException {
    Btf.Type array = btf.resolve(member.type());
    if (array.kind() != Btf.Kind.ARRAY) {
      throw new ObjectException("map %s: values: expected an array".formatted(name));
    }
    Btf.Type pointer = btf.resolve(array.target());
    Btf.Type pointee = btf.resolve(pointer.target());
    if (type != PROG_ARRAY && type != ARRAY_OF_MAPS && type != HASH_OF_MAPS) {
      throw new ObjectException(
          "map %s: values: expected none, for it holds neither maps nor programs".formatted(name));
    }
    return pointee.kind() == Btf.Kind.STRUCT
        ? Optional.of(definition(name + ".inner", pointee, depth + 1))
        : Optional.empty();
  }

  /** A number is written as the length of an array that a pointer points to. */
  private int number(String map, Btf.Member member) throws ObjectException {
    Btf.Type pointer = btf.resolve(member.type());
    Btf.Type array = pointer.kind() == Btf.Kind.PTR ? btf.resolve(pointer.target()) : pointer;
    if (pointer.kind() != Btf.Kind.PTR || array.kind() != Btf.Kind.ARRAY) {
      throw new ObjectException(
          "map %s: %s: expected a pointer to an array".formatted(map, member.name()));
    }
    return array.encoding();
  }

  private int pointed(String map, Btf.Member member) throws ObjectException {
    Btf.Type pointer = btf.resolve(member.type());
    if (pointer.kind() != Btf.Kind.PTR) {
      throw new ObjectException("map %s: %s: expected a pointer".formatted(map, member.name()));
    }
    long size = btf.size(pointer.target());
    if (size > Integer.MAX_VALUE) {
      throw new ObjectException("map %s: %s: larger than 2 GiB".formatted(map, member.name()));
    }
    return (int) size;
  }

  /** Reads which programs or maps an array starts with: relocations in the array of values. */
  private MapSpec withValues(
      MapSpec map, Btf.Type struct, ElfFile.Section section, ElfFile.Symbol symbol)
      throws ObjectException {
    Optional<Btf.Member> values =
        struct.members().stream().filter(m -> m.name().equals("values")).findFirst();
    if (values.isEmpty()) {
      return map;
    }
    long start = symbol.value() + values.get().offset() / 8;
    List<String> names = new ArrayList<>();
    for (ElfFile.Relocation relocation : elf.relocations(section.index())) {
      long index = (relocation.offset() - start) / 8;
      if (relocation.offset() < start
          || relocation.offset() >= symbol.value() + Math.max(symbol.size(), 8)) {
        continue;
      }
      if (index >= MAX_VALUES) {
        throw new ObjectException("map %s: value %d: too many".formatted(map.name(), index));
      }
      while (names.size() <= index) {
        names.add("");
      }
      names.set((int) index, relocation.symbol().name());
    }
    return new MapSpec(
        map.name(),
        map.type(),
        map.keySize(),
        map.valueSize(),
        Math.max(map.maxEntries(), map.type() == ARRAY ? 0 : names.size()),
        map.flags(),
        map.inner(),
        map.initial(),
        List.copyOf(names),
        map.pinned());
  }
}
