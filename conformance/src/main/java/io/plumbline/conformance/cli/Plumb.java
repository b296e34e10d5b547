package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
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
      ReplayCommand.class,
      PolicyCommand.class,
      ProgramsCommand.class,
      BpfCommand.class,
      AutoComplete.GenerateCompletion.class
    },
    footer = {
      "",
      "Exit status: 0 agreed or done, 1 disagreement, 2 usage or bad input, 3 an engine or privilege is unavailable."
    })
public final class Plumb {
  private static final int OUT_BUFFER = 1 << 16;
  private static final int HELP_WIDTH = 110;

  private Plumb() {}

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    CommandLine line = commandLine();
    // Every command flushes when it is done; without a buffer each line is a system call.
    line.setOut(
        new PrintWriter(
            new BufferedWriter(
                new OutputStreamWriter(
                    new FileOutputStream(FileDescriptor.out), Charset.defaultCharset()),
                OUT_BUFFER)));
    int status = line.execute(args);
    line.getOut().flush();
    System.exit(status);
  }

  /** Makes the command line; every error is one line on its error stream. */
  public static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Plumb());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(HELP_WIDTH);
    line.setParameterExceptionHandler(
        (e, args) -> {
          PrintWriter err = e.getCommandLine().getErr();
          err.println(
              "plumb: " + String.valueOf(e.getMessage()).lines().findFirst().orElse("usage"));
          err.flush();
          return ExitStatus.USAGE;
        });
    line.setExecutionExceptionHandler(
        (e, commandLine, parsed) -> {
          int status =
              e instanceof CommandException known ? known.status() : ExitStatus.UNAVAILABLE;
          String message = e.getMessage() == null ? e.toString() : e.getMessage();
          commandLine.getErr().println("plumb: " + message.lines().findFirst().orElse(""));
          commandLine.getErr().flush();
          return status;
        });
    return line;
  }
}
