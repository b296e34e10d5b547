package io.plumbline.emulator.vm;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Reachability;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.machine.Region;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;

/** Programs of plain memory: r1 is its address and r2 its length, both 0 if there is none. */
public final class Flat {
  private final Machine machine = new Machine();
  private final Program program;

  /**
   * Prepares a program.
   *
   * @param maker makes what runs it
   * @throws VmException if it is not one, or calls a helper that is not there
   */
  public Flat(List<Insn> insns, Function<Machine, Program.Maker> maker) throws VmException {
    try {
      StructuralVerifier.check(insns);
    } catch (IsaException e) {
      throw new VmException(String.valueOf(e.getMessage()));
    }
    BitSet reached = Reachability.of(insns);
    for (int slot = 0; slot < insns.size(); slot++) {
      String wrong = refusal(insns.get(slot), reached.get(slot));
      if (!wrong.isEmpty()) {
        throw new VmException("insn %d (%s): %s".formatted(slot, insns.get(slot), wrong));
      }
    }
    program = new Program("program", insns, maker.apply(machine));
  }

  /** Returns why an instruction cannot be in a program without maps and kernel, or nothing. */
  private static String refusal(Insn insn, boolean reached) {
    return switch (insn.opcode()) {
      case LDDW_MAP_FD, LDDW_MAP_VALUE, LDDW_MAP_INDEX, LDDW_MAP_INDEX_VALUE ->
          "it refers to a map: there are no maps";
      case LDDW_BTF_ID -> "it refers to a variable of a kernel: there is no kernel";
      case CALL_KFUNC -> "call of a kernel function: there is no kernel";
      case ADDR_SPACE_CAST -> reached ? "it needs an arena: not supported" : "";
      case CALL_HELPER ->
          reached && Helper.of(insn.immLow()).isEmpty()
              ? "helper %d (%s): not supported".formatted(insn.immLow(), Helper.name(insn.immLow()))
              : "";
      default -> "";
    };
  }

  public Machine machine() {
    return machine;
  }

  /**
   * Runs the program.
   *
   * @param memory what it may read and write; changed by it
   * @return r0
   * @throws io.plumbline.emulator.machine.Fault if it does what it must not
   */
  public long run(byte[] memory) {
    if (memory.length == 0) {
      return machine.run(program, 0, 0);
    }
    Region region = machine.region("memory", memory, true);
    try {
      // To the legacy packet instructions the memory is the packet.
      machine.context()[machine.contextType().dataSlot()] = region.address();
      machine.context()[machine.contextType().dataEndSlot()] = region.address() + memory.length;
      return machine.run(program, region.address(), memory.length);
    } finally {
      machine.forget(region);
    }
  }
}
