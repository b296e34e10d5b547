package io.plumbline.conformance.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.policy.SystemResolver;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.CaptureReader;
import io.plumbline.pcaps.LinkType;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads what several commands' options mean. */
final class Options {
  private Options() {}

  static ProgramSpec program(String name) throws CommandException {
    return ProgramCatalog.find(name)
        .orElseThrow(
            () ->
                new CommandException(
                    Plumb.USAGE,
                    "unknown program: '%s': expected one of %s"
                        .formatted(name, ProgramCatalog.names())));
  }

  static Subject standalone(String name, @Nullable String input) throws CommandException {
    ProgramSpec program = program(name);
    if (input == null) {
      if (program.grammar() == InputGrammar.NONE) {
        return new Subject.Standalone(program, new Input.None());
      }
      throw new CommandException(
          Plumb.USAGE,
          "program '%s' requires an input argument: expected %s"
              .formatted(program.name(), program.grammar().allowed()));
    }
    try {
      return new Subject.Standalone(program, program.grammar().parse(input));
    } catch (InputException e) {
      throw new CommandException(
          Plumb.USAGE,
          "%s: %s: '%s': expected %s"
              .formatted(program.name(), e.getMessage(), input, program.grammar().allowed()));
    }
  }

  static Subject chain(String text) throws CommandException {
    try {
      return new Subject.Chained(ChainSyntax.parse(text));
    } catch (InputException e) {
      throw new CommandException(Plumb.USAGE, "--chain: " + e.getMessage());
    }
  }

  static List<Engine> engines(List<String> names, ObjectSource objects) throws CommandException {
    try {
      return Engines.of(names, objects);
    } catch (IllegalArgumentException e) {
      throw new CommandException(Plumb.USAGE, String.valueOf(e.getMessage()));
    }
  }

  /** Refuses a capture of anything but Ethernet frames. */
  static void requireEthernet(Path capture, CaptureReader reader) throws CommandException {
    if (reader.linkType() != LinkType.ETHERNET) {
      throw new CommandException(
          Plumb.USAGE,
          "%s: link type %s: expected ETHERNET (1)"
              .formatted(capture, LinkType.describe(reader.linkType())));
    }
  }

  /** Returns what resolves the host names of a policy, if that was asked for. */
  static Optional<PolicyBuilder.Resolver> resolver(boolean asked) {
    return asked ? Optional.of(new SystemResolver()) : Optional.empty();
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
      Path file = Path.of(target);
      Path temporary = Path.of(target + ".tmp");
      Files.writeString(temporary, text);
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new CommandException(Plumb.USAGE, "--json: %s: cannot be written".formatted(target));
    }
  }
}
