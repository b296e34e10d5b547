package io.plumbline.conformance.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.hook.Hook;
import io.plumbline.pcaps.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads what several commands' options mean. */
final class Options {
  private Options() {}

  static List<Engine> engines(List<String> names, ObjectSource objects) throws CommandException {
    try {
      return Engines.of(names, objects);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
  }

  /** Refuses captures, or folders of them, that are not there. */
  static void requireCorpora(List<Path> corpora) throws CommandException {
    for (Path path : corpora) {
      if (!path.toString().equals("-") && !Files.exists(path)) {
        throw new CommandException(
            ExitStatus.USAGE, "--corpus: " + path + ": no such file or folder");
      }
    }
  }

  /** Refuses a file that is not there. */
  static void requireFile(String option, @Nullable Path file) throws CommandException {
    if (file != null && !Files.isReadable(file)) {
      throw new CommandException(
          ExitStatus.USAGE,
          "%s: %s: %s"
              .formatted(option, file, Files.exists(file) ? "cannot be read" : "no such file"));
    }
  }

  /**
   * Refuses a file that cannot be written, before anything else is done.
   *
   * @param target {@code -} for standard output
   */
  static void requireFolderOf(String option, @Nullable String target) throws CommandException {
    if (target != null && !target.equals("-") && !OutputFile.isInPlace(Path.of(target))) {
      if (Files.isDirectory(Path.of(target))) {
        throw new CommandException(
            ExitStatus.USAGE, "%s: %s: is a directory: expected a file".formatted(option, target));
      }
      Path folder = Path.of(target).toAbsolutePath().getParent();
      if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
        throw new CommandException(
            ExitStatus.USAGE,
            "%s: %s: cannot be written: expected a file in a folder that is there"
                .formatted(option, target));
      }
    }
  }

  /** Starts a report with what every report begins with. */
  static Map<String, Object> report() {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("tool", "plumb");
    report.put("version", "0.1.0");
    return report;
  }

  /** Writes a report to a file, complete or not at all, or to standard output for {@code -}. */
  static void writeJson(String target, Map<String, Object> report, PrintWriter out)
      throws CommandException {
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    try {
      String text = mapper.writeValueAsString(report) + System.lineSeparator();
      if (target.equals("-")) {
        out.print(text);
        out.flush();
        return;
      }
      OutputFile.write(Path.of(target), OutputFile.Readers.UMASK, text);
    } catch (IOException e) {
      throw cannotBeWritten("--json: " + target, e);
    }
  }

  /** Returns the error of a file that cannot be written. */
  static CommandException cannotBeWritten(String where, IOException e) {
    return new CommandException(
        ExitStatus.USAGE, "%s: cannot be written: %s".formatted(where, OutputFile.reason(e)));
  }

  /** Returns hooks by their names, or others if none is named. */
  static List<Hook> hooks(List<String> names, List<Hook> otherwise) throws CommandException {
    List<Hook> hooks = new ArrayList<>();
    for (String name : names) {
      Optional<Hook> hook = Hook.find(name);
      if (hook.isEmpty()) {
        List<String> known = Hook.all().stream().map(Hook::name).toList();
        throw new CommandException(
            ExitStatus.USAGE, "--hook: %s: expected one of %s".formatted(name, known));
      }
      hooks.add(hook.get());
    }
    return hooks.isEmpty() ? otherwise : hooks;
  }
}
