package io.plumbline.emulator.object;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Type information (kernel {@code Documentation/bpf/btf.rst}), as a list of types by id. */
public final class Btf {
  /** Kinds in the kernel's numbering. */
  public enum Kind {
    VOID,
    INT,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    FUNC_PROTO,
    VAR,
    DATASEC,
    FLOAT,
    DECL_TAG,
    TYPE_TAG,
    ENUM64
  }

  /**
   * A part of a type: a struct's member, an enum's value, a parameter, a section's variable.
   *
   * @param type the id of its type; 0 if it has none
   * @param offset of a member in bits, of a variable in bytes; of an enum's value the value
   * @param size of a bit field in bits, of a variable in bytes; else 0
   */
  public record Member(String name, int type, long offset, int size) {}

  /**
   * A type.
   *
   * @param size in bytes, or of a reference the id of the type it refers to
   * @param flag the kind's flag: of an enum, whether it is signed
   * @param encoding of an integer: bit 0 signed, bit 1 char, bit 2 bool, in bits 24 and up; of an
   *     array the number of elements
   */
  public record Type(
      int id, Kind kind, String name, int size, boolean flag, int encoding, List<Member> members) {
    /** Returns the id of the type that this one refers to. */
    public int target() {
      return size;
    }

    /** Returns whether this is a qualifier or a typedef. */
    public boolean modifier() {
      return switch (kind) {
        case TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG -> true;
        default -> false;
      };
    }

    public boolean composite() {
      return kind == Kind.STRUCT || kind == Kind.UNION;
    }

    public boolean anyEnum() {
      return kind == Kind.ENUM || kind == Kind.ENUM64;
    }

    /** Returns the bits of an integer. */
    public int bits() {
      return encoding & 0xFF;
    }

    public boolean signed() {
      return kind == Kind.INT ? (encoding >> 24 & 1) != 0 : anyEnum() && flag;
    }
  }

  private static final int MAGIC = 0xEB9F;
  private static final int MAX_DEPTH = 32;
  private static final int POINTER_BYTES = 8;

  private final List<Type> types;
  private final ByteBuffer strings;
  private final Map<String, List<Type>> byName = new HashMap<>();

  private Btf(List<Type> types, ByteBuffer strings) {
    this.types = types;
    this.strings = strings;
    for (Type type : types) {
      if (!type.name.isEmpty()) {
        byName.computeIfAbsent(type.name, name -> new ArrayList<>()).add(type);
      }
    }
  }

  /** Returns type information without any type. */
  static Btf empty() {
    List<Type> types = new ArrayList<>();
    types.add(new Type(0, Kind.VOID, "", 0, false, 0, List.of()));
    return new Btf(types, ByteBuffer.allocate(1));
  }

