package io.plumbline.bench;

import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.RepeatedRun;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.pcaps.FlowPackets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
 * What does a packet cost in the kernel, by the number of rules? Packets of {@value #FRAMES} rules
 * of the policy, each run {@value #REPEAT} times by one test run. {@code rows} is the table of the
 * strict language, walked one row after the other, which ends at 64.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PolicyCost {
  private static final int FRAMES = 64;
  private static final int REPEAT = 1000;

  @Param({
    "rows-10",
    "rows-64",
    "exact-10",
    "exact-64",
    "exact-10000",
    "ranges-10",
    "ranges-10000",
    "ranges-65536"
  })
  public String policy = "exact-10";

  private final List<Packet> frames = new ArrayList<>();
  private RepeatedRun run;

  /** Loads the policy and makes the frames. */
  @Setup
  public void setUp() throws EngineException, PolicyException {
    String[] words = policy.split("-", -1);
    Policy made = make(words[0], Integer.parseInt(words[1]));
    Subject subject =
        words[0].equals("rows") ? new Subject.IntentRows(made) : new Subject.Intent(made);
    run = new RepeatedRun(subject, ObjectSource.builtIn());
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < FRAMES; i++) {
      Rule rule = made.rules().get(random.nextInt(made.rules().size()));
      frames.add(FlowPackets.of(rule.regions().get(0).example()).build());
    }
  }

  /** Exact endpoints, or prefixes of 8 to 32 bits with port ranges; a quarter are forbids. */
  private static Policy make(String kind, int rules) throws PolicyException {
    SplittableRandom random = new SplittableRandom(1);
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (int i = 0; i < rules; i++) {
      int length = kind.equals("ranges") ? random.nextInt(8, 33) : 32;
      int address = random.nextInt() & -1 << (32 - length);
      String host =
          "%d.%d.%d.%d/%d"
              .formatted(
                  address >>> 24, address >>> 16 & 255, address >>> 8 & 255, address & 255, length);
      int low = random.nextInt(1, 0x10000);
      int high = kind.equals("ranges") ? random.nextInt(low, 0x10000) : low;
      builder.rule(
          i % 4 == 0 ? Effect.DROP : Effect.ACCEPT,
          "%s/%s:%d-%d".formatted(random.nextBoolean() ? "tcp" : "udp", host, low, high),
          Position.option("bench"));
    }
    return builder.build();
  }

  /** Unloads the policy. */
  @TearDown
  public void tearDown() {
    run.close();
  }

  /** Runs all frames. */
  @Benchmark
  @OperationsPerInvocation(FRAMES * REPEAT)
  public int judge() throws EngineException {
    int sum = 0;
    for (Packet frame : frames) {
      sum += run.run(frame, REPEAT);
    }
    return sum;
  }
}
