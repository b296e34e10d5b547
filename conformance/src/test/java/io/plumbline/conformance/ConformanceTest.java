package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.program.ProgramSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The programs agree with their models, and programs that are wrong do not. */
class ConformanceTest {
  private static final Path NEGATIVE = Path.of("..", "bpf", "target", "objects", "negative");
  private static final Path CORPORA = Path.of("..", "pcaps", "corpora");
  private static final long SEED = 1;

  @BeforeEach
  void kernelIsThere() {
    Optional<String> reason = FeatureProbe.schedClsUnavailable();
    if (System.getenv("CI") != null) {
      assertThat(reason).as("a missing kernel feature fails in CI").isEmpty();
    }
    assumeTrue(reason.isEmpty(), () -> "kernel engines: " + reason.orElse(""));
  }

  private static List<Subject> subjects(String program) {
    return program.equals(Subjects.DISPATCHER)
        ? Subjects.chains(SEED)
        : Subjects.of(ProgramCatalog.find(program).orElseThrow());
  }

  static Stream<String> programs() {
    return Stream.concat(
        ProgramCatalog.all().stream().map(ProgramSpec::name), Stream.of(Subjects.DISPATCHER));
  }

  @ParameterizedTest
  @MethodSource("programs")
  void everyEngineDoesWhatTheModelSays(String program) throws Exception {
    List<Engine> engines = Engines.of(Engines.names(), ObjectSource.builtIn());
    Verification run =
        new Verification(engines, Corpus.read(List.of(CORPORA)).frames(), 2000, SEED);
    for (Subject subject : subjects(program)) {
      run.run(program, subject);
    }
    assertThat(run.disagreements().stream().map(Disagreement::describe)).isEmpty();
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.trials()).isPositive();
    assertThat(run.coverage().missing(program)).as("clauses").isEmpty();
  }

  static Stream<Arguments> variants() throws IOException {
    return Files.readAllLines(NEGATIVE.resolve("INDEX")).stream()
        .filter(line -> !line.startsWith("live_"))
        .map(line -> line.split("\t", -1))
        .map(fields -> Arguments.of(fields[0], fields[1], fields[2]));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("variants")
  void everyWrongVariantIsCaught(String variant, String program, String wrong) throws Exception {
    ObjectSource objects =
        ObjectSource.builtIn().with(program, NEGATIVE.resolve(variant + ".bpf.o"));
    Verification run =
        new Verification(Engines.of(Engines.names(), objects), new PacketBatch(), 500, SEED);
    for (Subject subject : subjects(program)) {
      run.run(program, subject);
      if (run.disagreementCount() > 0) {
        break;
      }
    }
    assertThat(run.disagreements()).as(wrong).isNotEmpty();
    assertThat(run.disagreements().get(0).packet().capturedLength()).isLessThanOrEqualTo(64);
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
