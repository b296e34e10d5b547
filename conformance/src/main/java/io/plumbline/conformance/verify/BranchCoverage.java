package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Reach;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which ways out of conditional jumps of the bytecode frames have taken. A way counts once for a
 * program, whatever inputs it was run with (programs of different hooks have different objects,
 * whose names are used here); ways that no input and no frame can take are among the total; {@link
 * Reach} tells them apart.
 */
public final class BranchCoverage {
  /** Frames of each subject that are looked at: an instruction costs more when it is watched. */
  private static final int MOST_FRAMES = 1500;

  private final EmulatorEngine engine;
  private final Map<String, BitSet> taken = new HashMap<>();
  private final Map<String, BitSet> reachable = new HashMap<>();
  private final Map<String, Integer> totals = new HashMap<>();
  private final int[] jumpedFrom = new int[Machine.MAX_FRAMES];
  private final ProgramObjects objects;
  private Hook hook = Hook.all().get(0);

  /** Prepares measuring programs of some objects. */
  public BranchCoverage(ProgramObjects objects) {
    this.objects = objects;
    engine = EmulatorEngine.traced(objects, this::before);
  }

  /** Notes the branches of a run; for an interpreter that calls it before each instruction. */
  public void before(Program program, int slot, int frame, long[] registers) {
    int from = jumpedFrom[frame];
    if (from >= 0) {
      taken
          .computeIfAbsent(hook.objectOf(program.name()), name -> new BitSet())
          .set(2 * from + (slot == from + 1 ? 0 : 1));
    }
    jumpedFrom[frame] = conditional(program.insns().get(slot)) ? slot : -1;
  }

  private static boolean conditional(Insn insn) {
    Opcode.Form form = insn.opcode().form();
    return form == Opcode.Form.JUMP_K || form == Opcode.Form.JUMP_X;
  }

  /**
   * Runs frames, linear ones and ones that are not, and notes what they take.
   *
   * @param subjects of one hook
   */
  void add(List<? extends Subject> subjects, List<PacketBatch> frames) throws EngineException {
    hook = subjects.get(0).hook();
    add(engine, subjects, frames);
    add(engine.withLinear(0), subjects, frames);
  }

  private void add(
      EmulatorEngine traced, List<? extends Subject> subjects, List<PacketBatch> frames)
      throws EngineException {
    List<Runner> runners = traced.loadAll(subjects);
    Outcomes outcomes = new Outcomes();
    try {
      for (int i = 0; i < runners.size(); i++) {
        run(runners.get(i), frames.get(i), outcomes);
      }
    } finally {
      runners.forEach(Runner::close);
    }
  }

  /** Runs frames, or one in some, on a runner that calls {@link #before}. */
  public void run(Runner runner, PacketBatch frames, Outcomes outcomes) throws EngineException {
    PacketBatch some = new PacketBatch();
    int step = Math.max(1, frames.size() / MOST_FRAMES);
    for (int frame = 0; frame < frames.size(); frame += step) {
      some.add(frames.packet(frame));
    }
    java.util.Arrays.fill(jumpedFrom, -1);
    runner.run(some, outcomes);
  }

  /** Notes that frames can take ways out of conditional jumps of a program, and no others. */
  public void reachable(String program, BitSet ways) {
    reachable.computeIfAbsent(program, name -> new BitSet()).or(ways);
  }

  /**
   * Returns how many ways out of conditional jumps frames can take; those that were taken count in
   * any case.
   */
  public int reachable(String program) throws EngineException {
    BitSet known = reachable.get(program);
    if (known == null) {
      return total(program);
    }
    BitSet all = (BitSet) known.clone();
    all.or(taken.getOrDefault(program, new BitSet()));
    return all.cardinality();
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
      List<Insn> insns =
          object.program(Hook.programOf(name)).map(BpfObject.Program::insns).orElse(List.of());
      return 2 * (int) insns.stream().filter(BranchCoverage::conditional).count();
    } catch (ObjectException e) {
      throw new EngineException(name + ": " + e.getMessage());
    }
  }

  /** A line of source, and the ways out of its conditional jumps that can be taken. */
  public record Line(String text, int taken, int ways) {}

  /** Returns the source lines of a program that have conditional jumps, in their order there. */
  public List<Line> lines(String name) throws EngineException {
    Map<String, int[]> lines = new TreeMap<>();
    try {
      BpfObject.Program program =
          BpfObject.read(objects.object(name)).program(Hook.programOf(name)).orElse(null);
      if (program == null) {
        return List.of();
      }
      TreeMap<Integer, BpfObject.SourceLine> source = new TreeMap<>(program.lines());
      BitSet covered = taken.getOrDefault(name, new BitSet());
      BitSet possible = reachable.get(name);
      for (int slot = 0; slot < program.insns().size(); slot++) {
        Map.Entry<Integer, BpfObject.SourceLine> line = source.floorEntry(slot);
        if (line == null || !conditional(program.insns().get(slot))) {
          continue;
        }
        BpfObject.SourceLine at = line.getValue();
        String file = at.file().substring(at.file().lastIndexOf('/') + 1);
        String key = "%s:%4d: %s".formatted(file, at.line(), at.text().strip());
        int[] counts = lines.computeIfAbsent(key, text -> new int[2]);
        for (int way = 2 * slot; way <= 2 * slot + 1; way++) {
          counts[0] += covered.get(way) ? 1 : 0;
          counts[1] += possible == null || possible.get(way) || covered.get(way) ? 1 : 0;
        }
      }
    } catch (ObjectException e) {
      throw new EngineException(name + ": " + e.getMessage());
    }
    List<Line> all = new ArrayList<>();
    lines.forEach((text, counts) -> all.add(new Line(text, counts[0], counts[1])));
    return all;
  }

  /** Returns how many of them were taken. */
  public int covered(String program) {
    return taken.getOrDefault(program, new BitSet()).cardinality();
  }
}
