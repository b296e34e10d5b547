package io.plumbline.conformance.mutate;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Objects in which one instruction is another one. */
public final class BytecodeMutants {
  private static final Map<String, List<String>> CONDITIONS =
      Map.of(
          "eq", List.of("ne"),
          "ne", List.of("eq"),
          "gt", List.of("ge", "le"),
          "ge", List.of("gt", "lt"),
          "lt", List.of("le", "ge"),
          "le", List.of("lt", "gt"),
          "slt", List.of("sle", "sge"),
          "sgt", List.of("sge", "sle"),
          "set", List.of("eq"));

  private static final Map<String, String> OPERATIONS =
      Map.of("add", "sub", "sub", "add", "and", "or", "or", "and", "lsh", "rsh", "rsh", "lsh");

  /**
   * One changed object.
   *
   * @param what the instruction, and what it became
   */
  public record Mutant(String what, byte[] object) {}

  private BytecodeMutants() {}

  /** Returns every change of one instruction of a program. */
  public static List<Mutant> of(byte[] file, String name) throws ObjectException {
    BpfObject.Program program =
        BpfObject.read(file)
            .program(name)
            .orElseThrow(() -> new IllegalArgumentException("object: no program " + name));
    List<Mutant> mutants = new ArrayList<>();
    TreeMap<Integer, BpfObject.SourceLine> lines = new TreeMap<>(program.lines());
    TreeMap<Integer, String> functions = new TreeMap<>(program.functions());
    functions.putIfAbsent(0, name);
    for (int start : functions.keySet()) {
      Integer next = functions.higherKey(start);
      int end = next == null ? program.insns().size() : next;
      List<Insn> insns = program.insns().subList(start, end);
      int place = find(file, insns);
      for (int slot = 0; slot < insns.size(); slot++) {
        Insn insn = insns.get(slot);
        for (Insn changed : changes(insn)) {
          byte[] copy = file.clone();
          byte[] code = InsnCodec.encode(List.of(changed));
          System.arraycopy(code, 0, copy, place + InsnCodec.SLOT * slot, InsnCodec.SLOT);
          mutants.add(
              new Mutant(
                  "insn %d (%s) as %s%s"
                      .formatted(
                          start + slot,
                          insn,
                          changed,
                          Optional.ofNullable(lines.floorEntry(start + slot))
                              .map(line -> ", " + line.getValue())
                              .orElse("")),
                  copy));
        }
      }
    }
    return mutants;
  }

  /** Returns where in a file a function is; what linking fills in is not compared. */
  private static int find(byte[] file, List<Insn> insns) {
    byte[] code = InsnCodec.encode(insns);
    for (int at = 0; at + code.length <= file.length; at += InsnCodec.SLOT) {
      if (isAt(file, at, insns, code)) {
        return at;
      }
    }
    throw new IllegalArgumentException("object: its code was not found in the file");
  }

  private static boolean isAt(byte[] file, int at, List<Insn> insns, byte[] code) {
    for (int slot = 0; slot < insns.size(); slot++) {
      if (linked(insns.get(slot))) {
        continue;
      }
      for (int i = InsnCodec.SLOT * slot; i < InsnCodec.SLOT * (slot + 1); i++) {
        if (file[at + i] != code[i]) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean linked(Insn insn) {
    return insn.opcode().form() == Opcode.Form.LDDW
        || insn.opcode().form() == Opcode.Form.HIGH
        || insn.opcode() == Opcode.CALL_LOCAL;
  }

  private static List<Insn> changes(Insn insn) {
    List<Insn> changes = new ArrayList<>();
    Opcode opcode = insn.opcode();
    if (linked(insn) || opcode.form() == Opcode.Form.EXIT) {
      return changes;
    }
    switch (opcode.form()) {
      case ALU_K, JUMP_K -> {
        changes.add(withImm(insn, insn.imm() + 1));
        changes.add(withImm(insn, insn.imm() - 1));
      }
      case STORE_K -> changes.add(withImm(insn, insn.imm() + 1));
      case LOAD, STORE_X -> {
        changes.add(withOffset(insn, insn.off() + 1));
        changes.add(withOffset(insn, insn.off() - 1));
      }
      default -> {}
    }
    for (String other : CONDITIONS.getOrDefault(opcode.operation(), List.of())) {
      like(opcode, other).ifPresent(o -> changes.add(withOpcode(insn, o)));
    }
    String operation = OPERATIONS.get(opcode.operation());
    if (operation != null) {
      like(opcode, operation).ifPresent(o -> changes.add(withOpcode(insn, o)));
    }
    if (opcode.form().jumpsByOffset()) {
      changes.add(withOffset(insn, insn.off() + 1));
    }
    // An instruction that does nothing instead of one that does something.
    changes.add(Insn.of(Opcode.JA, 0, 0, 0, 0));
    return changes;
  }

  private static Optional<Opcode> like(Opcode opcode, String operation) {
    for (Opcode other : Opcode.values()) {
      if (other.form() == opcode.form()
          && other.width() == opcode.width()
          && other.operation().equals(operation)) {
        return Optional.of(other);
      }
    }
    return Optional.empty();
  }

  private static Insn withImm(Insn insn, long imm) {
    return new Insn(insn.opcode(), insn.dst(), insn.src(), insn.off(), (int) imm);
  }

  private static Insn withOffset(Insn insn, int offset) {
    return new Insn(insn.opcode(), insn.dst(), insn.src(), offset, insn.imm());
  }

  private static Insn withOpcode(Insn insn, Opcode opcode) {
    return new Insn(opcode, insn.dst(), insn.src(), insn.off(), insn.imm());
  }
}
