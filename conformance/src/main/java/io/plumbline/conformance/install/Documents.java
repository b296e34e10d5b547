package io.plumbline.conformance.install;

import io.plumbline.conformance.cli.Plumb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes manual pages and completion from what the commands say of themselves. */
public final class Documents {
  private Documents() {}

  /** Writes everything under the folder that the argument names. */
  public static void main(String[] args) throws IOException {
    Path share = Path.of(args[0]);
    CommandLine plumb = Plumb.commandLine();
    Path man = Files.createDirectories(share.resolve("man/man8"));
    write(man.resolve("plumb.8"), page("plumb", plumb.getCommandSpec()));
    for (CommandLine command : plumb.getSubcommands().values()) {
      String name = "plumb-" + command.getCommandName();
      write(man.resolve(name + ".8"), page(name, command.getCommandSpec()));
    }
    String bash = AutoComplete.bash("plumb", plumb);
    write(
        Files.createDirectories(share.resolve("bash-completion/completions")).resolve("plumb"),
        bash);
    write(
        Files.createDirectories(share.resolve("zsh/vendor-completions")).resolve("_plumb"),
        """
        #compdef plumb
        autoload -Uz bashcompinit
        bashcompinit
        source "${${(%):-%x}:A:h}/../../bash-completion/completions/plumb"
        """);
    write(
        Files.createDirectories(share.resolve("fish/vendor_completions.d")).resolve("plumb.fish"),
        fish(plumb));
  }

  private static void write(Path file, String text) throws IOException {
    Files.writeString(file, text);
  }

  /** Returns a manual page (man(7)). */
  private static String page(String name, CommandSpec spec) {
    StringBuilder text = new StringBuilder();
    text.append(".TH %s 8 \"\" Plumbline%n".formatted(name.toUpperCase(Locale.ROOT)));
    List<String> description = List.of(spec.usageMessage().description());
    text.append(".SH NAME%n%s \\- %s%n".formatted(name, roff(description.get(0))));
    text.append(".SH SYNOPSIS%n.nf%n".formatted());
    text.append(roff(synopsis(spec))).append(".fi\n.SH DESCRIPTION\n");
    description.forEach(line -> text.append(roff(line)).append("\n.br\n"));
    for (PositionalParamSpec parameter : spec.positionalParameters()) {
      item(text, parameter.paramLabel(), parameter.description());
    }
    if (!spec.subcommands().isEmpty()) {
      text.append(".SH COMMANDS\n");
      spec.subcommands()
          .forEach(
              (command, line) ->
                  item(text, command, line.getCommandSpec().usageMessage().description()));
    }
    text.append(".SH OPTIONS\n");
    for (OptionSpec option : spec.options()) {
      String label = option.arity().max() == 0 ? "" : " " + option.paramLabel();
      item(text, String.join(", ", option.names()) + label, option.description());
    }
    List<String> footer = List.of(spec.usageMessage().footer());
    if (!footer.isEmpty()) {
      text.append(".SH NOTES\n.nf\n");
      footer.forEach(line -> text.append(roff(line)).append('\n'));
      text.append(".fi\n");
    }
    text.append(
        ".SH EXIT STATUS\n0 agreed or done, 1 disagreement or a denied check, 2 usage or bad input, 3 an engine or privilege is unavailable.\n");
    return text.toString();
  }

  private static String synopsis(CommandSpec spec) {
    return spec.commandLine().getHelp().synopsis(0);
  }

  private static void item(StringBuilder text, String term, String[] description) {
    text.append(".TP\n.B ").append(roff(term)).append('\n');
    text.append(roff(String.join(" ", description).replace("${DEFAULT-VALUE}", "see --help")))
        .append('\n');
  }

  private static String roff(String text) {
    String escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("%n", "\n");
    return escaped.startsWith(".") || escaped.startsWith("'") ? "\\&" + escaped : escaped;
  }

  /** Returns completion for fish: commands, and the long options of each. */
  private static String fish(CommandLine plumb) {
    StringBuilder text = new StringBuilder("complete -c plumb -f\n");
    plumb
        .getSubcommands()
        .forEach(
            (name, command) -> {
              CommandSpec spec = command.getCommandSpec();
              text.append(
                  "complete -c plumb -n __fish_use_subcommand -a %s -d %s%n"
                      .formatted(name, quoted(spec.usageMessage().description())));
              for (OptionSpec option : spec.options()) {
                String value = option.arity().max() == 0 ? "" : " -r -F";
                text.append(
                    "complete -c plumb -n '__fish_seen_subcommand_from %s' -l %s%s -d %s%n"
                        .formatted(
                            name,
                            option.longestName().replaceFirst("^-+", ""),
                            value,
                            quoted(option.description())));
              }
            });
    return text.toString();
  }

  private static String quoted(String[] lines) {
    String first = lines.length == 0 ? "" : lines[0];
    return "'" + first.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
