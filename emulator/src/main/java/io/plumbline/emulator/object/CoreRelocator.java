package io.plumbline.emulator.object;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Compile once, run everywhere: puts into instructions where fields are in the types of another
 * kernel (libbpf documentation, "BPF CO-RE"). Types are found by name, without what follows three
 * underscores; fields by name, through anonymous structs and unions.
 */
final class CoreRelocator {
  /** What stands where a relocation has no answer: a call that no kernel has. */
  static final int POISON = 0xbad2310;

  private static final int MAX_STEPS = 64;

  /** What is asked for, in the numbering of {@code enum bpf_core_relo_kind}. */
  private enum Question {
    FIELD_BYTE_OFFSET,
    FIELD_BYTE_SIZE,
    FIELD_EXISTS,
    FIELD_SIGNED,
    FIELD_LSHIFT_U64,
    FIELD_RSHIFT_U64,
    TYPE_ID_LOCAL,
    TYPE_ID_TARGET,
    TYPE_EXISTS,
    TYPE_SIZE,
    ENUMVAL_EXISTS,
    ENUMVAL_VALUE,
    TYPE_MATCHES
  }

  /**
   * A step into a type.
   *
   * @param name the member's name; empty: an element of an array
   */
  private record Step(String name, long index) {}

  /**
   * Where a field is.
   *
   * @param bits from the start of the root type
   * @param bitSize of a bit field; else 0
   */
  private record Place(long bits, int type, int bitSize) {}

  private final Btf local;
  private final Btf target;

  CoreRelocator(Btf local, Btf target) {
    this.local = local;
    this.target = target;
  }

  /** Returns the instruction with the answer in it. */
  Insn relocate(Insn insn, BtfExt.CoreRelo relo) throws ObjectException {
    Question[] questions = Question.values();
    if (relo.kind() < 0 || relo.kind() >= questions.length) {
      throw error(relo, "kind %d: expected 0..%d".formatted(relo.kind(), questions.length - 1));
    }
    Question question = questions[relo.kind()];
    Optional<Place> place = Optional.empty();
    OptionalLong answer;
    if (question == Question.TYPE_ID_LOCAL) {
      answer = OptionalLong.of(relo.type());
    } else if (question.name().startsWith("FIELD")) {
      place = find(relo);
      answer = field(question, place, relo);
    } else if (question.name().startsWith("TYPE")) {
      answer = type(question, relo);
    } else {
      answer = enumValue(question, relo);
    }
    if (answer.isEmpty()) {
      return Insn.of(Opcode.CALL_HELPER, 0, 0, 0, POISON);
    }
    return patch(insn, answer.getAsLong(), question, place, relo);
  }

  private OptionalLong type(Question question, BtfExt.CoreRelo relo) throws ObjectException {
    Optional<Btf.Type> found = Optional.empty();
    for (Btf.Type candidate : candidates(relo)) {
      found = Optional.of(candidate);
      break;
    }
    boolean exists = found.isPresent();
    return switch (question) {
      case TYPE_EXISTS, TYPE_MATCHES -> OptionalLong.of(exists ? 1 : 0);
      case TYPE_SIZE -> OptionalLong.of(exists ? target.size(found.orElseThrow().id()) : 0);
      default -> exists ? OptionalLong.of(found.orElseThrow().id()) : OptionalLong.of(0);
    };
  }

  private OptionalLong enumValue(Question question, BtfExt.CoreRelo relo) throws ObjectException {
    Btf.Type type = local.resolve(relo.type());
    int index = (int) indices(relo)[0];
    if (!type.anyEnum() || index < 0 || index >= type.members().size()) {
      throw error(relo, "no such value of " + type.name());
    }
    String name = essential(type.members().get(index).name());
    for (Btf.Type candidate : candidates(relo)) {
      for (Btf.Member value : target.resolve(candidate.id()).members()) {
        if (essential(value.name()).equals(name)) {
          return OptionalLong.of(question == Question.ENUMVAL_EXISTS ? 1 : value.offset());
        }
      }
    }
    return question == Question.ENUMVAL_EXISTS ? OptionalLong.of(0) : OptionalLong.empty();
  }

