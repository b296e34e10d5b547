package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.hook.Hook;
import java.util.List;
import java.util.Map;

/** A program to execute, with what it refers to. Each one is equal to itself only. */
public final class Code {
  private final Hook hook;
  private final String name;
  private final List<Insn> insns;
  private final Map<Integer, BpfObject.SourceLine> lines;
  private final Variables variables;
  private final Map<Integer, SymbolicMap> maps;

  /**
   * Makes a program.
   *
   * @param hook where it runs
   * @param lines where source lines begin, by slot
   * @param variables its global variables
   * @param maps its maps, by their position in the object; of global variables none
   */
  public Code(
      Hook hook,
      String name,
      List<Insn> insns,
      Map<Integer, BpfObject.SourceLine> lines,
      Variables variables,
      Map<Integer, SymbolicMap> maps) {
    this.hook = hook;
    this.name = name;
    this.insns = List.copyOf(insns);
    this.lines = Map.copyOf(lines);
    this.variables = variables;
    this.maps = Map.copyOf(maps);
  }

  /** Returns where it runs. */
  public Hook hook() {
    return hook;
  }

  public String name() {
    return name;
  }

  public List<Insn> insns() {
    return insns;
  }

  Map<Integer, BpfObject.SourceLine> lines() {
    return lines;
  }

  Variables variables() {
    return variables;
  }

  Map<Integer, SymbolicMap> maps() {
    return maps;
  }

  /** Returns whether an instruction goes one of two ways. */
  public static boolean conditional(Insn insn) {
    Opcode.Form form = insn.opcode().form();
    return form == Opcode.Form.JUMP_K || form == Opcode.Form.JUMP_X;
  }
}
