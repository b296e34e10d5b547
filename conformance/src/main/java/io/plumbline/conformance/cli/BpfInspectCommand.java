package io.plumbline.conformance.cli;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.helper.Kfunc;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.Btf;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb bpf inspect}: what an object file has in it. */
@Command(
    name = "inspect",
    description = "Show the programs, maps, variables and types of object files.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  plumb bpf inspect bpf/prebuilt/intent.bpf.o",
      "  plumb bpf inspect --btf /sys/kernel/btf/vmlinux --json - filter.bpf.o"
    })
final class BpfInspectCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "OBJ", description = "object file")
  private Path file;

  @Option(
      names = "--btf",
      paramLabel = "FILE",
      description = "types to relocate fields for, such as /sys/kernel/btf/vmlinux")
  private @Nullable Path types;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write a report; - is standard output")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    BpfObject object = BpfInput.object(file.toString(), BpfInput.file(file), types);
    if (json != null) {
      Options.writeJson(json, report(object), out);
      if (json.equals("-")) {
        return ExitStatus.DONE;
      }
    }
    out.printf(
        "%s: license '%s', %s%n",
        file,
        object.license(),
        object.order() == java.nio.ByteOrder.LITTLE_ENDIAN ? "little-endian" : "big-endian");
    for (BpfObject.Program program : object.programs()) {
      out.printf(
          "program %-24s section %-16s %6d insns  %d functions%n",
          program.name(), program.section(), program.insns().size(), program.functions().size());
      out.printf("  helpers: %s%n", String.join(", ", helpers(program)));
      program
          .externs()
          .forEach(
              (slot, name) ->
                  out.printf(
                      "  insn %d needs %s%s%n",
                      slot, name, Kfunc.of(name).isPresent() ? "" : " (not supported)"));
    }
    for (BpfObject.Program function : object.uncalled()) {
      out.printf(
          "function %-23s section %-16s %6d insns  no program calls it%n",
          function.name(), function.section(), function.insns().size());
    }
    for (MapSpec map : object.maps()) {
      out.printf(
          "map %-28s %-16s key %4d  value %6d  entries %8d  flags 0x%x%s%n",
          map.name(),
          type(map),
          map.keySize(),
          map.valueSize(),
          map.maxEntries(),
          map.flags(),
          map.refusal().map(why -> "  not supported: " + why).orElse(""));
    }
    for (Map.Entry<String, BpfObject.Variable> entry :
        new TreeMap<>(object.variables()).entrySet()) {
      out.printf(
          "variable %-23s %s+%d  %d bytes%n",
          entry.getKey(),
          object.maps().get(entry.getValue().map()).name(),
          entry.getValue().offset(),
          entry.getValue().size());
    }
    out.printf("types %s%n", kinds(object.btf()));
    out.flush();
    return ExitStatus.DONE;
  }

  private static String type(MapSpec map) {
    return MapType.of(map.type()).map(Enum::name).orElse("type " + map.type());
  }

  private static List<String> helpers(BpfObject.Program program) {
    TreeSet<Integer> ids = new TreeSet<>();
    program.insns().stream()
        .filter(insn -> insn.opcode() == Opcode.CALL_HELPER)
        .forEach(insn -> ids.add(insn.immLow()));
    return ids.stream()
        .map(id -> Helper.name(id) + (Helper.of(id).isPresent() ? "" : " (not supported)"))
        .toList();
  }

  private static Map<String, Integer> kinds(Btf btf) {
    Map<String, Integer> kinds = new TreeMap<>();
    btf.types().stream().skip(1).forEach(type -> kinds.merge(type.kind().name(), 1, Integer::sum));
    return kinds;
  }

  private Map<String, Object> report(BpfObject object) {
    Map<String, Object> report = Options.report();
    report.put("file", file.toString());
    report.put("license", object.license());
    List<Object> programs = new ArrayList<>();
    for (BpfObject.Program program : object.programs()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", program.name());
      one.put("section", program.section());
      one.put("insns", program.insns().size());
      one.put("functions", List.copyOf(program.functions().values()));
      one.put("helpers", helpers(program));
      one.put("externs", List.copyOf(program.externs().values()));
      programs.add(one);
    }
    report.put("programs", programs);
    report.put("uncalled", object.uncalled().stream().map(BpfObject.Program::name).toList());
    List<Object> maps = new ArrayList<>();
    for (MapSpec map : object.maps()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", map.name());
      one.put("type", type(map));
      one.put("keySize", map.keySize());
      one.put("valueSize", map.valueSize());
      one.put("maxEntries", map.maxEntries());
      one.put("flags", map.flags());
      map.refusal().ifPresent(why -> one.put("notSupported", why));
      maps.add(one);
    }
    report.put("maps", maps);
    report.put("variables", new TreeMap<>(object.variables()).keySet());
    report.put("types", kinds(object.btf()));
    return report;
  }
}