  /** Returns the types of the target that can be meant. */
  private List<Btf.Type> candidates(BtfExt.CoreRelo relo) throws ObjectException {
    Btf.Type wanted = local.type(relo.type());
    List<Btf.Type> found = new ArrayList<>();
    String name = essential(wanted.name());
    if (name.isEmpty()) {
      return List.of();
    }
    for (Btf.Type candidate : target.named(name)) {
      if (candidate.kind() == wanted.kind() || (candidate.anyEnum() && wanted.anyEnum())) {
        found.add(candidate);
      }
    }
    return found;
  }

  private static String essential(String name) {
    int flavor = name.indexOf("___");
    return flavor > 0 ? name.substring(0, flavor) : name;
  }

  private long[] indices(BtfExt.CoreRelo relo) throws ObjectException {
    String[] parts = relo.access().split(":", -1);
    if (parts.length > MAX_STEPS) {
      throw error(
          relo, "access of %d steps: expected at most %d".formatted(parts.length, MAX_STEPS));
    }
    long[] indices = new long[parts.length];
    try {
      for (int i = 0; i < parts.length; i++) {
        indices[i] = Integer.parseUnsignedInt(parts[i]);
      }
    } catch (NumberFormatException e) {
      throw error(relo, "access '%s': expected numbers and colons".formatted(relo.access()));
    }
    return indices;
  }

  private Optional<Place> find(BtfExt.CoreRelo relo) throws ObjectException {
    long[] indices = indices(relo);
    List<Step> steps = new ArrayList<>();
    Btf.Type type = local.resolve(relo.type());
    for (int i = 1; i < indices.length; i++) {
      if (type.composite()) {
        if (indices[i] >= type.members().size()) {
          throw error(
              relo,
              "member %d of %s: it has %d"
                  .formatted(indices[i], type.name(), type.members().size()));
        }
        Btf.Member member = type.members().get((int) indices[i]);
        if (!member.name().isEmpty()) {
          steps.add(new Step(member.name(), 0));
        }
        type = local.resolve(member.type());
      } else if (type.kind() == Btf.Kind.ARRAY) {
        steps.add(new Step("", indices[i]));
        type = local.resolve(type.target());
      } else {
        throw error(relo, "access %s: %s has no parts".formatted(relo.access(), type.kind()));
      }
    }
    for (Btf.Type candidate : candidates(relo)) {
      Optional<Place> place = follow(candidate, indices[0], steps);
      if (place.isPresent() && compatible(type, target.resolve(place.get().type))) {
        return place;
      }
    }
    return Optional.empty();
  }

  private Optional<Place> follow(Btf.Type root, long rootIndex, List<Step> steps)
      throws ObjectException {
    long bits = rootIndex == 0 ? 0 : rootIndex * target.size(root.id()) * 8;
    int type = root.id();
    int bitSize = 0;
    for (Step step : steps) {
      Btf.Type at = target.resolve(type);
      if (step.name.isEmpty()) {
        if (at.kind() != Btf.Kind.ARRAY) {
          return Optional.empty();
        }
        type = at.target();
        bits += step.index * target.size(type) * 8;
      } else {
        Optional<Place> member = member(at, step.name, 0);
        if (member.isEmpty()) {
          return Optional.empty();
        }
        bits += member.get().bits;
        type = member.get().type;
        bitSize = member.get().bitSize;
      }
    }
    return Optional.of(new Place(bits, type, bitSize));
  }

  private Optional<Place> member(Btf.Type type, String name, int depth) throws ObjectException {
    if (!type.composite() || depth > MAX_STEPS) {
      return Optional.empty();
    }
    for (Btf.Member member : type.members()) {
      if (member.name().equals(name)) {
        return Optional.of(new Place(member.offset(), member.type(), member.size()));
      }
      if (member.name().isEmpty()) {
        Optional<Place> inside = member(target.resolve(member.type()), name, depth + 1);
        if (inside.isPresent()) {
          Place place = inside.get();
          return Optional.of(new Place(member.offset() + place.bits, place.type, place.bitSize));
        }
      }
    }
    return Optional.empty();
  }

