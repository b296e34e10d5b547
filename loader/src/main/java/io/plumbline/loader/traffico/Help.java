package io.plumbline.loader.traffico;

import io.plumbline.loader.traffico.Arguments.Option;
import io.plumbline.loader.traffico.Arguments.Value;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.List;

/** The help texts, laid out as argp does. */
final class Help {
  private static final int HELP_COLUMN = 29;
  private static final int USAGE_WIDTH = 79;
  private static final int USAGE_INDENT = 12;

  private Help() {}

  static String help(String tool, List<Option> options) {
    StringBuilder text = new StringBuilder();
    text.append("Usage: ").append(tool).append(" [OPTION...] [PROGRAM [INPUT]]\n");
    text.append("Isolate your host the eBPF way.\n\n OPTIONS\n");
    for (Option option : options) {
      StringBuilder line = new StringBuilder(option.letter() == 0 ? "      " : "  -x, ");
      if (option.letter() != 0) {
        line.setCharAt(3, option.letter());
      }
      line.append("--").append(option.name()).append(value(option));
      pad(line);
      line.append(option.help().replace("\n", "\n" + " ".repeat(HELP_COLUMN)));
      text.append(line).append('\n');
    }
    text.append(
        """

        Mandatory or optional arguments to long options are also mandatory or optional
        for any corresponding short options.

          PROGRAMS
        """);
    for (ProgramSpec program : ProgramCatalog.all()) {
      text.append("  - ").append(program.name());
      text.append(program.grammar() == InputGrammar.NONE ? "\n" : " [input]\n");
    }
    text.append("\nReport bugs to https://github.com/leodido/traffico/issues.\n");
    return text.toString();
  }

  private static void pad(StringBuilder line) {
    if (line.length() >= HELP_COLUMN) {
      line.append('\n').append(" ".repeat(HELP_COLUMN));
    }
    while (line.length() < HELP_COLUMN) {
      line.append(' ');
    }
  }

  private static String value(Option option) {
    return switch (option.value()) {
      case NONE -> "";
      case OPTIONAL -> "[=" + option.placeholder() + "]";
      case REQUIRED -> "=" + option.placeholder();
    };
  }

  static String usage(String tool, List<Option> options) {
    StringBuilder text = new StringBuilder();
    StringBuilder line = new StringBuilder("Usage: " + tool);
    StringBuilder letters = new StringBuilder();
    for (Option option : options) {
      if (option.letter() != 0 && option.value() == Value.NONE) {
        letters.append(option.letter());
      }
    }
    add(text, line, "[-" + letters + "]");
    for (Option option : options) {
      if (option.letter() != 0 && option.value() != Value.NONE) {
        add(text, line, "[-%s %s]".formatted(option.letter(), option.placeholder()));
      }
    }
    for (Option option : options) {
      add(text, line, "[--" + option.name() + value(option) + "]");
    }
    add(text, line, "[PROGRAM [INPUT]]");
    return text.append(line).append('\n').toString();
  }

  private static void add(StringBuilder text, StringBuilder line, String item) {
    if (line.length() + 1 + item.length() > USAGE_WIDTH) {
      text.append(line).append('\n');
      line.setLength(0);
      line.append(" ".repeat(USAGE_INDENT));
      line.append(item);
    } else {
      line.append(' ').append(item);
    }
  }
}
