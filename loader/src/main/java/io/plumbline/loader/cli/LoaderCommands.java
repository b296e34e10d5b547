package io.plumbline.loader.cli;

import io.plumbline.loader.process.CommandProcess;
import io.plumbline.loader.process.SafeWriter;
import io.plumbline.loader.process.Stop;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The commands of production on their own, without what verification needs. */
@Command(
    name = "plumb",
    description = "Attach packet filters to interfaces, and look after them.",
    mixinStandardHelpOptions = true,
    version = "plumb 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      AttachCommand.class,
      StatusCommand.class,
      StatsCommand.class,
      EventsCommand.class,
      DetachCommand.class,
      ConfirmCommand.class,
      DoctorCommand.class
    })
public final class LoaderCommands {
  private static final int OUT_BUFFER = 1 << 16;
  private static final int HELP_WIDTH = 110;

  /** The commands that undo something, or finish writing, when a signal ends them. */
  private static final Set<String> SIGNALS_READ = Set.of("attach", "events", "stats");

  private LoaderCommands() {}

  /** Returns the commands, to be made part of a larger command line. */
  public static List<Class<?>> all() {
    return List.of(LoaderCommands.class.getAnnotation(Command.class).subcommands());
  }

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    run(commandLine(), args);
  }

  /** Returns the command line. */
  public static CommandLine commandLine() {
    return prepare(new CommandLine(new LoaderCommands()));
  }

  /** Makes every error one message on the error stream. */
  public static CommandLine prepare(CommandLine line) {
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(HELP_WIDTH);
    listStatuses(line);
    line.setExecutionStrategy(
        parsed -> {
          try {
            Arguments.check(parsed);
          } catch (CommandException e) {
            throw new CommandLine.ExecutionException(line, String.valueOf(e.getMessage()), e);
          }
          return new CommandLine.RunLast().execute(parsed);
        });
    line.setParameterExceptionHandler(
        (e, args) -> {
          PrintWriter err = e.getCommandLine().getErr();
          err.println(
              Colour.BAD.ofError("plumb:")
                  + " "
                  + Arguments.plain(UsageMessage.of(e), List.of(args))
                      .lines()
                      .findFirst()
                      .orElse("usage"));
          if (UsageMessage.isCommandMissing(e)) {
            e.getCommandLine().usage(err);
          }
          err.flush();
          return ExitStatus.USAGE;
        });
    line.setExecutionExceptionHandler(
        (e, commandLine, parsed) -> {
          if (isOutOfMemory(e)) {
            return outOfMemory(commandLine.getErr());
          }
          boolean known = e instanceof CommandException;
          String said = e.getMessage() == null ? e.toString() : e.getMessage();
          String message = Arguments.plain(said, parsed.originalArgs());
          // Only what was written for people has more lines than one.
          commandLine
              .getErr()
              .println(
                  Colour.BAD.ofError("plumb:")
                      + " "
                      + (known ? message : message.lines().findFirst().orElse("")));
          commandLine.getErr().flush();
          return e instanceof CommandException command ? command.status() : ExitStatus.UNAVAILABLE;
        });
    return line;
  }

  /** Adds the exit statuses that every command has to those that each one lists. */
  private static void listStatuses(CommandLine line) {
    line.getSubcommands().values().forEach(LoaderCommands::listStatuses);
    if (line.getSubcommands().isEmpty()) {
      CommandLine.Model.UsageMessageSpec usage = line.getCommandSpec().usageMessage();
      Map<String, String> statuses = new TreeMap<>(usage.exitCodeList());
      statuses.putIfAbsent("0", "done");
      statuses.putIfAbsent("2", "usage or bad input");
      usage.exitCodeListHeading("%nExit status:%n").exitCodeList(statuses);
    }
  }

  /** Runs a command and ends the process with its exit status, whoever else wants to end it. */
  public static void run(CommandLine line, String[] args) {
    CommandProcess.begin("plumb", args.length > 0 && SIGNALS_READ.contains(args[0]));
    // Every command flushes when it is done; without a buffer each line is a system call.
    StandardOutput out = new StandardOutput();
    line.setOut(new PrintWriter(writer(out, "plumb.tty.out")));
    line.setErr(
        new PrintWriter(writer(new FileOutputStream(FileDescriptor.err), "plumb.tty"), true));
    int status;
    try {
      status = line.execute(args);
    } catch (OutOfMemoryError e) {
      status = outOfMemory(line.getErr());
    }
    line.getOut().flush();
    if (out.failure().isPresent()) {
      line.getErr().println("plumb: standard output: cannot be written: " + out.failure().get());
      status = status == ExitStatus.DONE ? ExitStatus.USAGE : status;
    }
    line.getErr().flush();
    Stop.exit(status);
  }

  /** Returns whether memory ran out, here or in a thread whose result was awaited. */
  private static boolean isOutOfMemory(Throwable problem) {
    for (Throwable e = problem; e != null; e = e.getCause()) {
      if (e instanceof OutOfMemoryError) {
        return true;
      }
    }
    return false;
  }

  private static int outOfMemory(PrintWriter err) {
    err.println(
        "%s out of memory: heap of %d MiB: expected a larger one: PLUMB_JAVA_OPTS=-Xmx4g"
            .formatted(Colour.BAD.ofError("plumb:"), Runtime.getRuntime().maxMemory() >> 20));
    err.flush();
    return ExitStatus.UNAVAILABLE;
  }

  private static Writer writer(OutputStream out, String terminal) {
    return new SafeWriter(
        new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), OUT_BUFFER),
        Boolean.getBoolean(terminal));
  }
}
