package io.plumbline.loader.cli;

import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What the parser found wrong, in the form that every message has. */
final class UsageMessage {
  private UsageMessage() {}

  /** Returns whether the arguments end where a command is expected. */
  static boolean isCommandMissing(ParameterException e) {
    return e.getClass() == ParameterException.class
        && e.getArgSpec() == null
        && !e.getCommandLine().getSubcommands().isEmpty();
  }

  static String of(ParameterException e) {
    CommandLine command = e.getCommandLine();
    if (isCommandMissing(e)) {
      return "command: missing: expected one of those below";
    }
    if (e instanceof UnmatchedArgumentException unmatched) {
      return of(unmatched, command);
    }
    if (e instanceof MissingParameterException missing && !missing.getMissing().isEmpty()) {
      ArgSpec spec = missing.getMissing().get(0);
      return spec.isOption()
          ? "%s: value: missing: expected %s".formatted(name(spec), labels(Stream.of(spec)))
          : "%sarguments: missing: expected %s"
              .formatted(
                  where(command), labels(command.getCommandSpec().positionalParameters().stream()));
    }
    if (e instanceof OverwrittenOptionException twice) {
      return name(twice.getOverwritten()) + ": given twice: expected it once";
    }
    ArgSpec spec = e.getArgSpec();
    return spec == null || e.getValue() == null
        ? String.valueOf(e.getMessage())
        : "%s: '%s': expected %s".formatted(name(spec), e.getValue(), expected(spec));
  }

  private static String of(UnmatchedArgumentException e, CommandLine command) {
    boolean option = e.isUnknownOption();
    if (!option && command.getSubcommands().isEmpty()) {
      return "%s'%s': expected no further argument"
          .formatted(where(command), e.getUnmatched().get(0));
    }
    String word = bare(e.getUnmatched().get(0));
    List<String> near =
        e.getSuggestions().stream()
            .filter(known -> !word.isEmpty() && bare(known).startsWith(word.substring(0, 1)))
            .toList();
    return "%sunknown %s: '%s': %s'%s --help' lists them"
        .formatted(
            where(command),
            option ? "option" : "command",
            e.getUnmatched().get(0),
            near.isEmpty() ? "" : "did you mean %s? ".formatted(near.get(0)),
            command.getCommandSpec().qualifiedName());
  }

  /** Returns a command, or an option without the dashes before it. */
  private static String bare(String word) {
    return word.replaceFirst("^-+", "");
  }

  /** Returns the words that lead to a command after the first, as a message begins with them. */
  private static String where(CommandLine command) {
    String[] words = command.getCommandSpec().qualifiedName().split(" ", 2);
    return words.length == 1 ? "" : words[1] + ": ";
  }

  /** Returns what messages call an option or argument. */
  static String name(ArgSpec spec) {
    return spec instanceof OptionSpec option ? option.longestName() : spec.paramLabel();
  }

  /** Returns what must be given, as the synopsis calls it. */
  private static String labels(Stream<? extends ArgSpec> specs) {
    return specs
        .flatMap(spec -> Collections.nCopies(spec.arity().min(), spec.paramLabel()).stream())
        .collect(Collectors.joining(" "));
  }

  private static String expected(ArgSpec spec) {
    Class<?> type = spec.auxiliaryTypes()[0];
    if (Map.class.isAssignableFrom(spec.type())) {
      return spec.paramLabel();
    }
    if (type.isEnum()) {
      List<String> words =
          Stream.of(type.getEnumConstants())
              .map(c -> c.toString().toLowerCase(Locale.ROOT))
              .toList();
      int last = words.size() - 1;
      return String.join(", ", words.subList(0, last)) + " or " + words.get(last);
    }
    if (type == int.class || type == Integer.class) {
      return "a whole number, at most " + Integer.MAX_VALUE;
    }
    if (type == long.class || type == Long.class) {
      return "a whole number, at most " + Long.MAX_VALUE;
    }
    if (type == double.class || type == Double.class) {
      return "a number";
    }
    return spec.arity().max() == 0 ? "no value" : spec.paramLabel();
  }
}
