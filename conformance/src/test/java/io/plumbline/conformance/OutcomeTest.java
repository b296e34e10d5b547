package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.TrialFolder;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.program.Input;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Every result of a frame has a status: a verdict, a fault, or the reason why there is none. */
@Tag("kernel")
class OutcomeTest {
  private static final Subject NOP =
      new Subject.Standalone(ProgramCatalog.find("nop").orElseThrow(), new Input.None());
  private static final String[] QUICK = {"--fuzz", "200", "--program", "nop"};

  @TempDir private Path folder;

  private StringWriter out = new StringWriter();
  private StringWriter err = new StringWriter();

  private int run(String... args) {
    out = new StringWriter();
    err = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(args);
  }

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private Path object(String... instructions) throws Exception {
    return Files.write(folder.resolve("nop.o"), TestObject.tc("nop", instructions));
  }

  private JsonNode verify(int status, Path object, String... more) throws Exception {
    Path report = folder.resolve("report.json");
    String[] fixed = {
      "verify",
      "--object",
      object.toString(),
      "--json",
      report.toString(),
      "--repro",
      folder.resolve("repro").toString()
    };
    String[] args =
        java.util.stream.Stream.of(fixed, QUICK, more)
            .flatMap(java.util.Arrays::stream)
            .toArray(String[]::new);
    assertThat(run(args)).as(out + "%n" + err).isEqualTo(status);
    return new ObjectMapper().readTree(Files.readAllBytes(report));
  }

  /** Any 32-bit number is a verdict; these were markers in arrays of verdicts once. */
  @ParameterizedTest
  @ValueSource(strings = {"0x80000000", "0x80000001", "0x7e570000", "7", "8", "-1"})
  void everyCodeIsAVerdictThatIsCompared(String code) throws Exception {
    JsonNode report = verify(1, object("w0 = " + code, "exit"));
    long frames = report.path("engines").path("model").path("trials").asLong();
    for (String engine : Engines.names().subList(1, Engines.names().size())) {
      JsonNode score = report.path("engines").path(engine);
      assertThat(score.path("trials").asLong() + score.path("unsupported").asLong())
          .as(engine)
          .isEqualTo(frames);
      JsonNode cell = report.path("programs").path(0).path("engines").path(engine);
      assertThat(cell.path("disagreements").asLong())
          .as(engine)
          .isPositive()
          .isEqualTo(cell.path("trials").asLong());
      assertThat(cell.path("faults").asLong()).as(engine).isZero();
    }
    assertThat(report.path("failures")).isEmpty();
    String name = Hook.TC.verdictName(Long.decode(code).intValue());
    assertThat(err.toString()).contains("model says TC_ACT_OK, kernel says " + name);
    replays("kernel", name, 14);
    replays("emulator", name, 1);
  }

  /** The folder of an engine shows the minimised frame, and shows the same again. */
  private void replays(String engine, String says, int length) throws Exception {
    try (var folders = Files.list(folder.resolve("repro"))) {
      for (Path one : folders.toList()) {
        TrialFolder trial = TrialFolder.read(one);
        if (trial.engine().equals(engine)) {
          assertThat(trial.packet().capturedLength()).as(engine).isEqualTo(length);
          assertThat(trial.packet().bytes()).containsOnly(0);
          assertThat(run("replay", one.toString())).isEqualTo(1);
          assertThat(out.toString()).contains(engine + " says " + says);
          return;
        }
      }
    }
    throw new AssertionError("no folder of " + engine);
  }

  /** Reads behind the frame, where it is long enough: r1 is the context. */
  private static final String[] OUT_OF_BOUNDS = {
    "r2 = *(u32 *)(r1 + 76)",
    "r3 = *(u32 *)(r1 + 80)",
    "r0 = 0",
    "r4 = r2",
    "r4 += 20",
    "if r4 > r3 goto +1",
    "r0 = *(u8 *)(r3 + 0)",
    "r0 = 0",
    "exit"
  };

  @Test
  void aFaultIsComparedMinimisedAndReplayed() throws Exception {
    JsonNode report = verify(1, object(OUT_OF_BOUNDS), "--engine", "interpreter,emulator");
    assertThat(report.path("faults").asLong()).isPositive();
    for (String engine : List.of("interpreter", "emulator")) {
      JsonNode cell = report.path("programs").path(0).path("engines").path(engine);
      assertThat(cell.path("faults").asLong())
          .isPositive()
          .isEqualTo(cell.path("disagreements").asLong())
          .isLessThan(cell.path("trials").asLong());
      assertThat(cell.path("trials").asLong()).isEqualTo(report.path("trials").asLong());
      replays(engine, "fault: insn 6 (r0 = *(u8 *)(r3 + 0)): ", 20);
    }
  }

