package io.plumbline.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.ProgramSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernel engines against the kernel of this machine. */
@Tag("kernel")
class KernelEnginesTest {
  private final KernelEngine kernel = new KernelEngine(ObjectSource.builtIn());
  private final KernelEngine batch = KernelEngine.batch(ObjectSource.builtIn());

  @BeforeEach
  void kernelIsThere() {
    Optional<String> reason = FeatureProbe.unavailable();
    if (System.getenv("CI") != null) {
      assertThat(reason).as("a missing kernel feature fails in CI").isEmpty();
    }
    assumeTrue(reason.isEmpty(), () -> "kernel engines: " + reason.orElse(""));
  }

  private static Subject blockPort(String port) throws InputException {
    ProgramSpec program = ProgramCatalog.find("block_port").orElseThrow();
    return new Subject.Standalone(program, program.grammar().parse(port));
  }

  /** IPv4 and TCP to a port, from zero bytes. */
  private static Packet tcpTo(int port, int length) {
    byte[] frame = new byte[length];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 6;
    if (length >= 38) {
      frame[36] = (byte) (port >>> 8);
      frame[37] = (byte) port;
    }
    return Packet.of(frame);
  }

  @Test
  void bothDropTheBlockedPortAndPassAnother() throws Exception {
    try (Runner one = kernel.load(blockPort("443"));
        Runner many = batch.load(blockPort("443"))) {
      for (Runner runner : new Runner[] {one, many}) {
        assertThat(runner.run(tcpTo(443, 60))).hasToString("TC_ACT_SHOT");
        assertThat(runner.run(tcpTo(80, 60))).hasToString("TC_ACT_OK");
      }
    }
  }

  @Test
  void programsLeaveTheFrameAsItWas() throws Exception {
    try (Runner runner = kernel.load(blockPort("443"))) {
      Packet tagged = tcpTo(443, 60).withOutsideTag(new VlanTag(0x8100, 7));
      assertThat(((Outcome.Decided) runner.run(tcpTo(443, 60))).after()).isEqualTo(tcpTo(443, 60));
      assertThat(((Outcome.Decided) runner.run(tagged)).after()).isEqualTo(tagged);
    }
  }

  @Test
  void anOutsideTagIsJudgedAsIfItStoodInTheFrame() throws Exception {
    try (Runner one = kernel.load(blockPort("443"));
        Runner many = batch.load(blockPort("443"))) {
      Packet tagged = tcpTo(443, 60).withOutsideTag(new VlanTag(0x8100, 7));
      assertThat(one.run(tagged)).hasToString("TC_ACT_OK");
      assertThat(many.run(tagged)).hasToString("TC_ACT_OK");
    }
  }

  @Test
  void limitsAreNamed() throws Exception {
    try (Runner one = kernel.load(blockPort("443"));
        Runner many = batch.load(blockPort("443"))) {
      assertThat(one.run(tcpTo(443, 33)))
          .hasToString("unsupported: test run takes IPv4 frames of 34..3712 bytes only");
      assertThat(many.run(tcpTo(443, 33))).hasToString("TC_ACT_OK");
      assertThat(many.run(Packet.of(new byte[13])))
          .hasToString("unsupported: batch takes frames of 14..3712 bytes only");
      assertThat(Hook.TC.testRunLimits().refusal(0x86DD, 53)).isPresent();
    }
  }

  @Test
  void aBatchKeepsFramesApart() throws Exception {
    PacketBatch frames = new PacketBatch();
    int[] expected = new int[10_000];
    for (int i = 0; i < expected.length; i++) {
      int port = 400 + i % 100;
      frames.add(tcpTo(port, 38 + i * 7 % 1400));
      expected[i] = port == 443 ? 2 : 0;
    }
    Outcomes one = new Outcomes();
    Outcomes many = new Outcomes();
    try (Runner kernelRunner = kernel.load(blockPort("443"));
        Runner batchRunner = batch.load(blockPort("443"))) {
      kernelRunner.run(frames, one);
      batchRunner.run(frames, many);
    }
    assertThat(Arrays.copyOf(one.codes(), one.size())).isEqualTo(expected);
    assertThat(Arrays.copyOf(many.codes(), many.size())).isEqualTo(expected);
  }

  @Test
  void aBadObjectIsOneClearError(@TempDir Path folder) throws Exception {
    Path object = Files.write(folder.resolve("x.o"), new byte[] {1, 2, 3});
    KernelEngine engine = new KernelEngine(ObjectSource.builtIn().with("block_port", object));
    assertThatThrownBy(() -> engine.load(blockPort("443")))
        .isInstanceOf(EngineException.class)
        .hasMessage("kernel: open block_port: libbpf refuses the object");
  }
}
