package io.plumbline.emulator.vm;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.machine.Region;
import java.util.List;

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
  public Flat(List<Insn> insns, java.util.function.Function<Machine, Program.Maker> maker)
      throws VmException {
    try {
      StructuralVerifier.check(insns);
    } catch (IsaException e) {
      throw new VmException(String.valueOf(e.getMessage()));
    }
    for (int slot = 0; slot < insns.size(); slot++) {
      Insn insn = insns.get(slot);
      if (insn.opcode() == Opcode.CALL_HELPER && Helper.of(insn.immLow()).isEmpty()) {
        throw new VmException(
            "insn %d (%s): helper %d (%s): it is not done here"
                .formatted(slot, insn, insn.immLow(), Helper.name(insn.immLow())));
      }
    }
    program = new Program("program", insns, maker.apply(machine));
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
