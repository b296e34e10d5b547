package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.verify.GateExecution;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.loader.attach.GateTestRun;
import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The gate on emulator and kernel does what its model says; wrong ones are told apart. */
@Tag("kernel")
class GateTest {
  private static final Path NEGATIVE = Path.of("..", "bpf", "target", "objects", "negative");
  private static final int CASES = 600;
  private static final int KERNEL_CASES = 150;

  /** What only a clock that stands still shows, or a tag outside the frame. */
  private static final Set<String> NOT_IN_TEST_RUNS =
      Set.of("gate_listen", "gate_tag", "xdp_gate_listen", "xdp_gate_mark");

  private static List<GateExecution.Case> cases(Hook hook, int count) {
    return GateExecution.cases(hook, count, 7);
  }

  /** Returns the engines of the emulator that say something else than the model. */
  private static Set<String> emulatorsThatDiffer(
      Hook hook, byte[] object, List<GateExecution.Case> cases) throws EngineException {
    Set<String> differ = new TreeSet<>();
    for (Map.Entry<String, Function<Machine, Program.Maker>> engine :
        GateExecution.MAKERS.entrySet()) {
      for (GateExecution.Case one : cases) {
        GateModel.Result result =
            GateExecution.emulated(
                engine.getValue(),
                hook,
                object,
                one.state(),
                one.frame(),
                one.frame().wireLength());
        if (!result.equals(GateModel.judge(hook, one.state(), one.frame()))) {
          differ.add(engine.getKey());
        }
      }
    }
    return differ;
  }

  private static boolean kernelDiffers(Hook hook, byte[] object, List<GateExecution.Case> cases)
      throws EngineException {
    boolean differs = false;
    for (GateExecution.Case one : cases) {
      if (GateTestRun.unsupported(hook, one.frame()).isEmpty()) {
        try (GateTestRun kernel = new GateTestRun(hook, object, one.state())) {
          GateTestRun.Ran ran = kernel.run(one.frame());
          differs |=
              !ran.result()
                  .timeless()
                  .equals(GateModel.judge(hook, ran.state(), one.frame()).timeless());
        }
      }
    }
    return differs;
  }

  @ParameterizedTest
  @MethodSource("io.plumbline.model.hook.Hook#all")
  void theGateDoesWhatItsModelSays(Hook hook) throws Exception {
    byte[] object = ObjectSource.builtIn().object(hook.objectOf(GateModel.NAME));
    assertThat(emulatorsThatDiffer(hook, object, cases(hook, CASES))).isEmpty();
    KernelNeeded.orSkip();
    assertThat(kernelDiffers(hook, object, cases(hook, KERNEL_CASES))).isFalse();
  }

  static Stream<Arguments> variants() throws IOException {
    return Stream.concat(
            Files.readAllLines(NEGATIVE.resolve("INDEX")).stream().map(line -> line + "\ttc\t2"),
            Files.readAllLines(NEGATIVE.resolve("HOOKS")).stream())
        .map(line -> line.split("\t", -1))
        .filter(fields -> fields[1].equals(GateModel.NAME))
        .map(fields -> Arguments.of(fields[0], fields[2], ConformanceTest.hook(fields)));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("variants")
  void everyWrongVariantIsCaught(String variant, String wrong, Hook hook) throws Exception {
    byte[] object = Files.readAllBytes(NEGATIVE.resolve(hook.objectOf(variant) + ".bpf.o"));
    assertThat(emulatorsThatDiffer(hook, object, cases(hook, CASES))).as(wrong).hasSize(2);
    if (FeatureProbe.unavailable().isEmpty() && !NOT_IN_TEST_RUNS.contains(variant)) {
      assertThat(kernelDiffers(hook, object, cases(hook, KERNEL_CASES))).as(wrong).isTrue();
    }
  }

  @Test
  void thereAreEnoughWrongVariants() throws IOException {
    assertThat(variants()).hasSizeGreaterThanOrEqualTo(15);
  }
}
