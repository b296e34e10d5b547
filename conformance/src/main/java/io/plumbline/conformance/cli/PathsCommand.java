package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.PathList;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PcapWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb paths}: every way through a program, with a frame that goes it. */
@Command(
    name = "paths",
    description =
        "List every path through a program, for all frames and inputs, and a frame for each.",
    mixinStandardHelpOptions = true,
    exitCodeList = {"3:an engine fails"},
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb paths block_port",
      "  plumb paths allow_proto --stage --pcap paths.pcap",
      "  plumb paths block_port --object my/block_port.bpf.o --lines"
    })
final class PathsCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PROGRAM", description = "filter program, as 'plumb programs' lists it")
  private String program = "";

  @Mixin private final HookOption hook = new HookOption();

  @Option(names = "--stage", description = "the program as a stage of a chain")
  private boolean stage;

  @Option(names = "--lines", description = "print the source lines of each path")
  private boolean lines;

  @Option(
      names = "--object",
      paramLabel = "FILE",
      description = "read the program from this object")
  private @Nullable Path object;

  @Option(names = "--pcap", paramLabel = "FILE", description = "write a frame for each path")
  private @Nullable Path pcap;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    Options.requireFolderOf("--json", json);
    Options.requireFolderOf("--pcap", pcap == null ? null : pcap.toString());
    Options.requireFile("--object", object);
    ProgramSpec found = SubjectOptions.program(program, List.of()).at(hook.hook());
    if (stage && !found.chainable()) {
      throw new CommandException(
          ExitStatus.USAGE, "--stage: program %s: not chainable".formatted(program));
    }
    ObjectSource objects = ObjectSource.builtIn();
    if (object != null) {
      objects = objects.with(found.hook().objectOf(program), object);
    }
    List<PathList.Entry> entries;
    try {
      entries = PathList.of(objects, found, stage);
    } catch (SymbolicException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    PrintWriter out = spec.commandLine().getOut();
    if (!"-".equals(json)) {
      print(out, entries);
    }
    if (pcap != null) {
      write(pcap, entries);
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("program", program);
      report.put("hook", found.hook().name());
      report.put("stage", stage);
      List<Object> list = new ArrayList<>();
      entries.forEach(entry -> list.add(describe(entry)));
      report.put("paths", list);
      Options.writeJson(json, report, out);
    }
    return ExitStatus.DONE;
  }

  private void print(PrintWriter out, List<PathList.Entry> entries) {
    int number = 1;
    for (PathList.Entry entry : entries) {
      String input = entry.input().toString();
      out.printf(
          "%d: %s%s%n", number++, entry.verdict(), input.isEmpty() ? "" : ", input " + input);
      entry.conditions().forEach(condition -> out.println("    when " + condition));
      if (lines) {
        entry.lines().forEach(line -> out.println("    " + line));
      }
    }
    out.printf("%s%n", Count.of(entries.size(), "path"));
    out.flush();
  }

  private static Map<String, Object> describe(PathList.Entry entry) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("verdict", entry.verdict());
    map.put("conditions", entry.conditions());
    map.put("lines", entry.lines());
    map.put("packet", entry.packet().toString());
    map.put("input", entry.input().toString());
    map.put("linear", entry.linear());
    return map;
  }

  private static void write(Path file, List<PathList.Entry> entries) throws CommandException {
    try (PcapWriter writer = new PcapWriter(file)) {
      for (PathList.Entry entry : entries) {
        writer.write(entry.packet());
      }
      writer.commit();
    } catch (IOException e) {
      throw Options.cannotBeWritten("--pcap: " + file, e);
    }
  }
}