  /**
   * Reads type information, as a section {@code .BTF} or {@code /sys/kernel/btf/vmlinux} has it.
   */
  public static Btf read(byte[] bytes) throws ObjectException {
    return read(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  static Btf read(ByteBuffer data) throws ObjectException {
    if (data.capacity() < 24 || (data.getShort(0) & 0xFFFF) != MAGIC) {
      throw new ObjectException("btf: no header: expected at least 24 bytes from eb9f");
    }
    ByteBuffer typeBytes = part(data, "types", 8);
    ByteBuffer strings = part(data, "strings", 16);
    List<Type> types = new ArrayList<>();
    types.add(new Type(0, Kind.VOID, "", 0, false, 0, List.of()));
    while (typeBytes.hasRemaining()) {
      types.add(readType(typeBytes, strings, types.size()));
    }
    for (Type type : types) {
      check(type, types.size());
    }
    return new Btf(types, strings);
  }

  private static ByteBuffer part(ByteBuffer data, String what, int at) throws ObjectException {
    long header = data.getInt(4) & 0xFFFF_FFFFL;
    long offset = header + (data.getInt(at) & 0xFFFF_FFFFL);
    long length = data.getInt(at + 4) & 0xFFFF_FFFFL;
    if (offset > data.capacity() - length) {
      throw new ObjectException(
          "btf: %s at %d, %d bytes: there are %d".formatted(what, offset, length, data.capacity()));
    }
    return data.slice((int) offset, (int) length).order(data.order());
  }

  private static Type readType(ByteBuffer in, ByteBuffer strings, int id) throws ObjectException {
    need(in, 12, id);
    String name = ElfFile.string(strings, in.getInt());
    int info = in.getInt();
    int size = in.getInt();
    int number = info >> 24 & 31;
    int count = info & 0xFFFF;
    boolean flag = info < 0;
    Kind[] kinds = Kind.values();
    if (number == 0 || number >= kinds.length) {
      throw new ObjectException(
          "btf: type %d: kind %d: expected 1..%d".formatted(id, number, kinds.length - 1));
    }
    Kind kind = kinds[number];
    int encoding = 0;
    List<Member> members = new ArrayList<>();
    switch (kind) {
      case INT -> {
        need(in, 4, id);
        encoding = in.getInt();
      }
      case ARRAY -> {
        need(in, 12, id);
        size = in.getInt();
        int index = in.getInt();
        encoding = in.getInt();
        members.add(new Member("", index, 0, 0));
      }
      case STRUCT, UNION -> {
        need(in, 12L * count, id);
        for (int i = 0; i < count; i++) {
          String member = ElfFile.string(strings, in.getInt());
          int type = in.getInt();
          int offset = in.getInt();
          members.add(
              flag
                  ? new Member(member, type, offset & 0xFF_FFFF, offset >>> 24)
                  : new Member(member, type, offset & 0xFFFF_FFFFL, 0));
        }
      }
      case ENUM -> {
        need(in, 8L * count, id);
        for (int i = 0; i < count; i++) {
          String value = ElfFile.string(strings, in.getInt());
          members.add(new Member(value, 0, in.getInt(), 0));
        }
      }
      case ENUM64 -> {
        need(in, 12L * count, id);
        for (int i = 0; i < count; i++) {
          String value = ElfFile.string(strings, in.getInt());
          long low = in.getInt() & 0xFFFF_FFFFL;
          members.add(new Member(value, 0, (long) in.getInt() << 32 | low, 0));
        }
      }
      case FUNC_PROTO -> {
        need(in, 8L * count, id);
        for (int i = 0; i < count; i++) {
          members.add(new Member(ElfFile.string(strings, in.getInt()), in.getInt(), 0, 0));
        }
      }
      case VAR -> {
        need(in, 4, id);
        encoding = in.getInt();
      }
      case DATASEC -> {
        need(in, 12L * count, id);
        for (int i = 0; i < count; i++) {
          members.add(new Member("", in.getInt(), in.getInt() & 0xFFFF_FFFFL, in.getInt()));
        }
      }
      case FUNC -> encoding = count;
      case DECL_TAG -> {
        need(in, 4, id);
        encoding = in.getInt();
      }
      default -> {}
    }
    return new Type(id, kind, name, size, flag, encoding, List.copyOf(members));
  }

  private static void need(ByteBuffer in, long bytes, int id) throws ObjectException {
    if (in.remaining() < bytes) {
      throw new ObjectException(
          "btf: type %d: %d bytes are left: expected %d".formatted(id, in.remaining(), bytes));
    }
  }

  private static void check(Type type, int count) throws ObjectException {
    boolean refers =
        switch (type.kind) {
          case PTR,
              ARRAY,
              TYPEDEF,
              VOLATILE,
              CONST,
              RESTRICT,
              FUNC,
              FUNC_PROTO,
              VAR,
              TYPE_TAG,
              DECL_TAG ->
              true;
          default -> false;
        };
    boolean wrong = refers && (type.size < 0 || type.size >= count);
    if (!type.anyEnum()) {
      for (Member member : type.members) {
        wrong |= member.type < 0 || member.type >= count;
      }
    }
    if (wrong) {
      throw new ObjectException(
          "btf: type %d: it refers to a type that is not there: expected 0..%d"
              .formatted(type.id, count - 1));
    }
  }

  /** Returns all types; the index is the id, and entry 0 is void. */
  public List<Type> types() {
    return List.copyOf(types);
  }

  /** Returns a type by id. */
  public Type type(int id) throws ObjectException {
    if (id < 0 || id >= types.size()) {
      throw new ObjectException("btf: type %d: expected 0..%d".formatted(id, types.size() - 1));
    }
    return types.get(id);
  }

  /** Returns the types of a name. */
  public List<Type> named(String name) {
    return List.copyOf(byName.getOrDefault(name, List.of()));
  }

  /** Finds a type by kind and name. */
  public Optional<Type> find(Kind kind, String name) {
    return byName.getOrDefault(name, List.of()).stream()
        .filter(type -> type.kind == kind)
        .findFirst();
  }

  String string(int offset) throws ObjectException {
    return ElfFile.string(strings, offset);
  }

  /** Returns the type without qualifiers and typedefs. */
  public Type resolve(int id) throws ObjectException {
    Type type = type(id);
    Set<Integer> seen = new HashSet<>();
    while (type.modifier()) {
      if (!seen.add(type.id)) {
        throw new ObjectException("btf: type %d: it refers to itself".formatted(type.id));
      }
      type = type(type.target());
    }
    return type;
  }

  /** Returns how many bytes a value of a type has. */
  public long size(int id) throws ObjectException {
    long count = 1;
    Type type = resolve(id);
    for (int depth = 0; type.kind == Kind.ARRAY; depth++) {
      if (depth > MAX_DEPTH) {
        throw new ObjectException("btf: type %d: arrays are nested too deep".formatted(id));
      }
      count *= type.encoding & 0xFFFF_FFFFL;
      if (count > Integer.MAX_VALUE) {
        throw new ObjectException("btf: type %d: it is larger than 2 GiB".formatted(id));
      }
      type = resolve(type.target());
    }
    return switch (type.kind) {
      case INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC -> count * (type.size & 0xFFFF_FFFFL);
      case PTR -> count * POINTER_BYTES;
      default ->
          throw new ObjectException("btf: type %d (%s): it has no size".formatted(id, type.kind));
    };
  }
}
