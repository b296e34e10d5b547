package io.plumbline.conformance.junit;

import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.conformance.verify.HexDump;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.program.Input;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Assertions on programs:
 *
 * <pre>
 *   assertThat(program).on(Path.of("capture.pcap")).agreesWith(model);
 *   assertThat(program).onGeneratedFrames(10_000).agreesWith(model);
 *   assertThat(program).isProvedEqualTo(model);
 * </pre>
 *
 * Programs run on every engine that works here: the emulator always, the kernel where there is the
 * privilege.
 */
public final class BpfAssertions {
  private static final int SECONDS = 60;

  private BpfAssertions() {}

  /** Begins an assertion. */
  public static ProgramAssert assertThat(BpfProgram program) {
    return new ProgramAssert(program);
  }

  /** An assertion on a program. */
  public static final class ProgramAssert {
    private final BpfProgram program;

    private ProgramAssert(BpfProgram program) {
      this.program = program;
    }

    /** Takes the frames of a capture, or of all captures in a folder. */
    public FramesAssert on(Path capture) {
      Corpus corpus = Corpus.read(List.of(capture));
      for (Corpus.FileReport file : corpus.files()) {
        if (!file.reason().isEmpty()) {
          throw new AssertionError(file.path() + ": " + file.reason());
        }
      }
      return new FramesAssert(program, corpus.frames(), 0);
    }

    /** Takes one frame. */
    public FramesAssert on(Packet packet) {
      return new FramesAssert(program, PacketBatch.of(packet), 0);
    }

    /** Takes frames of all kinds of headers, and so many random ones. */
    public FramesAssert onGeneratedFrames(int random) {
      return new FramesAssert(program, new PacketBatch(), random);
    }

    /** Asserts that it decides as a model for every frame there is, by a solver. */
    public void isProvedEqualTo(DecisionList model) {
      try {
        Prover prover = new Prover(program.objects(), SECONDS);
        Proof proof =
            Execution.confirmed(prover.of(program.spec(model)).get(0).prove(), program.objects());
        if (!proof.proved()) {
          throw new AssertionError(
              proof
                  .counterexample()
                  .map(c -> "%s: %s%n%s".formatted(program, c.what(), HexDump.of(c.packet())))
                  .orElse(program + ": not proved: " + proof.unknown()));
        }
      } catch (EngineException e) {
        throw new AssertionError(program + ": " + e.getMessage(), e);
      }
    }
  }

  /** An assertion on a program and frames. */
  public static final class FramesAssert {
    private final BpfProgram program;
    private final PacketBatch frames;
    private final int random;

    private FramesAssert(BpfProgram program, PacketBatch frames, int random) {
      this.program = program;
      this.frames = frames;
      this.random = random;
    }

    /** Asserts that every engine decides as a model. */
    public void agreesWith(DecisionList model) {
      try {
        List<Engine> engines = new ArrayList<>();
        for (Engine engine : Engines.of(Engines.names(), program.objects())) {
          if (engine.unavailable().isEmpty()) {
            engines.add(engine);
          }
        }
        Verification run = new Verification(engines, frames, random, 1);
        Subject subject = new Subject.Standalone(program.spec(model), new Input.None());
        if (random > 0) {
          run.run(program.name(), subject);
        } else {
          run.runGiven(program.name(), subject);
        }
        if (run.disagreementCount() > 0) {
          throw new AssertionError(
              run.disagreements().stream()
                  .map(Disagreement::describe)
                  .collect(Collectors.joining(System.lineSeparator())));
        }
        if (!run.failures().isEmpty()) {
          throw new AssertionError(program + ": not run: " + run.failures());
        }
      } catch (EngineException e) {
        throw new AssertionError(program + ": " + e.getMessage(), e);
      }
    }
  }
}
