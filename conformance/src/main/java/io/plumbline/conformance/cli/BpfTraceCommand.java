package io.plumbline.conformance.cli;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketText;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb bpf trace}: one packet through a program, instruction by instruction. */
@Command(
    name = "trace",
    description = "Run a program of an object on a packet and show every instruction.",
    mixinStandardHelpOptions = true,
    exitCodeList = {"1:the program faults"},
    footer = {
      "",
      "Examples:",
      "  plumb bpf trace bpf/prebuilt/block_port.bpf.o --set input=bb01 --packet 'eth ipv4(192.0.2.1) tcp(1024,443)'",
      "  plumb bpf trace filter.bpf.o --hex ffffffffffff..."
    })
final class BpfTraceCommand implements Callable<Integer> {
  private static final int REGISTERS = 11;

  /** Names of program types. */
  static final class Types implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Contexts.TYPES.keySet().iterator();
    }
  }

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "OBJ", description = "object file")
  private Path file;

  @Option(
      names = "--program",
      paramLabel = "NAME",
      description = "program of the object (default: the first)")
  private @Nullable String program;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description = "what the program is, if not what its section says: ${COMPLETION-CANDIDATES}",
      completionCandidates = Types.class)
  private @Nullable String type;

  @Option(names = "--packet", paramLabel = "TEXT", description = "the frame, in words")
  private @Nullable String packet;

  @Option(names = "--hex", paramLabel = "HEX", description = "the frame, in hexadecimal")
  private @Nullable String hex;

  @Option(
      names = "--set",
      paramLabel = "NAME=HEX",
      description = "bytes of a global variable, as they are in memory")
  private Map<String, String> variables = Map.of();

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    BpfObject object = BpfInput.object(file.toString(), BpfInput.file(file), null);
    BpfObject.Program chosen = BpfInput.program(file.toString(), object, program);
    ContextType context = context(chosen);
    Map<String, byte[]> values = new HashMap<>();
    for (Map.Entry<String, String> entry : variables.entrySet()) {
      values.put(entry.getKey(), BpfInput.hex("--set " + entry.getKey(), entry.getValue()));
    }
    Machine machine = new Machine();
    Frames frames = new Frames(machine, context);
    long[] before = new long[REGISTERS];
    Interpreter.Tracer tracer =
        (running, slot, frame, registers) -> print(out, running, slot, frame, registers, before);
    try {
      Program entry =
          new Linker(machine, Interpreter.traced(tracer))
              .forContext(context)
              .link(object, List.of(chosen.name()), values, Map.of())
              .program(chosen.name());
      PacketBatch batch = new PacketBatch(1, 1);
      batch.add(frame());
      frames.show(batch, 0);
      long result = machine.run(entry, Machine.CONTEXT, 0);
      out.printf("returns %d (0x%x)%n", (int) result, result);
      machine.prints().forEach(line -> out.printf("printed: %s%n", line));
      machine.events().forEach(e -> out.printf("event: %s: %d bytes%n", e.map(), e.data().length));
    } catch (VmException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": " + e.getMessage());
    } catch (Fault fault) {
      out.flush();
      throw new CommandException(
          ExitStatus.DISAGREEMENT,
          "%s: insn %d: %s".formatted(chosen.name(), fault.slot(), fault.what()));
    }
    out.flush();
    return ExitStatus.DONE;
  }

  private ContextType context(BpfObject.Program chosen) throws CommandException {
    if (type != null) {
      ContextType named = Contexts.TYPES.get(type);
      if (named == null) {
        throw new CommandException(
            ExitStatus.USAGE,
            "--type: '%s': expected one of %s"
                .formatted(type, String.join(", ", Contexts.TYPES.keySet())));
      }
      return named;
    }
    return Contexts.of(chosen.section())
        .orElseThrow(
            () ->
                new CommandException(
                    ExitStatus.USAGE,
                    "%s: program %s, section %s: not one that is given a packet: expected --type"
                        .formatted(file, chosen.name(), chosen.section())));
  }

  private Packet frame() throws CommandException {
    if ((packet == null) == (hex == null)) {
      throw new CommandException(ExitStatus.USAGE, "packet: expected either --packet or --hex");
    }
    if (packet == null) {
      return Packet.of(BpfInput.hex("--hex", String.valueOf(hex)));
    }
    try {
      return PacketText.parse(packet);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitStatus.USAGE, "--packet: " + e.getMessage());
    }
  }

  private static void print(
      PrintWriter out, Program running, int slot, int frame, long[] registers, long[] before) {
    StringBuilder changed = new StringBuilder();
    for (int i = 0; i < REGISTERS; i++) {
      if (registers[i] != before[i]) {
        changed
            .append(changed.length() == 0 ? "" : " ")
            .append("r%d=0x%x".formatted(i, registers[i]));
        before[i] = registers[i];
      }
    }
    if (changed.length() > 0) {
      out.printf("%52s %s%n", "", changed);
    }
    String line = running.lines().get(slot);
    if (line != null) {
      out.printf("%s%n", line);
    }
    out.printf("  %s%5d: %s%n", "  ".repeat(frame), slot, running.insns().get(slot));
  }
}
