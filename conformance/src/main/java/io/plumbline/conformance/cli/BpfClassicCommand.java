package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Expression;
import io.plumbline.emulator.classic.Ancillary;
import io.plumbline.emulator.classic.ClassicException;
import io.plumbline.emulator.classic.ClassicInterpreter;
import io.plumbline.emulator.classic.ClassicProgram;
import io.plumbline.emulator.classic.ClassicTranslation;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketText;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb bpf classic}: classic BPF in its forms, as eBPF, and on a packet. */
@Command(
    name = "classic",
    description = {
      "Read a classic program, print it in other forms, or run it.",
      "Forms are numbers and the translation to eBPF; run, it says what it returns for a packet.",
      "The program is the output of tcpdump -ddd, a bytecode of iptables, the text of bpf_asm, or an expression."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {"1:the program faults, or its translation returns something else"},
    footer = {
      "",
      "Examples:",
      "  plumb bpf classic --expression 'tcp port 80' --as ebpf",
      "  plumb bpf classic --expression 'tcp port 80' --packet 'eth ipv4(192.0.2.1) tcp(1024,80)'",
      "  plumb bpf classic filter.asm --as bytecode"
    })
final class BpfClassicCommand implements Callable<Integer> {
  private static final int ETHERNET_HEADER = 14;
  private static final int ARPHRD_ETHER = 1;
  private static final int SECONDS = 20;

  enum Form {
    NUMBERS,
    BYTECODE,
    EBPF
  }

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", arity = "0..1", description = "none or -: standard input")
  private @Nullable Path file;

  @Option(
      names = "--expression",
      paramLabel = "E",
      description =
          "filter expression for libpcap and Ethernet; optimised where that is proved to change nothing")
  private @Nullable String expression;

  @Option(names = "--as", paramLabel = "FORM", description = "numbers (default), bytecode or ebpf")
  private Form form = Form.NUMBERS;

  @Option(
      names = "--packet",
      paramLabel = "TEXT",
      description = "run the program on this frame, in words")
  private @Nullable String packet;

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    ClassicProgram program = program();
    if (packet != null) {
      out.println(run(program, packet));
    } else {
      switch (form) {
        case NUMBERS -> out.print(program.numbers());
        case BYTECODE -> out.println(program.numbers().strip().replace("\n", ","));
        case EBPF -> {
          try {
            Disassembler.lines(ClassicTranslation.translate(program)).forEach(out::println);
          } catch (ClassicException e) {
            throw new CommandException(ExitStatus.USAGE, "--as ebpf: " + e.getMessage());
          }
        }
      }
    }
    out.flush();
    return ExitStatus.DONE;
  }

  private ClassicProgram program() throws CommandException {
    String where =
        expression != null ? "--expression" : file == null ? "standard input" : "" + file;
    try {
      if (expression != null) {
        Expression compiled = Expression.optimised(expression, SECONDS);
        if (!compiled.warning().isEmpty()) {
          PrintWriter err = spec.commandLine().getErr();
          err.println("plumb: --expression: " + compiled.warning());
          err.flush();
        }
        return compiled.program();
      }
      return ClassicProgram.parse(BpfInput.text(BpfInput.source(file)));
    } catch (ClassicException | IllegalArgumentException e) {
      throw new CommandException(ExitStatus.USAGE, where + ": " + e.getMessage());
    }
  }

  /**
   * Runs the program as it is and translated, which must say the same; only as it is if it uses an
   * extension that eBPF has nothing for.
   */
  private static String run(ClassicProgram program, String text) throws CommandException {
    Packet frame;
    try {
      frame = PacketText.parse(text);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitStatus.USAGE, "--packet: " + e.getMessage());
    }
    Machine machine = new Machine();
    Frames frames = new Frames(machine, Contexts.of(Hook.all().get(0)));
    PacketBatch batch = new PacketBatch(1, 1);
    batch.add(frame);
    frames.show(batch, 0);
    int direct =
        ClassicInterpreter.run(
            program,
            frame.bytes(),
            ETHERNET_HEADER,
            ancillary -> {
              if (ancillary == Ancillary.HATYPE) {
                return ARPHRD_ETHER;
              }
              machine.linkFields();
              int slot = machine.contextType().slot(ancillary.field());
              int value = slot < 0 ? 0 : (int) machine.context()[slot];
              return ancillary.network() ? Short.reverseBytes((short) value) & 0xFFFF : value;
            });
    List<Insn> insns;
    try {
      insns = ClassicTranslation.translate(program);
    } catch (ClassicException e) {
      return Integer.toUnsignedString(direct);
    }
    try {
      long translated =
          machine.run(new Program("classic", insns, new Jit(machine, true)), Machine.CONTEXT, 0);
      if (direct != (int) translated) {
        throw new CommandException(
            ExitStatus.DISAGREEMENT,
            "classic: it returns %d, and %d translated".formatted(direct, (int) translated));
      }
      return Integer.toUnsignedString(direct);
    } catch (Fault fault) {
      throw new CommandException(ExitStatus.DISAGREEMENT, "classic: " + fault.what());
    }
  }
}