  private static boolean compatible(Btf.Type a, Btf.Type b) {
    if (a.composite() && b.composite()) {
      return true;
    }
    if (a.anyEnum() && b.anyEnum()) {
      return a.name().isEmpty()
          || b.name().isEmpty()
          || essential(a.name()).equals(essential(b.name()));
    }
    return a.kind() == b.kind();
  }

  private OptionalLong field(Question question, Optional<Place> found, BtfExt.CoreRelo relo)
      throws ObjectException {
    if (question == Question.FIELD_EXISTS) {
      return OptionalLong.of(found.isPresent() ? 1 : 0);
    }
    if (found.isEmpty()) {
      return OptionalLong.empty();
    }
    Place place = found.get();
    Btf.Type type = target.resolve(place.type);
    long bytes = target.size(place.type);
    long bitSize = place.bitSize == 0 ? bytes * 8 : place.bitSize;
    long byteOffset = place.bits / 8;
    if (place.bitSize != 0) {
      byteOffset = place.bits / 8 / bytes * bytes;
      // The storage unit grows until it holds the whole field.
      while (place.bits + bitSize - byteOffset * 8 > bytes * 8) {
        if (bytes >= 8) {
          throw error(relo, "bit field at %d: it does not fit into 8 bytes".formatted(place.bits));
        }
        bytes *= 2;
        byteOffset = place.bits / 8 / bytes * bytes;
      }
    }
    long bitOffset = place.bits - byteOffset * 8;
    return OptionalLong.of(
        switch (question) {
          case FIELD_BYTE_OFFSET -> byteOffset;
          case FIELD_BYTE_SIZE -> bytes;
          case FIELD_SIGNED -> type.signed() ? 1 : 0;
          case FIELD_LSHIFT_U64 -> 64 - (bitOffset + bitSize);
          default -> 64 - bitSize;
        });
  }

  private Insn patch(
      Insn insn, long value, Question question, Optional<Place> place, BtfExt.CoreRelo relo)
      throws ObjectException {
    Opcode opcode = insn.opcode();
    switch (opcode.form()) {
      case ALU_K -> {
        return new Insn(opcode, insn.dst(), insn.src(), insn.off(), (int) value);
      }
      case LDDW -> {
        return new Insn(opcode, insn.dst(), insn.src(), insn.off(), value);
      }
      case LOAD, STORE_K, STORE_X -> {
        if (value != (short) value) {
          throw error(relo, "offset %d: expected 16 bits".formatted(value));
        }
        Opcode sized = opcode;
        if (question == Question.FIELD_BYTE_OFFSET
            && place.isPresent()
            && place.get().bitSize == 0) {
          sized = resized(opcode, target.resolve(place.get().type), place.get());
        }
        return new Insn(sized, insn.dst(), insn.src(), (int) value, insn.imm());
      }
      default ->
          throw error(relo, "instruction '%s': it has no place for a number".formatted(insn));
    }
  }

  /** Returns the access of the size that the field has in the target. */
  private Opcode resized(Opcode opcode, Btf.Type type, Place place) throws ObjectException {
    boolean number = type.kind() == Btf.Kind.INT || type.kind() == Btf.Kind.PTR || type.anyEnum();
    long bytes = number ? target.size(place.type) : opcode.bytes();
    if (bytes == opcode.bytes() || type.signed()) {
      return opcode;
    }
    for (Opcode row : Opcode.values()) {
      if (row.form() == opcode.form()
          && row.operation().equals(opcode.operation())
          && row.bytes() == bytes) {
        return row;
      }
    }
    return opcode;
  }

  private static ObjectException error(BtfExt.CoreRelo relo, String what) {
    return new ObjectException(
        String.format(
            Locale.ROOT, "section %s: insn %d: CO-RE: %s", relo.section(), relo.slot(), what));
  }
}
