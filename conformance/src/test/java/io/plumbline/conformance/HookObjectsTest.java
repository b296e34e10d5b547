package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.program.RodataImage;
import io.plumbline.pcaps.PacketGenerator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The objects for tc, loaded for packets that begin at layer 3, decide as the models do about the
 * same packet. Wrong variants of them do not. Of XDP that is in {@link ConformanceTest}.
 */
@Tag("kernel")
class HookObjectsTest {
  private static final Path BPF = Path.of("..", "bpf");
  private static final Path NEGATIVE = BPF.resolve("target/objects/negative");
  private static final Path CORPORA = Path.of("..", "pcaps", "corpora");
  private static final long SEED = 1;

  /** A test run gives such a program the packet without its Ethernet header. */
  private static final int PROG_TYPE_LWT_IN = 10;

  private static final int LAYER_3 = 3;

  /** Longer frames show nothing that shorter ones do not. */
  private static final int MAX_LENGTH = 3520;

  /** Test runs carry no offloaded tag at layer 3. */
  private static final Set<String> NOT_IN_TEST_RUNS = Set.of("l3_allow_ipv4_tag");

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  static Stream<String> filters() {
    return ProgramCatalog.all().stream().map(ProgramSpec::name);
  }

  @ParameterizedTest
  @MethodSource("filters")
  void packetsThatBeginAtLayer3AreDecidedAsTheModelsDo(String program) throws Exception {
    assertThat(firstDifference(program, ObjectSource.builtIn())).isEmpty();
  }

  static Stream<Arguments> variants() throws IOException {
    Set<String> programs = Set.copyOf(filters().toList());
    return Files.readAllLines(NEGATIVE.resolve("HOOKS")).stream()
        .map(line -> line.split("\t", -1))
        .filter(fields -> fields[4].equals("3") && programs.contains(fields[1]))
        .filter(fields -> !NOT_IN_TEST_RUNS.contains(fields[0]))
        .map(fields -> Arguments.of(fields[0], fields[1], fields[2]));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("variants")
  void everyWrongVariantIsCaught(String variant, String program, String wrong) throws Exception {
    ObjectSource objects =
        ObjectSource.builtIn().with(program, NEGATIVE.resolve(variant + ".bpf.o"));
    assertThat(firstDifference(program, objects)).as(wrong).isPresent();
  }

  /** Beside the programs of this class, the gate and policies, and the variants of both. */
  @Test
  void everyObjectIsVerifiedForEachHook() throws Exception {
    Process load =
        new ProcessBuilder(BPF.resolve("build.sh").toString(), "load")
            .redirectErrorStream(true)
            .start();
    Program.Result result = Program.finish(load, "");
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out())
        .contains("gate.xdp.bpf.o", "intent.xdp.bpf.o", "lwt_in first layer 3")
        .containsPattern("bpf: load: [0-9]+ loads: verified\n");
  }

  private static Optional<String> firstDifference(String program, ObjectSource objects)
      throws Exception {
    for (Subject subject : Subjects.of(ProgramCatalog.find(program).orElseThrow())) {
      Optional<String> found = differs(subject, objects);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  /** Returns frames that a test run takes, without offloaded tags. */
  private static PacketBatch frames(Subject subject) throws Exception {
    PacketBatch all = new PacketBatch();
    all.addAll(Corpus.read(List.of(CORPORA)).frames());
    PacketGenerator generator = new PacketGenerator(subject.inputs());
    generator.systematic(all);
    generator.random(all, 500, SEED);
    PacketBatch taken = new PacketBatch();
    for (int i = 0; i < all.size(); i++) {
      int length = all.wireLength(i);
      if (all.vlanWord(i) == 0
          && length <= MAX_LENGTH
          && length == all.capturedLength(i)
          && subject.hook().testRunLimits().refusal(all.etherType(i), length).isEmpty()) {
        taken.add(all.packet(i));
      }
    }
    return taken;
  }

  private static Outcomes expected(Subject subject, PacketBatch frames) {
    Outcomes outcomes = new Outcomes(frames.size());
    new ModelEngine().load(subject).run(frames, outcomes);
    return outcomes;
  }

  /**
   * Returns the first frame that a program decides otherwise than the model. Stages run alone:
   * nothing follows in the chain.
   */
  private static Optional<String> differs(Subject subject, ObjectSource objects) throws Exception {
    ProgramSpec program;
    Map<String, byte[]> rodata;
    if (subject instanceof Subject.Standalone alone) {
      program = alone.program();
      rodata = RodataImage.standalone(program, alone.input()).symbols();
    } else if (subject instanceof Subject.Chained chain && chain.chain().stages().size() == 1) {
      program = chain.chain().stages().get(0).program();
      rodata = RodataImage.stage(chain.chain().stages().get(0), 0).symbols();
    } else {
      return Optional.empty();
    }
    Map<String, byte[]> variables = new LinkedHashMap<>(rodata);
    byte[] elf = objects.object(program.name());
    // What reads no headers does not have the variable.
    if (!program.name().equals("nop")) {
      variables.put(
          "first_layer",
          ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(LAYER_3).array());
    }
    boolean ethernetOnly = program.name().equals("allow_ethertype");
    PacketBatch frames = frames(subject);
    Outcomes expected = expected(subject, frames);
    int fd = -1;
    try (LoadedObject object = LoadedObject.relocate(program.name(), elf, variables);
        Memory in = new Memory(MAX_LENGTH)) {
      BpfSyscall.Loaded loaded = BpfSyscall.progLoad(PROG_TYPE_LWT_IN, object.instructions());
      fd = loaded.fd();
      assertThat(fd).as(loaded.log()).isPositive();
      try (BpfSyscall.TestRun run = new BpfSyscall.TestRun(fd, in, null)) {
        for (int i = 0; i < frames.size(); i++) {
          int length = frames.wireLength(i);
          in.write(0, frames.data(), frames.offset(i), length);
          assertThat(run.run(length, 0, 1)).isZero();
          int wanted = ethernetOnly ? subject.hook().drop() : expected.code(i);
          if (run.retval() != wanted) {
            return Optional.of(
                "%s at layer 3: %s: %d, expected %d"
                    .formatted(subject, frames.packet(i), run.retval(), wanted));
          }
        }
      }
    } finally {
      if (fd >= 0) {
        LibC.close(fd);
      }
    }
    return Optional.empty();
  }
}
