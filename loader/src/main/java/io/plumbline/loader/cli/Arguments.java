package io.plumbline.loader.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParseResult;

/** What holds of the arguments of every command. */
public final class Arguments {
  /** Options that name a file to be written. */
  private static final Set<String> OUTPUTS =
      Set.of("--json", "--dropped", "--allowed", "--output", "--pcap", "--report", "--repro");

  private Arguments() {}

  /**
   * One value, and what it was given to.
   *
   * @param file whether it names a file or folder
   */
  private record Value(String argument, boolean file, boolean written, String text) {}

  /**
   * Refuses a number that is too small.
   *
   * @param option what it was given to
   */
  public static void requireAtLeast(long least, String option, long value) throws CommandException {
    if (value < least) {
      throw new CommandException(
          ExitStatus.USAGE, "%s: %d: expected %d or more".formatted(option, value, least));
    }
  }

  /** Refuses an empty file name, and an output that is an input or another output. */
  static void check(ParseResult parsed) throws CommandException {
    List<Value> values = values(parsed);
    for (Value value : values) {
      if (value.file && value.text.isEmpty()) {
        throw new CommandException(
            ExitStatus.USAGE, value.argument + ": '': expected a file or folder");
      }
    }
    requireDistinctFiles(values);
  }

  /** Refuses an output that is an input, or another output: one of them would be lost. */
  private static void requireDistinctFiles(List<Value> values) throws CommandException {
    for (int i = 0; i < values.size(); i++) {
      for (int j = 0; j < values.size(); j++) {
        Value output = values.get(i);
        Value other = values.get(j);
        if (i != j && output.written && isOne(output, other)) {
          throw new CommandException(
              ExitStatus.USAGE,
              "%s: %s: it is the file of %s too: expected another one"
                  .formatted(output.argument, output.text, other.argument));
        }
      }
    }
  }

  private static List<Value> values(ParseResult parsed) {
    ParseResult last = parsed;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    List<Value> values = new ArrayList<>();
    for (ArgSpec spec : last.matchedArgs()) {
      if (spec.arity().max() == 0) {
        continue; // a flag
      }
      String name = UsageMessage.name(spec);
      boolean written = OUTPUTS.contains(name);
      boolean file = written || spec.auxiliaryTypes()[0] == Path.class;
      spec.stringValues().forEach(text -> values.add(new Value(name, file, written, text)));
    }
    return values;
  }

  private static boolean isOne(Value output, Value other) {
    if (output.text.equals("-") || other.text.equals("-")) {
      return false;
    }
    try {
      Path one = Path.of(output.text);
      Path two = Path.of(other.text);
      if (Files.exists(one) && Files.exists(two)) {
        return Files.isRegularFile(one) && Files.isSameFile(one, two);
      }
      // What is not there is no input, whatever it is called.
      return other.written
          && one.toAbsolutePath().normalize().equals(two.toAbsolutePath().normalize());
    } catch (InvalidPathException | IOException e) {
      return false;
    }
  }

  /**
   * Returns a message in which line ends of arguments are written as {@code \\x0a}. What else could
   * control a terminal is escaped where it is written.
   */
  static String plain(String message, List<String> arguments) {
    String plain = message;
    for (String argument : arguments) {
      plain = escaped(plain, argument);
      plain = escaped(plain, argument.substring(argument.indexOf('=') + 1));
    }
    return plain;
  }

  private static String escaped(String message, String argument) {
    return message.replace(argument, argument.replace("\n", "\\x0a"));
  }
}
