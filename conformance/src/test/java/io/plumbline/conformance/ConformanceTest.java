package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.ProgramSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs agree with their models, and programs that are wrong do not. */
@Tag("kernel")
class ConformanceTest {
  private static final Path NEGATIVE = Path.of("..", "bpf", "target", "objects", "negative");
  private static final Path CORPORA = Path.of("..", "pcaps", "corpora");
  private static final long SEED = 1;

  /** Test runs of packets without an Ethernet header have no VLAN tag outside them. */
  private static final Set<String> NOT_IN_TEST_RUNS = Set.of("l3_allow_ipv4_tag");

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static final int POLICIES = 2000;
  private static final int FRAMES_PER_POLICY = 1000;

  @ParameterizedTest
  @MethodSource("hooks")
  void everyEngineDoesWhatThePolicySays(Hook hook) throws Exception {
    List<Engine> engines = Engines.of(Engines.names(), ObjectSource.builtIn());
    Verification run = new Verification(engines, new PacketBatch(), 0, SEED);
    runPolicies(
        run,
        hook,
        RandomPolicies.of(POLICIES, SEED),
        Verification.POLICIES_AT_ONCE,
        FRAMES_PER_POLICY);
    assertThat(run.disagreements().stream().map(Disagreement::describe)).isEmpty();
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.failures()).isEmpty();
    // What a hook cannot be given is left out.
    long all = (long) POLICIES * FRAMES_PER_POLICY;
    assertThat(run.trials()).isBetween(hook.equals(Hook.usual()) ? all : all * 9 / 10, all);
    requireClauses(run, hook, "intent");
  }

  /** Where packets have no Ethernet header, what is about one is shown never to decide. */
  private static void requireClauses(Verification run, Hook hook, String program) {
    assertThat(run.coverage().missing(hook.objectOf(program)))
        .as("clauses")
        .allMatch(clause -> hook.hidden() > 0 && clause.endsWith("(never decides)"));
  }

  static Stream<Hook> hooks() {
    return Hook.all().stream();
  }

  /** Runs policies until one shows a disagreement. */
  private static void runPolicies(
      Verification run, Hook hook, List<Policy> policies, int step, int framesEach)
      throws Exception {
    for (int i = 0; i < policies.size() && run.disagreementCount() == 0; i += step) {
      run.runPolicies(policies.subList(i, Math.min(policies.size(), i + step)), hook, framesEach);
    }
  }

  private static List<Subject> subjects(String program) {
    return program.equals(Subjects.DISPATCHER)
        ? Subjects.chains(SEED)
        : Subjects.of(ProgramCatalog.find(program).orElseThrow());
  }

  static Stream<Arguments> programs() {
    return Stream.concat(
            ProgramCatalog.all().stream().map(ProgramSpec::name), Stream.of(Subjects.DISPATCHER))
        .flatMap(program -> hooks().map(hook -> Arguments.of(program, hook)));
  }

  @ParameterizedTest
  @MethodSource("programs")
  void everyEngineDoesWhatTheModelSays(String program, Hook hook) throws Exception {
    List<Engine> engines = Engines.of(Engines.names(), ObjectSource.builtIn());
    Verification run =
        new Verification(engines, Corpus.read(List.of(CORPORA)).frames(), 2000, SEED);
    for (Subject subject : subjects(program)) {
      run.run(program, subject.at(hook));
    }
    assertThat(run.disagreements().stream().map(Disagreement::describe)).isEmpty();
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.failures()).isEmpty();
    assertThat(run.trials()).isPositive();
    requireClauses(run, hook, program);
  }

  /** Returns the hook of a variant: the name, and the layer that packets begin with. */
  static Hook hook(String[] fields) {
    return Hook.find(fields[3]).orElseThrow().from(Integer.parseInt(fields[4])).orElseThrow();
  }

  static Stream<Arguments> variants() throws IOException {
    return Stream.concat(
            Files.readAllLines(NEGATIVE.resolve("INDEX")).stream().map(line -> line + "\ttc\t2"),
            Files.readAllLines(NEGATIVE.resolve("HOOKS")).stream())
        .filter(line -> !line.startsWith("live_"))
        .map(line -> line.split("\t", -1))
        .filter(fields -> !fields[1].equals(GateModel.NAME))
        .map(fields -> Arguments.of(fields[0], fields[1], fields[2], hook(fields)));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("variants")
  void everyWrongVariantIsCaught(String variant, String program, String wrong, Hook hook)
      throws Exception {
    Path object = NEGATIVE.resolve(hook.objectOf(variant) + ".bpf.o");
    ObjectSource objects = ObjectSource.builtIn().with(hook.objectOf(program), object);
    boolean intent = program.startsWith("intent");
    List<String> emulators = List.of(EmulatorEngine.INTERPRETER, EmulatorEngine.NAME);
    // What loading a program twice more costs is saved where the plain engine must catch it alone.
    List<String> engines =
        intent
            ? List.of(KernelEngine.NAME, EmulatorEngine.INTERPRETER, EmulatorEngine.NAME)
            : Engines.names();
    Verification run = new Verification(Engines.of(engines, objects), new PacketBatch(), 500, SEED);
    if (intent) {
      runPolicies(run, hook, RandomPolicies.of(250, SEED), 50, 300);
    } else {
      for (Subject subject : subjects(program)) {
        run.run(program, subject.at(hook));
        if (seenBy(run).containsAll(emulators)
            && (seenByKernel(run) || NOT_IN_TEST_RUNS.contains(variant))) {
          break;
        }
      }
    }
    assertThat(run.failures()).as(wrong).isEmpty();
    assertThat(seenBy(run)).as(wrong).containsAll(emulators);
    assertThat(seenByKernel(run)).as(wrong).isEqualTo(!NOT_IN_TEST_RUNS.contains(variant));
    assertThat(run.disagreements()).as(wrong).isNotEmpty();
    // What a policy says of IPv6 and its extension headers cannot be shown in less.
    assertThat(run.disagreements().get(0).packet().capturedLength())
        .isLessThanOrEqualTo(intent ? 160 : 64);
  }

  /** Test runs take no frame of more than 64 KiB. */
  @ParameterizedTest
  @ValueSource(strings = {"live_intent_no_big_tcp4", "live_intent_no_big_tcp6"})
  void wrongVariantsForLongFramesAreCaughtByTheEmulator(String variant) throws Exception {
    ObjectSource objects =
        ObjectSource.builtIn().with("intent", NEGATIVE.resolve(variant + ".bpf.o"));
    List<String> emulators = List.of(EmulatorEngine.INTERPRETER, EmulatorEngine.NAME);
    Verification run = new Verification(Engines.of(emulators, objects), new PacketBatch(), 0, SEED);
    runPolicies(run, Hook.TC, RandomPolicies.of(250, SEED), 50, 300);
    assertThat(seenBy(run)).containsAll(emulators);
  }

  /** A test run cannot be given every frame; the batch can be given some more. */
  private static boolean seenByKernel(Verification run) {
    return seenBy(run).contains(KernelEngine.NAME) || seenBy(run).contains(KernelEngine.BATCH_NAME);
  }

  private static Set<String> seenBy(Verification run) {
    return run.engineScores().entrySet().stream()
        .filter(score -> score.getValue().disagreements() > 0)
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  @Test
  void theCapturedTrafficIsThere() {
    Corpus corpus = Corpus.read(List.of(CORPORA));
    assertThat(corpus.files())
        .isNotEmpty()
        .allMatch(Corpus.FileReport::run)
        .allMatch(f -> f.reason().isEmpty());
    assertThat(corpus.frames().size()).isGreaterThan(50);
  }

  @Test
  void thereAreEnoughWrongVariants() throws IOException {
    assertThat(variants()).hasSizeGreaterThanOrEqualTo(40);
  }
}
