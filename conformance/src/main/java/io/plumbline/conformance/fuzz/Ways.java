package io.plumbline.conformance.fuzz;

import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Which ways out of conditional jumps of the bytecode frames take, and how often: a frame that goes
 * one that few have gone is worth keeping.
 */
final class Ways implements AutoCloseable {
  private final Runner runner;
  private final int few;
  private final Map<String, int[]> counts = new HashMap<>();
  private final int[] jumpedFrom = new int[Machine.MAX_FRAMES];
  private boolean rare;

  /**
   * Loads a subject.
   *
   * @param few a way that fewer frames have gone is rare
   */
  Ways(ProgramObjects objects, Subject subject, int few) throws EngineException {
    this.few = few;
    runner = EmulatorEngine.traced(objects, this::before).load(subject);
  }

  private void before(Program program, int slot, int frame, long[] registers) {
    int from = jumpedFrom[frame];
    if (from >= 0) {
      int[] ways =
          counts.computeIfAbsent(program.name(), name -> new int[2 * program.insns().size()]);
      rare |= ways[2 * from + (slot == from + 1 ? 0 : 1)]++ < few;
    }
    Opcode.Form form = program.insns().get(slot).opcode().form();
    jumpedFrom[frame] = form == Opcode.Form.JUMP_K || form == Opcode.Form.JUMP_X ? slot : -1;
  }

  /** Runs a frame; returns whether it went a way that few had gone. */
  boolean goesRareWay(Packet packet) throws EngineException {
    rare = false;
    Arrays.fill(jumpedFrom, -1);
    runner.run(packet);
    return rare;
  }

  /** Returns the ways that were gone, by program: twice the slot, one more where it jumped. */
  Map<String, BitSet> gone() {
    Map<String, BitSet> gone = new HashMap<>();
    counts.forEach(
        (name, ways) -> {
          BitSet set = gone.computeIfAbsent(name, key -> new BitSet());
          for (int way = 0; way < ways.length; way++) {
            if (ways[way] > 0) {
              set.set(way);
            }
          }
        });
    return gone;
  }

  @Override
  public void close() {
    runner.close();
  }
}
