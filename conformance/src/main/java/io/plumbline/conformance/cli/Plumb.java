package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.LoaderCommands;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The entry point of the command line. */
@Command(
    name = "plumb",
    description = "Does the packet filter in the kernel do exactly what its policy says?",
    mixinStandardHelpOptions = true,
    version = "plumb 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      VerifyCommand.class,
      ProveCommand.class,
      PathsCommand.class,
      FuzzCommand.class,
      MutateCommand.class,
      CompareCommand.class,
      FindCommand.class,
      ReplayCommand.class,
      PolicyCommand.class,
      ProgramsCommand.class,
      BpfCommand.class,
      AutoComplete.GenerateCompletion.class
    },
    footer = {
      "",
      "In the source tree, 'plumb setup [--all]' installs what is missing (Debian, Ubuntu; as root).",
      "",
      "Exit status: 0 agreed or done, 1 disagreement, 2 usage or bad input, 3 an engine or privilege is unavailable."
    })
public final class Plumb {
  private Plumb() {}

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    LoaderCommands.run(commandLine(), args);
  }

  /** Makes the command line; every error is one line on its error stream. */
  public static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Plumb());
    // A help command would take any arguments.
    line.getSubcommands().values().forEach(one -> one.getCommandSpec().helpCommand(false));
    for (Class<?> command : LoaderCommands.all()) {
      line.addSubcommand(command);
    }
    return LoaderCommands.prepare(line);
  }
}
