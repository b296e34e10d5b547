package io.plumbline.loader.traffico;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The columns of help texts, which the variable ARGP_HELP_FMT changes (glibc manual, "Customizing
 * Argp Help Output").
 *
 * @param problems what is wrong with the variable, a message each
 */
record HelpFormat(
    boolean duplicateArguments,
    boolean duplicateArgumentsNote,
    int shortColumn,
    int longColumn,
    int docColumn,
    int headerColumn,
    int usageIndent,
    int rightMargin,
    List<String> problems) {
  static final HelpFormat DEFAULT = new HelpFormat(false, true, 2, 6, 29, 1, 12, 79, List.of());

  private static final String VARIABLE = "ARGP_HELP_FMT";
  private static final List<String> FLAGS = List.of("dup-args", "dup-args-note");
  private static final List<String> NAMES =
      List.of(
          "dup-args",
          "dup-args-note",
          "short-opt-col",
          "long-opt-col",
          "doc-opt-col",
          "opt-doc-col",
          "header-col",
          "usage-indent",
          "rmargin");

  HelpFormat {
    problems = List.copyOf(problems);
  }

  /** Reads the variable. */
  static HelpFormat parse(String variable) {
    Map<String, Integer> values = new LinkedHashMap<>();
    for (String item : Arrays.asList(variable.split(",", -1))) {
      String text = item.strip();
      if (text.isEmpty()) {
        continue;
      }
      Optional<String> problem = take(text, values);
      if (problem.isPresent()) {
        return DEFAULT.with(problem.get());
      }
    }
    int right = values.getOrDefault("rmargin", DEFAULT.rightMargin);
    for (String name : NAMES.subList(2, NAMES.size() - 1)) {
      if (right <= values.getOrDefault(name, defaultOf(name))) {
        return DEFAULT.with(
            "%s: rmargin value is less than or equal to %s".formatted(VARIABLE, name));
      }
    }
    return new HelpFormat(
        values.getOrDefault("dup-args", 0) != 0,
        values.getOrDefault("dup-args-note", 1) != 0,
        values.getOrDefault("short-opt-col", DEFAULT.shortColumn),
        values.getOrDefault("long-opt-col", DEFAULT.longColumn),
        values.getOrDefault("opt-doc-col", DEFAULT.docColumn),
        values.getOrDefault("header-col", DEFAULT.headerColumn),
        values.getOrDefault("usage-indent", DEFAULT.usageIndent),
        right,
        List.of());
  }

  private static int defaultOf(String name) {
    return switch (name) {
      case "short-opt-col", "doc-opt-col" -> DEFAULT.shortColumn;
      case "long-opt-col" -> DEFAULT.longColumn;
      case "opt-doc-col" -> DEFAULT.docColumn;
      case "header-col" -> DEFAULT.headerColumn;
      default -> DEFAULT.usageIndent;
    };
  }

  /** Reads {@code NAME}, {@code no-NAME} or {@code NAME=VALUE}; returns what is wrong with it. */
  private static Optional<String> take(String text, Map<String, Integer> values) {
    int equals = text.indexOf('=');
    String name = (equals < 0 ? text : text.substring(0, equals)).strip();
    String value = equals < 0 ? "" : text.substring(equals + 1).strip();
    boolean no = equals < 0 && name.startsWith("no-");
    String known = no ? name.substring("no-".length()) : name;
    if (!name.isEmpty() && !name.matches("[A-Za-z][A-Za-z0-9_-]*")) {
      return Optional.of("Garbage in %s: %s".formatted(VARIABLE, text));
    }
    if (!NAMES.contains(known)) {
      return Optional.of("%s: Unknown %s parameter".formatted(known, VARIABLE));
    }
    if (equals < 0 && !FLAGS.contains(known)) {
      return Optional.of("%s: %s parameter requires a value".formatted(known, VARIABLE));
    }
    if (equals >= 0 && !value.matches("[0-9]{1,9}")) {
      return Optional.of("Garbage in %s: %s".formatted(VARIABLE, value));
    }
    values.put(known, equals >= 0 ? Integer.parseInt(value) : no ? 0 : 1);
    return Optional.empty();
  }

  private HelpFormat with(String problem) {
    return new HelpFormat(
        duplicateArguments,
        duplicateArgumentsNote,
        shortColumn,
        longColumn,
        docColumn,
        headerColumn,
        usageIndent,
        rightMargin,
        List.of(problem));
  }
}
