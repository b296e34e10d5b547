package io.plumbline.conformance.cli;

import io.plumbline.conformance.fuzz.ProgramFuzz;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.pcaps.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb bpf fuzz}: generated programs on interpreter, JIT and kernel. */
@Command(
    name = "fuzz",
    description = {
      "Run generated programs on interpreter, JIT and kernel, and damaged ones on the first two.",
      "A difference is minimised and written to the folder of --report."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {"0:no difference", "1:a difference", "3:the kernel is unavailable"},
    footer = {
      "",
      "Examples:",
      "  plumb bpf fuzz",
      "  plumb bpf fuzz --programs 50000 --inputs 200 --kernel-programs 20000 --damaged 1000000"
    })
final class BpfFuzzCommand implements Callable<Integer> {
  private static final int KERNEL_INPUTS = 10;
  private static final int MOST_DIFFERENCES = 20;

  @Spec private CommandSpec spec;

  @Option(
      names = "--programs",
      paramLabel = "N",
      description = "programs for interpreter and JIT (default: 1000)")
  private int programs = 1000;

  @Option(
      names = "--inputs",
      paramLabel = "N",
      description = "packets for each program (default: 200)")
  private int inputs = 200;

  @Option(
      names = "--kernel-programs",
      paramLabel = "N",
      description = "programs for the kernel too, with 10 packets each (default: 500)")
  private int kernelPrograms = 500;

  @Option(
      names = "--damaged",
      paramLabel = "N",
      description = "damaged programs for interpreter and JIT (default: 10000)")
  private int damaged = 10_000;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "seed of the first program (default: 1)")
  private long seed = 1;

  @Option(
      names = "--report",
      paramLabel = "DIR",
      description = "folder for differences (default: target/repros)")
  private Path report = Path.of("target", "repros");

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    Arguments.requireAtLeast(0, "--programs", programs);
    Arguments.requireAtLeast(0, "--kernel-programs", kernelPrograms);
    Arguments.requireAtLeast(0, "--damaged", damaged);
    Arguments.requireAtLeast(1, "--inputs", inputs);
    Optional<String> unavailable =
        kernelPrograms > 0 ? FeatureProbe.unavailable() : Optional.empty();
    if (unavailable.isPresent()) {
      throw new CommandException(
          ExitStatus.UNAVAILABLE,
          "kernel: unavailable: %s: --kernel-programs 0 does without".formatted(unavailable.get()));
    }
    long start = System.nanoTime();
    try (ProgramFuzz fuzz = new ProgramFuzz();
        ProgressBar bar = progress((long) programs + kernelPrograms + damaged)) {
      for (int i = 0; i < programs + kernelPrograms + damaged; i++) {
        if (i < programs) {
          fuzz.legal(seed + i, inputs, false);
        } else if (i < programs + kernelPrograms) {
          fuzz.legal(seed + i, KERNEL_INPUTS, true);
        } else {
          fuzz.damaged(seed + i);
        }
        if (bar != null) {
          bar.step();
        }
        if (fuzz.differences().size() >= MOST_DIFFERENCES) {
          break;
        }
      }
      out.printf(
          "%d runs on interpreter and JIT, %d of them on the kernel, %d differences, %.1f s%n",
          fuzz.executions(),
          fuzz.kernelExecutions(),
          fuzz.differences().size(),
          (System.nanoTime() - start) / 1e9);
      if (fuzz.knownDivergences() > 0) {
        out.printf(
            "%d programs showed the known divergence %s of the kernel (docs/isa.md)%n",
            fuzz.knownDivergences(), ProgramFuzz.LOST_EXTENSION);
      }
      out.printf(
          "%d programs refused by the kernel's verifier; of %d damaged ones %d are no programs%n",
          fuzz.refusedByKernel(), fuzz.damaged(), fuzz.notPrograms());
      int number = 0;
      for (ProgramFuzz.Difference difference : fuzz.differences()) {
        Path file = report.resolve("fuzz-%d-%d.s".formatted(seed, number++));
        Files.createDirectories(report);
        OutputFile.write(file, OutputFile.Readers.UMASK, difference.describe());
        out.printf("%s: %s%n", file, difference.what());
      }
      out.flush();
      return fuzz.differences().isEmpty() ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
    } catch (IOException e) {
      throw Options.cannotBeWritten(report.toString(), e);
    }
  }

  private static @Nullable ProgressBar progress(long steps) {
    return Boolean.getBoolean("plumb.tty")
        ? new ProgressBarBuilder().setTaskName("fuzz").setInitialMax(steps).build()
        : null;
  }
}
