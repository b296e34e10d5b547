package io.plumbline.loader.traffico;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Splits arguments as glibc's argp does in order: long options by their name or an unambiguous
 * beginning of it, short ones alone or together, {@code --} before arguments that look like
 * options; with glibc's messages (glibc {@code posix/getopt.c}).
 */
final class Arguments {
  /** Whether an option takes a value. */
  enum Value {
    NONE,
    OPTIONAL,
    REQUIRED
  }

  /**
   * An option.
   *
   * @param letter its short form, or 0
   * @param help empty if it is not shown
   * @param standard whether every program that uses argp has it
   */
  record Option(
      String name, char letter, Value value, String placeholder, String help, boolean standard) {}

  /** Receives each argument in turn. */
  interface Visitor {
    /** An option with its value; returns whether to continue. */
    boolean option(Option option, Optional<String> value) throws UsageException;

    /** An argument that is no option. */
    void argument(String text) throws UsageException;
  }

  private Arguments() {}

  static void visit(List<String> arguments, List<Option> options, Visitor visitor)
      throws UsageException {
    List<String> rest = new ArrayList<>(arguments);
    boolean onlyArguments = false;
    while (!rest.isEmpty()) {
      String next = rest.remove(0);
      if (onlyArguments || next.length() < 2 || next.charAt(0) != '-') {
        visitor.argument(next);
      } else if (next.equals("--")) {
        onlyArguments = true;
      } else if (next.startsWith("--")) {
        if (!longOption(next.substring(2), rest, options, visitor)) {
          return;
        }
      } else if (!shortOptions(next.substring(1), rest, options, visitor)) {
        return;
      }
    }
  }

  private static boolean longOption(
      String text, List<String> rest, List<Option> options, Visitor visitor) throws UsageException {
    int equals = text.indexOf('=');
    String name = equals < 0 ? text : text.substring(0, equals);
    Optional<String> value =
        equals < 0 ? Optional.empty() : Optional.of(text.substring(equals + 1));
    Option option = find(name, text, options);
    if (value.isPresent() && option.value == Value.NONE) {
      throw UsageException.getopt("option '--%s' doesn't allow an argument".formatted(option.name));
    }
    if (value.isEmpty() && option.value == Value.REQUIRED) {
      if (rest.isEmpty()) {
        throw UsageException.getopt("option '--%s' requires an argument".formatted(option.name));
      }
      value = Optional.of(rest.remove(0));
    }
    return visitor.option(option, value);
  }

  private static Option find(String name, String text, List<Option> options) throws UsageException {
    List<Option> candidates = new ArrayList<>();
    for (Option option : options) {
      if (option.name.equals(name)) {
        return option;
      }
      if (option.name.startsWith(name)) {
        candidates.add(option);
      }
    }
    if (candidates.isEmpty()) {
      throw UsageException.getopt("unrecognized option '--%s'".formatted(text));
    }
    if (candidates.size() > 1) {
      throw UsageException.getopt(
          "option '--%s' is ambiguous; possibilities:%s"
              .formatted(
                  text,
                  candidates.stream()
                      .map(o -> " '--" + o.name + "'")
                      .collect(Collectors.joining())));
    }
    return candidates.get(0);
  }

  private static boolean shortOptions(
      String letters, List<String> rest, List<Option> options, Visitor visitor)
      throws UsageException {
    for (int i = 0; i < letters.length(); i++) {
      char letter = letters.charAt(i);
      Option option =
          options.stream()
              .filter(o -> o.letter == letter)
              .findFirst()
              .orElseThrow(() -> UsageException.getopt("invalid option -- '%s'".formatted(letter)));
      if (option.value == Value.NONE) {
        if (!visitor.option(option, Optional.empty())) {
          return false;
        }
        continue;
      }
      String value = letters.substring(i + 1);
      if (value.isEmpty()) {
        if (rest.isEmpty()) {
          throw UsageException.getopt("option requires an argument -- '%s'".formatted(letter));
        }
        value = rest.remove(0);
      }
      return visitor.option(option, Optional.of(value));
    }
    return true;
  }
}
