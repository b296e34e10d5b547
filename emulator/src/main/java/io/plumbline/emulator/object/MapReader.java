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

  /** libbpf's {@code LIBBPF_PIN_BY_NAME}. */
  private static final int PIN_BY_NAME = 1;

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
      MapSpec spec =
          checked(
              MapSpec.of(
                  symbol.name(),
                  data.getInt(at),
                  data.getInt(at + 4),
                  data.getInt(at + 8),
                  data.getInt(at + 12),
                  flags));
      int known = knownBytes(data.getInt(at), size);
      for (int extra = at + known; extra < at + size; extra++) {
        if (data.get(extra) != 0) {
          spec =
              spec.refused(
                  "byte %d of its definition is %d: expected 0 after the first %d"
                      .formatted(extra - at, data.get(extra) & 0xFF, known));
        }
      }
      add(section, symbol.value(), spec);
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
        maps.set(link[0], outer.withInner(maps.get(index)));
      }
    }
  }

  /** Returns how many bytes of a definition of this size have a meaning here. */
  private static int knownBytes(int type, long size) {
    if (size >= IPROUTE2_BYTES) {
      return IPROUTE2_BYTES;
    }
    if (size == KERNEL_SAMPLES_BYTES) {
      return KERNEL_SAMPLES_BYTES;
    }
    return type == ARRAY_OF_MAPS || type == HASH_OF_MAPS ? 24 : 20;
  }

  private static MapSpec checked(MapSpec map) {
    return map.keySize() < 0 || map.valueSize() < 0 || map.type() < 0
        ? map.refused(
            "type %s, key %s bytes, value %s bytes: expected at most 2147483647"
                .formatted(
                    Integer.toUnsignedString(map.type()),
                    Integer.toUnsignedString(map.keySize()),
                    Integer.toUnsignedString(map.valueSize())))
        : map;
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

  /** Reads a definition; what has no meaning here makes it one of a map that cannot be made. */
  private MapSpec definition(String name, Btf.Type struct, int depth) {
    if (struct.kind() != Btf.Kind.STRUCT || depth > 1) {
      return MapSpec.of(name, 0, 0, 0, 0, 0)
          .refused(
              "%s: expected a struct".formatted(depth > 1 ? "maps three deep" : struct.kind()));
    }
    int type = 0;
    int keySize = 0;
    int valueSize = 0;
    int maxEntries = 0;
    int flags = 0;
    int pinning = 0;
    long extra = 0;
    Optional<MapSpec> inner = Optional.empty();
    String wrong = "";
    for (Btf.Member member : struct.members()) {
      try {
        switch (member.name()) {
          case "type" -> type = number(member);
          case "key_size" -> keySize = number(member);
          case "value_size" -> valueSize = number(member);
          case "max_entries" -> maxEntries = number(member);
          case "map_flags" -> flags = number(member);
          case "pinning" -> pinning = number(member);
          case "numa_node" -> number(member);
          case "map_extra" -> extra = longNumber(member);
          case "key" -> keySize = pointed(member);
          case "value" -> valueSize = pointed(member);
          case "values" -> inner = inner(name, type, member, depth);
          default -> throw new ObjectException("no such attribute");
        }
      } catch (ObjectException e) {
        wrong = wrong.isEmpty() ? "%s: %s".formatted(member.name(), e.getMessage()) : wrong;
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
    MapSpec map =
        checked(
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
                pinning == PIN_BY_NAME,
                wrong.isEmpty() ? Optional.empty() : Optional.of(wrong)));
    if (pinning != 0 && pinning != PIN_BY_NAME) {
      map = map.refused("pinning %d: expected 0 or 1, by name".formatted(pinning));
    }
    if (extra != 0) {
      map = map.refused("map_extra %d: expected 0".formatted(extra));
    }
    return inner.flatMap(MapSpec::refusal).map(map::refused).orElse(map);
  }

  private Optional<MapSpec> inner(String name, int type, Btf.Member member, int depth)
      throws ObjectException {
    Btf.Type array = btf.resolve(member.type());
    if (array.kind() != Btf.Kind.ARRAY) {
      throw new ObjectException("expected an array");
    }
    Btf.Type pointer = btf.resolve(array.target());
    Btf.Type pointee = btf.resolve(pointer.target());
    if (type != PROG_ARRAY && type != ARRAY_OF_MAPS && type != HASH_OF_MAPS) {
      throw new ObjectException("expected none, for it holds neither maps nor programs");
    }
    return pointee.kind() == Btf.Kind.STRUCT
        ? Optional.of(definition(name + ".inner", pointee, depth + 1))
        : Optional.empty();
  }

  private int number(Btf.Member member) throws ObjectException {
    long value = longNumber(member);
    if (value < 0 || value > 0xFFFF_FFFFL) {
      throw new ObjectException("%d: expected 32 bits".formatted(value));
    }
    return (int) value;
  }

  /**
   * Reads a number: the length of an array that a pointer points to (libbpf's {@code __uint}), or
   * the only value of an enumeration ({@code __ulong}).
   */
  private long longNumber(Btf.Member member) throws ObjectException {
    Btf.Type type = btf.resolve(member.type());
    if ((type.kind() == Btf.Kind.ENUM || type.kind() == Btf.Kind.ENUM64)
        && type.members().size() == 1) {
      return type.members().get(0).offset();
    }
    Btf.Type array = type.kind() == Btf.Kind.PTR ? btf.resolve(type.target()) : type;
    if (type.kind() != Btf.Kind.PTR || array.kind() != Btf.Kind.ARRAY) {
      throw new ObjectException("expected a pointer to an array, or an enum of one value");
    }
    return array.encoding() & 0xFFFF_FFFFL;
  }

  private int pointed(Btf.Member member) throws ObjectException {
    Btf.Type pointer = btf.resolve(member.type());
    if (pointer.kind() != Btf.Kind.PTR) {
      throw new ObjectException("expected a pointer");
    }
    long size = btf.size(pointer.target());
    if (size > Integer.MAX_VALUE) {
      throw new ObjectException("larger than 2 GiB");
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
        map.pinned(),
        map.refusal());
  }
}
