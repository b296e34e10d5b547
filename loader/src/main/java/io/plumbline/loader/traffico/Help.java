package io.plumbline.loader.traffico;

import io.plumbline.loader.traffico.Arguments.Option;
import io.plumbline.loader.traffico.Arguments.Value;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** The help texts, laid out as glibc's argp does ({@code argp/argp-help.c}). */
final class Help {
  private static final String ARGUMENTS = "[PROGRAM [INPUT]]";

  private Help() {}

  static String help(String tool, List<Option> options, HelpFormat format) {
    WrappedText text = new WrappedText(format.rightMargin());
    text.add("Usage: " + tool).margins(format.usageIndent(), format.usageIndent());
    text.add(" [OPTION...]").addWhole(ARGUMENTS);
    text.margins(0, 0).add("\nIsolate your host the eBPF way.\n\n");
    text.to(format.headerColumn()).add("OPTIONS\n");
    boolean standard = false;
    for (Option option : shown(options)) {
      // The groups of options are separated.
      text.add(option.standard() && !standard ? "\n" : "");
      standard = option.standard();
      option(text, option, format);
    }
    if (format.duplicateArgumentsNote() && !format.duplicateArguments()) {
      text.add(
          "\n"
              + "Mandatory or optional arguments to long options are also mandatory or optional for"
              + " any corresponding short options.\n");
    }
    text.add("\n  PROGRAMS\n");
    for (ProgramSpec program : ProgramCatalog.all()) {
      text.add("  - " + program.name());
      text.add(program.grammar() == InputGrammar.NONE ? "\n" : " [input]\n");
    }
    text.add("\nReport bugs to https://github.com/leodido/traffico/issues.\n");
    return text.toString();
  }

  private static void option(WrappedText text, Option option, HelpFormat format) {
    if (option.letter() != 0) {
      text.margins(0, format.shortColumn()).to(format.shortColumn()).add("-" + option.letter());
      if (format.duplicateArguments() && option.value() == Value.REQUIRED) {
        text.add(" " + option.placeholder());
      }
      text.add(", ");
    }
    text.margins(0, format.longColumn()).to(format.longColumn());
    text.add("--" + option.name() + value(option));
    int column = text.column();
    text.margins(format.docColumn(), format.docColumn());
    if (column > format.docColumn() + 3) {
      text.add("\n");
    } else if (column >= format.docColumn()) {
      text.add("   ");
    } else {
      text.to(format.docColumn());
    }
    text.add(option.help()).margins(0, 0).add("\n");
  }

  /** Returns the options that help shows: traffico's, then argp's, each by letter or name. */
  private static List<Option> shown(List<Option> options) {
    List<Option> shown = new ArrayList<>(options);
    shown.removeIf(option -> option.help().isEmpty());
    shown.sort(
        Comparator.comparing(Option::standard)
            .thenComparing(
                (a, b) ->
                    a.letter() == 0 && b.letter() == 0
                        ? a.name().compareToIgnoreCase(b.name())
                        : first(a).compareTo(first(b))));
    return shown;
  }

  private static String first(Option option) {
    return (option.letter() == 0 ? option.name().substring(0, 1) : "" + option.letter())
        .toLowerCase(Locale.ROOT);
  }

  private static String value(Option option) {
    return switch (option.value()) {
      case NONE -> "";
      case OPTIONAL -> "[=" + option.placeholder() + "]";
      case REQUIRED -> "=" + option.placeholder();
    };
  }

  static String usage(String tool, List<Option> options, HelpFormat format) {
    WrappedText text = new WrappedText(format.rightMargin());
    text.add("Usage: " + tool).margins(format.usageIndent(), format.usageIndent());
    List<Option> shown = shown(options);
    StringBuilder letters = new StringBuilder();
    for (Option option : shown) {
      if (option.letter() != 0 && option.value() == Value.NONE) {
        letters.append(option.letter());
      }
    }
    text.add(" [-" + letters + "]");
    for (Option option : shown) {
      if (option.letter() != 0 && option.value() != Value.NONE) {
        text.addWhole("[-%s %s]".formatted(option.letter(), option.placeholder()));
      }
    }
    for (Option option : shown) {
      text.add(" [--" + option.name() + value(option) + "]");
    }
    return text.addWhole(ARGUMENTS).add("\n").toString();
  }
}
