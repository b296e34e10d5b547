package io.plumbline.bench;

import io.plumbline.conformance.fuzz.ProgramGenerator;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** How long does it take to compile the largest shipped program, and one of 40,000 instructions? */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class CompileTime {
  private static final int LARGE = 40_000;

  private final Machine machine = new Machine();
  private List<Insn> shipped;
  private List<Insn> large;

  /** Reads the one and makes the other. */
  @Setup
  public void setUp() throws EngineException, ObjectException {
    new Frames(machine, Contexts.TYPES.get("tc"));
    shipped =
        BpfObject.read(ObjectSource.builtIn().object("intent"))
            .program("intent")
            .orElseThrow()
            .insns();
    large = new ArrayList<>();
    for (int seed = 0; large.size() < LARGE; seed++) {
      List<Insn> one = ProgramGenerator.program(seed);
      if (one.stream().noneMatch(insn -> insn.opcode() == Opcode.CALL_LOCAL)) {
        large.add(
            large.isEmpty()
                ? Insn.of(Opcode.STXDW, Insn.FRAME_POINTER, 1, -40, 0)
                : Insn.of(Opcode.LDXDW, 1, Insn.FRAME_POINTER, -40, 0));
        large.addAll(one.subList(0, one.size() - 1));
      }
    }
    large.add(Insn.of(Opcode.EXIT, 0, 0, 0, 0));
  }

  /** The largest shipped program. */
  @Benchmark
  public Program shipped() {
    return new Program("intent", shipped, new Jit(machine, true));
  }

  /** A program of 40,000 instructions. */
  @Benchmark
  public Program large() {
    return new Program("large", large, new Jit(machine, true));
  }
}
