package io.plumbline.bench;

import io.plumbline.conformance.verify.Engines;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PacketBuilder;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How many mixed frames a second does each engine judge on one thread? Frames differ in protocol,
 * length, address and port.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class EngineThroughput {
  private static final int FRAMES = 65536;

  @Param({"model", "kernel", "kernel-batch", "interpreter", "emulator"})
  public String engine = "model";

  private final PacketBatch frames = new PacketBatch();
  private final Outcomes outcomes = new Outcomes(FRAMES);
  private Engine loaded;
  private Runner runner;

  /** Loads the engine and makes the frames. */
  @Setup
  public void setUp() throws EngineException, InputException {
    ProgramSpec program = ProgramCatalog.find("block_port").orElseThrow();
    loaded = Engines.of(List.of(engine), ObjectSource.builtIn()).get(0);
    runner = loaded.load(new Subject.Standalone(program, program.grammar().parse("443")));
    SplittableRandom random = new SplittableRandom(1);
    int[] lengths = {60, 60, 60, 64, 90, 128, 200, 590};
    for (int i = 0; i < FRAMES; i++) {
      PacketBuilder builder = PacketBuilder.eth();
      switch (random.nextInt(8)) {
        case 0 -> builder.arp();
        case 1 -> builder.ipv6(17).udp(1024, 53);
        case 2, 3, 4 -> builder.ipv4(random.nextInt()).udp(1024, 440 + random.nextInt(8));
        default -> builder.ipv4(random.nextInt()).tcp(1024, 440 + random.nextInt(8));
      }
      frames.add(builder.pad(lengths[random.nextInt(lengths.length)]).build());
    }
  }

  /** Unloads the engine. */
  @TearDown
  public void tearDown() {
    runner.close();
    loaded.close();
  }

  /** Judges all frames. */
  @Benchmark
  @OperationsPerInvocation(FRAMES)
  public Outcomes judge() throws EngineException {
    runner.run(frames, outcomes);
    return outcomes;
  }
}