  /** The other engines still run where one refuses the program, and the refusal is counted. */
  @Test
  void aProgramThatAnEngineRefusesRunsOnTheOthers() throws Exception {
    JsonNode report = verify(1, object(OUT_OF_BOUNDS));
    for (String engine : List.of("kernel", "kernel-batch")) {
      JsonNode score = report.path("engines").path(engine);
      assertThat(score.path("trials").asLong()).isZero();
      assertThat(score.path("unsupported").asLong()).isEqualTo(report.path("trials").asLong());
      assertThat(score.path("reason").fieldNames().next())
          .startsWith("refused: kernel: load nop: ")
          .contains("EACCES");
    }
    assertThat(report.path("engines").path("emulator").path("faults").asLong()).isPositive();
    replays("emulator", "fault: ", 20);
  }

  /** What only one engine can run agrees with nothing: that is neither 0 nor 1. */
  @Test
  void aRefusalIsNoAgreement() throws Exception {
    // Uninitialised stack is no fault here; the kernel refuses r5, which nothing has written.
    Path object = object("r0 = r5", "r0 = 0", "exit");
    JsonNode report = verify(3, object);
    assertThat(report.path("disagreements").asLong()).isZero();
    assertThat(report.path("failures").path("kernel").path(0).asText())
        .contains("EACCES", "!read_ok");
    assertThat(err.toString()).contains("plumb: engine kernel: refused: ");
    verify(3, object, "--engine", "kernel");
    verify(0, object, "--engine", "emulator");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r0 = *(u64 *)(r10 + 8);exit", // outside the stack
        "r1 = 0;r0 = *(u32 *)(r1 + 0);exit", // nothing
        "r0 = *(u32 *)(r1 + 5000);exit", // outside the context
        "r1 = 77777;callx r1;exit", // no function
        "*(u32 *)(r1 + 0) = 1;r0 = 0;exit", // the context's length
        "r0 = 0;goto -1", // without end
        "call pc+1;exit;call pc-1;exit" // too deep
      })
  void faultsOfAllKindsAreReported(String program) throws Exception {
    String[] instructions = program.split(";", -1);
    JsonNode report = verify(1, object(instructions), "--engine", "interpreter,emulator");
    assertThat(report.path("engines").path("interpreter").path("faults").asLong()).isPositive();
    assertThat(report.path("engines").path("emulator").path("faults").asLong()).isPositive();
    assertThat(err.toString()).contains("says fault: ").doesNotContain("Exception");
  }

  /** Frames after a fault are still run, and each fault has its text. */
  @Test
  void framesAfterAFaultAreRun() throws Exception {
    ObjectSource objects = ObjectSource.builtIn().with("nop", object(OUT_OF_BOUNDS));
    PacketBatch frames = new PacketBatch();
    for (int length : new int[] {14, 60, 14, 60, 14}) {
      frames.add(Packet.of(new byte[length]));
    }
    Outcomes outcomes = new Outcomes();
    for (String name : List.of("interpreter", "emulator")) {
      try (Engine engine = Engines.of(List.of(name), objects).get(0);
          Runner runner = engine.load(NOP)) {
        runner.run(frames, outcomes);
        for (int i = 0; i < frames.size(); i++) {
          boolean faults = i % 2 == 1;
          assertThat(outcomes.status(i))
              .isEqualTo(faults ? Outcomes.Status.FAULT : Outcomes.Status.DECIDED);
          assertThat(outcomes.fault(i)).startsWith(faults ? "insn 6 (" : "");
        }
      }
    }
  }

  /** An engine that fails on the way is no agreement, and does not keep others from running. */
  @Test
  void aFailingEngineIsNoAgreement() throws Exception {
    Engine failing =
        new Engine() {
          @Override
          public String name() {
            return "failing";
          }

          @Override
          public java.util.Optional<String> unavailable() {
            return java.util.Optional.empty();
          }

          @Override
          public Runner load(Subject subject) throws EngineException {
            throw new EngineException("failing: load: ENOMEM");
          }
        };
    List<Engine> engines =
        List.of(failing, Engines.of(List.of("emulator"), ObjectSource.builtIn()).get(0));
    Verification run = new Verification(engines, new PacketBatch(), 100, 1);
    run.run("nop", NOP);
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.failures()).containsOnlyKeys("failing");
    assertThat(run.engineScores().get("failing").trials()).isZero();
    assertThat(run.engineScores().get("emulator").trials()).isEqualTo(run.trials());
  }
}
