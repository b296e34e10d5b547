package io.plumbline.conformance.cli;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Flat;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import java.io.PrintWriter;
import java.nio.ByteOrder;
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

/** {@code plumb bpf run}: one program on one piece of memory. */
@Command(
    name = "run",
    description = {
      "Run a program with r1 the address of the memory and r2 its length; print r0 in hexadecimal.",
      "The program's bytes are hexadecimal text on standard input."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {"1:the program faults"},
    footer = {
      "",
      "Examples:",
      "  echo 'b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00' | plumb bpf run",
      "  plumb bpf asm sum.s | plumb bpf run 01020304 --engine interpreter"
    })
final class BpfRunCommand implements Callable<Integer> {
  enum EngineName {
    INTERPRETER,
    JIT
  }

  private static final String ELF_HEX = "7f454c46";

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MEMORY_HEX",
      arity = "0..1",
      description = "the memory's bytes; none: r1 and r2 are 0")
  private @Nullable String memory;

  @Option(
      names = "--program",
      paramLabel = "HEX|NAME",
      description = {
        "the program's bytes, not on standard input;",
        "with --elf also the name of a program of the object on standard input"
      })
  private @Nullable String program;

  @Option(names = "--engine", paramLabel = "ENGINE", description = "interpreter or jit (default)")
  private EngineName engine = EngineName.JIT;

  @Option(names = "--elf", description = "the bytes are those of an object file")
  private boolean elf;

  @Option(
      names = "--budget",
      paramLabel = "N",
      description = "limit of the run: a backward jump costs the instructions that it jumps over")
  private long budget = io.plumbline.emulator.machine.Machine.DEFAULT_BUDGET;

  /** Returns the instructions of a program that needs nothing beside itself. */
  private static List<Insn> ofObject(byte[] bytes, @Nullable String name) throws CommandException {
    BpfObject object = BpfInput.object("object", bytes, null);
    if (object.order() != ByteOrder.LITTLE_ENDIAN) {
      throw new CommandException(
          ExitStatus.USAGE, "object: big-endian: expected little-endian to run it");
    }
    BpfObject.Program chosen = BpfInput.program("object", object, name);
    for (Map.Entry<Integer, String> extern : chosen.externs().entrySet()) {
      throw new CommandException(
          ExitStatus.USAGE,
          "program %s: insn %d (%s): '%s': not in the object"
              .formatted(
                  chosen.name(),
                  extern.getKey(),
                  chosen.insns().get(extern.getKey()),
                  extern.getValue()));
    }
    return chosen.insns();
  }

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    Arguments.requireAtLeast(1, "--budget", budget);
    boolean named = program != null && elf && !program.startsWith(ELF_HEX);
    byte[] input = program != null && !named ? BpfInput.utf8(program) : BpfInput.standardInput();
    byte[] bytes = BpfInput.isElf(input) ? input : BpfInput.hex("program", BpfInput.text(input));
    List<Insn> insns =
        elf || BpfInput.isElf(bytes)
            ? ofObject(bytes, named ? program : null)
            : BpfInput.decode(bytes);
    if (engine == EngineName.JIT && insns.size() > Jit.MAX_INSNS) {
      PrintWriter err = spec.commandLine().getErr();
      err.printf(
          "plumb: jit: %d instructions: interpreted, as more than %d are%n",
          insns.size(), Jit.MAX_INSNS);
      err.flush();
    }
    byte[] data = memory == null ? new byte[0] : BpfInput.hex("memory", memory);
    Flat flat;
    try {
      flat =
          new Flat(
              insns,
              machine -> engine == EngineName.JIT ? new Jit(machine, false) : Interpreter::of);
    } catch (VmException e) {
      throw new CommandException(ExitStatus.USAGE, BpfInput.ofProgram(e));
    }
    flat.machine().budget(budget);
    try {
      out.println(Long.toHexString(flat.run(data)));
    } catch (Fault fault) {
      throw new CommandException(
          ExitStatus.DISAGREEMENT,
          "%s: insn %d (%s): %s"
              .formatted(
                  engine.name().toLowerCase(Locale.ROOT),
                  fault.slot(),
                  fault.slot() >= 0 && fault.slot() < insns.size() ? insns.get(fault.slot()) : "?",
                  fault.what()));
    }
    out.flush();
    return ExitStatus.DONE;
  }
}
