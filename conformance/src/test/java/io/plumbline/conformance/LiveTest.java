package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.live.LiveEngine;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PacketText;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Filters as they are attached, against the model, over real frames on an interface. */
@Tag("kernel")
class LiveTest {
  private static final int SEED = 7;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** Frames that test runs refuse or cannot make: cut short, and with headers in fragments. */
  private static PacketBatch difficult() {
    PacketBatch frames = new PacketBatch();
    for (String text :
        List.of(
            "eth ipv4(10.0.0.1) tcp(1024,80)",
            "eth ipv4(10.0.0.53) udp(1024,53)",
            "eth ipv4(192.0.2.1) tcp(22,1024)",
            "eth vlan(7) ipv4(10.0.0.1) tcp(1024,80)",
            "eth arp")) {
      Packet whole = PacketText.parse(text);
      byte[] bytes = whole.bytes();
      for (int length = 14; length <= bytes.length; length++) {
        frames.add(Packet.of(Arrays.copyOf(bytes, length)));
        frames.add(Packet.of(Arrays.copyOf(bytes, length)).withOutsideTag(new VlanTag(0x8100, 5)));
      }
      // A packet socket puts all but the first 14 bytes of a frame of a page or more into pages.
      for (int length : List.of(4096, 6000, 65000)) {
        frames.add(Packet.of(Arrays.copyOf(bytes, length)));
      }
    }
    return frames;
  }

  /** The first of these runs everything; the others a part, because the filters are the same. */
  @ParameterizedTest
  @CsvSource({
    "tc, EGRESS, TCX, 1",
    "tc, EGRESS, CLSACT, 10",
    "tc, INGRESS, TCX, 20",
    "tc, INGRESS, CLSACT, 20",
    "tc-l3, EGRESS, TCX, 4",
    "tc-l3, EGRESS, CLSACT, 10",
    "tc-l3, INGRESS, TCX, 10",
    "tc-l3, INGRESS, CLSACT, 10",
  })
  void everyFilterDoesOnTheWireWhatItsModelSays(
      String where, Direction direction, Backend backend, int part) throws Exception {
    Hook hook = Hook.find(where).orElseThrow();
    try (LiveEngine live = new LiveEngine(ObjectSource.builtIn(), direction, backend)) {
      Verification run = new Verification(List.of(new ModelEngine(), live), difficult(), 20, SEED);
      for (ProgramSpec program : ProgramCatalog.all()) {
        for (Subject subject : every(part, Subjects.of(program))) {
          run.run(program.name(), subject.at(hook));
        }
      }
      for (Subject chain : every(part, Subjects.chains(SEED))) {
        run.run(Subjects.DISPATCHER, chain.at(hook));
      }
      run.runPolicies(every(part, RandomPolicies.of(50, SEED)), hook, 200);
      assertThat(run.disagreements()).isEmpty();
      assertThat(run.failures()).isEmpty();
      Verification.EngineScore score = run.engineScores().get(LiveEngine.NAME);
      assertThat(score == null ? 0 : score.trials()).isGreaterThan(20_000);
    }
  }

  /** Returns the first, and then one of so many. */
  private static <T> List<T> every(int part, List<T> all) {
    return java.util.stream.IntStream.range(0, all.size())
        .filter(i -> i % part == 0)
        .mapToObj(all::get)
        .toList();
  }

  @Test
  void aWrongObjectIsToldApart() throws Exception {
    ObjectSource wrong =
        ObjectSource.builtIn()
            .with(
                "block_ipv4",
                java.nio.file.Path.of(
                    "../bpf/target/objects/negative/live_block_ipv4_no_pull.bpf.o"));
    try (LiveEngine live = new LiveEngine(wrong)) {
      Verification run = new Verification(List.of(new ModelEngine(), live), difficult(), 0, SEED);
      for (Subject subject : Subjects.of(ProgramCatalog.find("block_ipv4").orElseThrow())) {
        run.run("block_ipv4", subject);
      }
      assertThat(run.disagreementCount()).isPositive();
    }
  }
}
