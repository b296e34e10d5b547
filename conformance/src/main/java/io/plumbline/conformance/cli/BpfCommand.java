package io.plumbline.conformance.cli;

import picocli.CommandLine.Command;

/** {@code plumb bpf}: programs as bytes, as text and in objects, without a kernel. */
@Command(
    name = "bpf",
    description = "Run, read and write eBPF programs without a kernel.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      BpfRunCommand.class,
      BpfDisasmCommand.class,
      BpfAsmCommand.class,
      BpfInspectCommand.class,
      BpfTraceCommand.class,
      BpfFuzzCommand.class,
      BpfClassicCommand.class
    })
final class BpfCommand {}
