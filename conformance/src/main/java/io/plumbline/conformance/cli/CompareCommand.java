package io.plumbline.conformance.cli;

import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.HexDump;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketGenerator;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
      "Run two versions of an object and show what one decides otherwise than the other.",
      "Frames are those of captures, and generated ones. For all frames: plumb prove --equivalent."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb compare old.bpf.o new.bpf.o --corpus captures/",
      "  plumb compare old.bpf.o new.bpf.o --set input=bb01",
      "",
      "Exit status: 0 if no frame was decided otherwise, 1 if one was."
    })
final class CompareCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "OLD", description = "object file")
  private Path old = Path.of("");

  @Parameters(index = "1", paramLabel = "NEW", description = "object file")
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
      description = "random frames beside (default: ${DEFAULT-VALUE})")
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
  public Integer call() throws CommandException {
    if (fuzz < 0 || show < 0) {
      throw new CommandException(ExitStatus.USAGE, "--fuzz, --show: expected 0 or more");
    }
    Options.requireFolderOf("--json", json);
    Map<String, byte[]> values = new HashMap<>();
    for (Map.Entry<String, String> entry : variables.entrySet()) {
      values.put(entry.getKey(), BpfInput.hex("--set " + entry.getKey(), entry.getValue()));
    }
    PacketBatch frames = frames();
    ObjectFile.FrameRunner before = ObjectFile.read(old).runner(values);
    ObjectFile.FrameRunner after = ObjectFile.read(changed).runner(values);
    Map<String, List<Integer>> differences = new TreeMap<>();
    for (int i = 0; i < frames.size(); i++) {
      int one = before.run(frames, i);
      int other = after.run(frames, i);
      if (one != other) {
        String what = "%s, now %s".formatted(Hook.TC.verdictName(one), Hook.TC.verdictName(other));
        differences.computeIfAbsent(what, key -> new ArrayList<>()).add(i);
      }
    }
    int changes = differences.values().stream().mapToInt(List::size).sum();
    PrintWriter out = spec.commandLine().getOut();
    if (!"-".equals(json)) {
      differences.forEach(
          (what, where) -> {
            out.printf("%d frames: %s%n", where.size(), what);
            where.stream()
                .limit(show)
                .forEach(frame -> out.print(HexDump.of(frames.packet(frame))));
          });
      out.printf(
          "%d frames, %s%n",
          frames.size(), Colour.ofWrong(changes).of(changes + " decided otherwise"));
      out.flush();
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("frames", frames.size());
      report.put("changes", changes);
      Map<String, Object> kinds = new LinkedHashMap<>();
      differences.forEach((what, where) -> kinds.put(what, where.size()));
      report.put("differences", kinds);
      Options.writeJson(json, report, out);
    }
    return changes == 0 ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private PacketBatch frames() throws CommandException {
    Options.requireCorpora(corpora);
    Corpus corpus = Corpus.read(corpora);
    for (Corpus.FileReport file : corpus.files()) {
      if (!file.reason().isEmpty()) {
        spec.commandLine().getErr().printf("plumb: %s: %s%n", file.path(), file.reason());
      }
    }
    spec.commandLine().getErr().flush();
    PacketBatch frames = new PacketBatch();
    frames.addAll(corpus.frames());
    PacketGenerator generator = new PacketGenerator(List.of());
    if (fuzz > 0) {
      generator.systematic(frames);
      generator.random(frames, fuzz, 1);
    }
    return frames;
  }
}
