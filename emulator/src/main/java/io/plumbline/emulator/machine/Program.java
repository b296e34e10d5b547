package io.plumbline.emulator.machine;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.model.packet.PacketBatch;
import java.util.List;
import java.util.Map;

/**
 * A program that is bound to maps and ready to run: every {@code lddw} is a plain constant, the
 * address of a map, or {@code LDDW_FUNC}.
 */
public final class Program {
  private final String name;
  private final List<Insn> insns;
  private final Map<Integer, String> lines;
  private final int stackUse;
  private final Executor executor;

  /** Makes what runs a program. */
  public interface Maker {
    Executor make(Program program);
  }

  /** Runs functions of one program. */
  public interface Executor {
    /**
     * Calls the function at a slot in the machine's innermost frame.
     *
     * @return its r0
     */
    long call(Machine machine, int slot, long r1, long r2, long r3, long r4, long r5);

    /**
     * Runs a program of a context from its start on each frame of a batch.
     *
     * @param program the one that this runs
     * @param verdicts the low half of r0 for each frame
     */
    default void callAll(
        Machine machine, Program program, Frames frames, PacketBatch batch, int[] verdicts) {
      for (int i = 0; i < batch.size(); i++) {
        frames.show(batch, i);
        machine.begin(program);
        verdicts[i] = (int) call(machine, 0, Machine.CONTEXT, 0, 0, 0, 0);
      }
    }
  }

  public Program(String name, List<Insn> insns, Maker maker) {
    this(name, insns, Map.of(), maker);
  }

  /**
   * Makes a program. Instructions with fields that are not legal, which a legal program never
   * reaches, become ones that fault.
   *
   * @param lines source lines, by the slot where they begin
   */
  public Program(String name, List<Insn> insns, Map<Integer, String> lines, Maker maker) {
    this.name = name;
    this.insns =
        insns.stream().map(insn -> StructuralVerifier.runs(insn) ? insn : Insn.HIGH).toList();
    this.lines = Map.copyOf(lines);
    stackUse = stackUse(this.insns);
    executor = maker.make(this);
  }

  /** Returns how many bytes below the frame pointer its functions can reach at most. */
  public int stackUse() {
    return stackUse;
  }

  private static int stackUse(List<Insn> insns) {
    int lowest = 0;
    for (int slot = 0; slot < insns.size(); slot++) {
      Insn insn = insns.get(slot);
      Opcode.Form form = insn.opcode().form();
      boolean base = form.usesOffset() && !form.jumpsByOffset();
      int register =
          form == Opcode.Form.LOAD || form == Opcode.Form.LOAD_ACQ ? insn.src() : insn.dst();
      if (base && register == Insn.FRAME_POINTER) {
        lowest = Math.min(lowest, insn.off());
      }
      boolean value =
          form.usesSrc() && insn.src() == Insn.FRAME_POINTER && !(base && register == insn.src());
      if (value) {
        // A copy that is moved by a constant before anything else is done with it.
        Insn next =
            insn.opcode() == Opcode.MOV64_X ? nextUse(insns, slot + 1, insn.dst()) : Insn.HIGH;
        if (next.opcode() != Opcode.ADD64_K) {
          return Machine.STACK_BYTES;
        }
        lowest = (int) Math.min(lowest, next.imm());
      }
    }
    return Math.max(0, Math.min(-lowest, Machine.STACK_BYTES));
  }

  private static Insn nextUse(List<Insn> insns, int from, int register) {
    for (int slot = from; slot < insns.size(); slot++) {
      Insn insn = insns.get(slot);
      Opcode.Form form = insn.opcode().form();
      boolean uses =
          (form.usesDst() && insn.dst() == register) || (form.usesSrc() && insn.src() == register);
      boolean leaves =
          form.jumpsByOffset()
              || form == Opcode.Form.GOTOL
              || form == Opcode.Form.CALL
              || form == Opcode.Form.CALLX
              || form == Opcode.Form.EXIT;
      if (uses || leaves) {
        return uses ? insn : Insn.HIGH;
      }
    }
    return Insn.HIGH;
  }

  public String name() {
    return name;
  }

  /** Returns source lines, by the slot where they begin. */
  public Map<Integer, String> lines() {
    return lines;
  }

  public List<Insn> insns() {
    return insns;
  }

  public Executor executor() {
    return executor;
  }

  @Override
  public String toString() {
    return name;
  }
}
