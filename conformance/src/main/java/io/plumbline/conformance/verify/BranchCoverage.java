package io.plumbline.conformance.verify;

import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which ways out of conditional jumps of the bytecode frames have taken. A way counts once for a
 * program, whatever inputs it was run with; ways that no input and no frame can take are among the
 * total.
 */
public final class BranchCoverage {
  /** Frames of each subject that are looked at: an instruction costs more when it is watched. */
  private static final int MOST_FRAMES = 3000;

  private final EmulatorEngine engine;
  private final Map<String, BitSet> taken = new HashMap<>();
  private final Map<String, Integer> totals = new HashMap<>();
  private final int[] jumpedFrom = new int[Machine.MAX_FRAMES];
  private final ProgramObjects objects;

  BranchCoverage(ProgramObjects objects) {
    this.objects = objects;
    engine = EmulatorEngine.traced(objects, this::before);
  }

  private void before(Program program, int slot, int frame, long[] registers) {
    int from = jumpedFrom[frame];
    if (from >= 0) {
      taken
          .computeIfAbsent(program.name(), name -> new BitSet())
          .set(2 * from + (slot == from + 1 ? 0 : 1));
    }
    jumpedFrom[frame] = conditional(program.insns().get(slot)) ? slot : -1;
  }

  private static boolean conditional(Insn insn) {
    Opcode.Form form = insn.opcode().form();
    return form == Opcode.Form.JUMP_K || form == Opcode.Form.JUMP_X;
  }

  /** Runs frames and notes what they take. */
  void add(List<? extends Subject> subjects, List<PacketBatch> frames) throws EngineException {
    List<Runner> runners = engine.loadAll(subjects);
    for (int i = 0; i < runners.size(); i++) {
      PacketBatch some = new PacketBatch();
      int step = Math.max(1, frames.get(i).size() / MOST_FRAMES);
      for (int frame = 0; frame < frames.get(i).size(); frame += step) {
        some.add(frames.get(i).packet(frame));
      }
      java.util.Arrays.fill(jumpedFrom, -1);
      try (Runner runner = runners.get(i)) {
        runner.run(some, new int[some.size()]);
      }
    }
  }

  /** Returns how many ways out of conditional jumps there are. */
  public int total(String program) throws EngineException {
    Integer known = totals.get(program);
    if (known == null) {
      known = count(program);
      totals.put(program, known);
    }
    return known;
  }

  private int count(String name) throws EngineException {
    try {
      BpfObject object = BpfObject.read(objects.object(name));
      List<Insn> insns = object.program(name).map(BpfObject.Program::insns).orElse(List.of());
      return 2 * (int) insns.stream().filter(BranchCoverage::conditional).count();
    } catch (ObjectException e) {
      throw new EngineException(name + ": " + e.getMessage());
    }
  }

  /** Returns how many of them were taken. */
  public int covered(String program) {
    return taken.getOrDefault(program, new BitSet()).cardinality();
  }
}
