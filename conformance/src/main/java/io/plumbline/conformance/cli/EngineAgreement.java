package io.plumbline.conformance.cli;

import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.cli.AttachVerifier;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.Subject;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Model, kernel and emulator over the built-in frames, for {@code plumb attach --verify}. */
public final class EngineAgreement implements AttachVerifier {
  private static final int RANDOM_FRAMES = 2000;
  private static final int SEED = 1;

  @Override
  public boolean agrees(Subject subject, ObjectSource objects, PrintWriter err)
      throws CommandException {
    List<Engine> engines =
        Engines.of(List.of(ModelEngine.NAME, KernelEngine.NAME, EmulatorEngine.NAME), objects);
    for (Engine engine : engines) {
      Optional<String> reason = engine.unavailable();
      if (reason.isPresent()) {
        throw new CommandException(
            ExitStatus.UNAVAILABLE,
            "--verify: engine %s: unavailable: %s".formatted(engine.name(), reason.get()));
      }
    }
    String home = System.getProperty("plumb.home");
    List<Path> corpora = home == null ? List.of() : List.of(Path.of(home, "pcaps", "corpora"));
    Verification run =
        new Verification(engines, Corpus.read(corpora).frames(), RANDOM_FRAMES, SEED);
    try {
      run.run(subject.toString(), subject);
    } catch (EngineException e) {
      throw new CommandException(
          ExitStatus.UNAVAILABLE, "--verify: " + String.valueOf(e.getMessage()));
    }
    for (Disagreement disagreement : run.disagreements()) {
      err.println(disagreement.describe());
    }
    if (run.disagreementCount() == 0 && !run.failures().isEmpty()) {
      throw new CommandException(ExitStatus.UNAVAILABLE, "--verify: engine " + run.failures());
    }
    err.printf(
        "plumb: verified: %d trials on model, kernel and emulator, %s%n",
        run.trials(), Count.of(run.disagreementCount(), "disagreement"));
    err.flush();
    return run.disagreementCount() == 0;
  }
}
