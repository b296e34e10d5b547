package io.plumbline.conformance.cli;

import io.plumbline.conformance.fuzz.PacketMutator;
import io.plumbline.conformance.prove.Reach;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.BranchCoverage;
import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.HexDump;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketGenerator;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb compare}: what does a change of a filter change? */
@Command(
    name = "compare",
    description = {
      "Run two versions of an object and show the frames that they decide differently.",
      "Frames are those of captures, generated ones, and one for each branch of both programs that",
      "frames can take. Branches that none took are listed. For all frames: plumb prove"
          + " --equivalent."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:no frame was decided differently",
      "1:one was, or a program faulted",
      "3:an engine fails"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb compare old.bpf.o new.bpf.o --corpus captures/",
      "  plumb compare old.bpf.o new.bpf.o --set input=bb01"
    })
final class CompareCommand implements Callable<Integer> {
  private static final int SEED = 1;

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "OLD", description = "object file before the change")
  private Path old = Path.of("");

  @Parameters(index = "1", paramLabel = "NEW", description = "object file after the change")
  private Path changed = Path.of("");

  @Option(
      names = "--corpus",
      paramLabel = "PATH",
      description = "captures, or folders of them, whose frames are run")
  private List<Path> corpora = List.of();

  @Option(
      names = "--fuzz",
      paramLabel = "N",
      defaultValue = "20000",
      description = "random frames, and as many that are mutated (default: ${DEFAULT-VALUE})")
  private int fuzz;

  @Option(
      names = "--set",
      paramLabel = "NAME=HEX",
      description = "bytes of a global variable of both, as they are in memory")
  private Map<String, String> variables = Map.of();

  @Option(
      names = "--show",
      paramLabel = "N",
      defaultValue = "3",
      description = "frames of each difference to show (default: ${DEFAULT-VALUE})")
  private int show;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    Arguments.requireAtLeast(0, "--fuzz", fuzz);
    Arguments.requireAtLeast(0, "--show", show);
    Options.requireFolderOf("--json", json);
    Map<String, byte[]> values = new HashMap<>();
    for (Map.Entry<String, String> entry : variables.entrySet()) {
      values.put(entry.getKey(), BpfInput.hex("--set " + entry.getKey(), entry.getValue()));
    }
    ObjectFile first = ObjectFile.read(old);
    ObjectFile second = ObjectFile.read(changed);
    if (!first.hook().equals(second.hook())) {
      throw new CommandException(
          ExitStatus.USAGE,
          "%s: section %s: expected one of the hook of %s, section %s"
              .formatted(changed, second.chosen().section(), old, first.chosen().section()));
    }
    Measured before = new Measured(first, values);
    Measured after = new Measured(second, values);
    PacketBatch along = new PacketBatch();
    before.addFrames(along);
    after.addFrames(along);
    PacketBatch frames = frames(first, second, along);
    Differences differences = new Differences(first.hook());
    differences.compare(before, after, frames, Integer.MAX_VALUE);
    // A program finds bytes outside the linear part only by pulling or loading them.
    differences.compare(before, after, along, 0);
    report(differences, List.of(before, after));
    return differences.changes == 0 && differences.faults == 0
        ? ExitStatus.DONE
        : ExitStatus.DISAGREEMENT;
  }

  private void report(Differences differences, List<Measured> objects)
      throws CommandException, EngineException {
    PrintWriter out = spec.commandLine().getOut();
    if (!"-".equals(json)) {
      differences.kinds.forEach(
          (what, where) -> {
            out.printf("%s: %s%n", Count.of(where.size(), "frame"), what);
            where.stream().limit(show).forEach(packet -> out.print(HexDump.of(packet)));
          });
      for (Measured one : objects) {
        one.print(out);
      }
      if (differences.notRun > 0) {
        out.printf(
            "%s not compared: %s%n",
            Count.of(differences.notRun, "frame"), differences.notRunReason);
      }
      out.printf(
          "%d frames, %s%s%n",
          differences.frames,
          Colour.ofWrong(differences.changes).of(differences.changes + " decided differently"),
          differences.faults == 0 ? "" : ", " + Count.of(differences.faults, "fault"));
      out.flush();
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("frames", differences.frames);
      report.put("changes", differences.changes);
      report.put("faults", differences.faults);
      report.put("notRun", differences.notRun);
      Map<String, Object> kinds = new LinkedHashMap<>();
      differences.kinds.forEach((what, where) -> kinds.put(what, where.size()));
      report.put("differences", kinds);
      List<Object> measured = new ArrayList<>();
      for (Measured one : objects) {
        measured.add(one.toMap());
      }
      report.put("objects", measured);
      Options.writeJson(json, report, out);
    }
  }

  /** What two programs do differently, by kind. */
  private static final class Differences {
    final Hook hook;
    final Map<String, List<Packet>> kinds = new TreeMap<>();
    long frames;
    long changes;
    long faults;
    long notRun;
    String notRunReason = "";

    Differences(Hook hook) {
      this.hook = hook;
    }

    /** Runs frames, of which some bytes are linear at most, on both. */
    void compare(Measured before, Measured after, PacketBatch batch, int linear)
        throws CommandException, EngineException {
      Outcomes one = before.run(batch, linear);
      Outcomes other = after.run(batch, linear);
      frames += batch.size();
      for (int i = 0; i < batch.size(); i++) {
        if (!one.ran(i) || !other.ran(i)) {
          notRun++;
          notRunReason = one.ran(i) ? other.notRunReason() : one.notRunReason();
          continue;
        }
        faults += one.isDecided(i) && other.isDecided(i) ? 0 : 1;
        if (!one.agrees(i, other)) {
          changes++;
          String what = "%s, now %s".formatted(words(one, i), words(other, i));
          kinds.computeIfAbsent(what, key -> new ArrayList<>()).add(batch.packet(i));
        }
      }
    }

    private String words(Outcomes outcomes, int i) {
      return outcomes.isDecided(i) ? hook.verdictName(outcomes.code(i)) : "a fault";
    }
  }

  /** One object, the branches that frames can take, and those that frames took. */
  private static final class Measured {
    private final ObjectFile file;
    private final Map<String, byte[]> values;
    private final BranchCoverage branches;
    private String fault = "";
    private String noPaths = "";

    Measured(ObjectFile file, Map<String, byte[]> values) {
      this.file = file;
      this.values = values;
      branches = new BranchCoverage(name -> file.bytes());
    }

    /** Adds a frame for each branch that frames can take, if the program can be executed so. */
    void addFrames(PacketBatch along) {
      try {
        Reach reach = file.reach(values);
        reach.frames().forEach(along::add);
        branches.reachable(file.program(), reach.reachable());
      } catch (SymbolicException e) {
        noPaths = String.valueOf(e.getMessage());
      }
    }

    Outcomes run(PacketBatch frames, int linear) throws CommandException, EngineException {
      Outcomes outcomes = new Outcomes(frames.size());
      try (Runner runner = file.runner(values, machine -> new Jit(machine, true), linear)) {
        runner.run(frames, outcomes);
      }
      for (int i = 0; i < frames.size() && fault.isEmpty(); i++) {
        fault = outcomes.fault(i);
      }
      try (Runner traced =
          file.runner(values, machine -> Interpreter.traced(branches::before), linear)) {
        branches.run(traced, frames, new Outcomes());
      }
      return outcomes;
    }

    private List<String> notReached() throws EngineException {
      return branches.lines(file.program()).stream()
          .filter(line -> line.taken() < line.ways())
          .map(BranchCoverage.Line::text)
          .toList();
    }

    void print(PrintWriter out) throws EngineException {
      out.printf(
          "%s: %d of %d branches taken%s%n",
          file.file(),
          branches.covered(file.program()),
          branches.reachable(file.program()),
          noPaths.isEmpty() ? " that frames can take" : "");
      if (!noPaths.isEmpty()) {
        out.printf("  which branches frames can take is not known: %s%n", noPaths);
      }
      for (String line : notReached()) {
        out.printf("  a branch not taken: %s%n", line);
      }
      if (!fault.isEmpty()) {
        out.printf("  first fault: %s%n", fault);
      }
    }

    Map<String, Object> toMap() throws EngineException {
      Map<String, Object> object = new LinkedHashMap<>();
      object.put("file", file.file().toString());
      object.put("program", file.program());
      Map<String, Object> counts = new LinkedHashMap<>();
      counts.put("covered", branches.covered(file.program()));
      counts.put("total", branches.total(file.program()));
      counts.put("reachable", branches.reachable(file.program()));
      object.put("branches", counts);
      object.put("notReached", notReached());
      object.put("noPaths", noPaths);
      object.put("fault", fault);
      return object;
    }
  }

  private PacketBatch frames(ObjectFile first, ObjectFile second, PacketBatch along)
      throws CommandException {
    Options.requireCorpora(corpora);
    Corpus corpus = Corpus.read(corpora);
    for (Corpus.FileReport file : corpus.files()) {
      if (!file.reason().isEmpty()) {
        spec.commandLine().getErr().printf("plumb: %s: %s%n", file.path(), file.reason());
      }
    }
    spec.commandLine().getErr().flush();
    PacketBatch frames = new PacketBatch();
    frames.addAll(along);
    frames.addAll(corpus.frames());
    if (fuzz > 0) {
      PacketGenerator generator = new PacketGenerator(List.of());
      generator.systematic(frames);
      generator.random(frames, fuzz, SEED);
      PacketBatch pool = new PacketBatch();
      pool.addAll(frames);
      new PacketMutator(pool, constants(first, second), 0, SEED).add(frames, fuzz);
    }
    return frames;
  }

  /** Returns the constants of both programs, in both byte orders. */
  private static long[] constants(ObjectFile first, ObjectFile second) {
    Set<Long> all = new TreeSet<>(PacketMutator.constants(first.object()));
    all.addAll(PacketMutator.constants(second.object()));
    for (long constant : List.copyOf(all)) {
      all.add(Short.reverseBytes((short) constant) & 0xFFFFL);
      all.add(Integer.reverseBytes((int) constant) & 0xFFFF_FFFFL);
    }
    return all.stream().mapToLong(Long::longValue).toArray();
  }
}
