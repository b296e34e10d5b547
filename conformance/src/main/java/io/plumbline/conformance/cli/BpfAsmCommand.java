package io.plumbline.conformance.cli;

import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.pcaps.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb bpf asm}: text to bytes. */
@Command(
    name = "asm",
    description = "Print the bytes of a program in the syntax of LLVM or of bpf_conformance.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  printf 'r0 = 42\\nexit\\n' | plumb bpf asm",
      "  printf 'mov %%r0, 42\\nexit\\n' | plumb bpf asm | plumb bpf run"
    })
final class BpfAsmCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", arity = "0..1", description = "none or -: standard input")
  private @Nullable Path file;

  @Option(names = "--out", paramLabel = "FILE", description = "write bytes to a file, not text")
  private @Nullable Path target;

  @Option(names = "--check", description = "also check that it is a program")
  private boolean check;

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    String where = file == null ? "standard input" : file.toString();
    byte[] bytes;
    try {
      List<Insn> insns = Assembler.assemble(BpfInput.text(BpfInput.source(file)));
      if (check) {
        StructuralVerifier.check(insns);
      }
      bytes = InsnCodec.encode(insns);
      if (insns.isEmpty()) {
        throw new CommandException(ExitStatus.USAGE, where + ": empty: expected a program");
      }
    } catch (IsaException e) {
      throw new CommandException(ExitStatus.USAGE, where + ": " + e.getMessage());
    }
    if (target == null) {
      for (int i = 0; i < bytes.length; i += InsnCodec.SLOT) {
        out.println(HexFormat.ofDelimiter(" ").formatHex(bytes, i, i + InsnCodec.SLOT));
      }
      out.flush();
      return ExitStatus.DONE;
    }
    try {
      OutputFile.write(target, OutputFile.Readers.UMASK, bytes);
    } catch (IOException e) {
      throw Options.cannotBeWritten(target.toString(), e);
    }
    return ExitStatus.DONE;
  }
}
