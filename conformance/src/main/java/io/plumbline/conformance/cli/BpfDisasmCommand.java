package io.plumbline.conformance.cli;

import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb bpf disasm}: bytes to text. */
@Command(
    name = "disasm",
    description = {
      "Print a program as text that 'plumb bpf asm' reads: of an object file, or of hexadecimal text.",
      "Comments name functions, maps, helpers and, with --lines, source lines."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  plumb bpf disasm bpf/prebuilt/block_port.bpf.o",
      "  plumb bpf disasm --lines bpf/prebuilt/intent.bpf.o --program intent"
    })
final class BpfDisasmCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      arity = "0..1",
      description = "object file or hexadecimal text; none or -: standard input")
  private @Nullable Path file;

  @Option(names = "--program", paramLabel = "NAME", description = "only this program of the object")
  private @Nullable String program;

  @Option(names = "--lines", description = "with the source line that each instruction comes from")
  private boolean lines;

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    byte[] bytes = BpfInput.source(file);
    if (!BpfInput.isElf(bytes)) {
      List<Insn> insns = BpfInput.decode(BpfInput.hex("program", BpfInput.text(bytes)));
      print(out, insns, Map.of(), Map.of(), Map.of(), List.of());
      out.flush();
      return ExitStatus.DONE;
    }
    String where = String.valueOf(file);
    BpfObject object = BpfInput.object(where, bytes, null);
    List<BpfObject.Program> wanted = new ArrayList<>(object.programs());
    wanted.addAll(object.uncalled());
    if (program != null) {
      String name = program;
      wanted.removeIf(one -> !one.name().equals(name));
      if (wanted.isEmpty()) {
        wanted.add(BpfInput.program(where, object, program));
      }
    }
    for (BpfObject.Program one : wanted) {
      boolean entry = object.programs().contains(one);
      out.printf(
          "# %s %s, section %s%n",
          entry ? "program" : "function that no program calls:", one.name(), one.section());
      print(
          out,
          one.insns(),
          one.functions(),
          one.externs(),
          lines ? one.lines() : Map.of(),
          object.maps().stream().map(io.plumbline.emulator.object.MapSpec::name).toList());
    }
    out.flush();
    return ExitStatus.DONE;
  }

  private static void print(
      PrintWriter out,
      List<Insn> insns,
      Map<Integer, String> functions,
      Map<Integer, String> externs,
      Map<Integer, BpfObject.SourceLine> lines,
      List<String> maps) {
    for (int slot = 0; slot < insns.size(); slot++) {
      Insn insn = insns.get(slot);
      if (insn.opcode() == Opcode.LDDW_HIGH) {
        continue;
      }
      String function = functions.get(slot);
      if (function != null) {
        out.printf("# %s:%n", function);
      }
      BpfObject.SourceLine line = lines.get(slot);
      if (line != null) {
        out.printf("# %s%n", line);
      }
      String comment =
          switch (insn.opcode()) {
            case CALL_HELPER -> Helper.name(insn.immLow());
            case LDDW_MAP_INDEX, LDDW_MAP_INDEX_VALUE ->
                insn.immLow() >= 0 && insn.immLow() < maps.size() ? maps.get(insn.immLow()) : "";
            default -> externs.getOrDefault(slot, "");
          };
      String note = comment.isEmpty() ? "" : ": " + comment;
      out.printf(Locale.ROOT, "%-44s # %d%s%n", insn, slot, note);
    }
  }
}
