package io.plumbline.loader.cli;

import io.plumbline.loader.policy.SystemResolver;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads what arguments and options say of a filter. */
public final class SubjectOptions {
  private SubjectOptions() {}

  /**
   * Returns a program by its name.
   *
   * @param others what else the command takes, for the message
   */
  public static ProgramSpec program(String name, List<String> others) throws CommandException {
    return ProgramCatalog.find(name)
        .orElseThrow(
            () ->
                new CommandException(
                    ExitStatus.USAGE,
                    "unknown program: '%s': expected one of %s"
                        .formatted(
                            name,
                            Stream.concat(Stream.of(ProgramCatalog.names()), others.stream())
                                .collect(Collectors.joining(", ")))));
  }

  /** Returns a program with its input. */
  public static Subject standalone(String name, @Nullable String input) throws CommandException {
    ProgramSpec program = program(name, List.of());
    if (input == null) {
      if (program.grammar() == InputGrammar.NONE) {
        return new Subject.Standalone(program, new Input.None());
      }
      throw new CommandException(
          ExitStatus.USAGE,
          "program '%s' requires an input argument: expected %s"
              .formatted(program.name(), program.grammar().allowed()));
    }
    try {
      return new Subject.Standalone(program, program.grammar().parse(input));
    } catch (InputException e) {
      throw new CommandException(
          ExitStatus.USAGE,
          "%s: %s: '%s': expected %s"
              .formatted(program.name(), e.getMessage(), input, program.grammar().allowed()));
    }
  }

  /** Returns a chain. */
  public static Subject chain(String text) throws CommandException {
    try {
      return new Subject.Chained(ChainSyntax.parse(text));
    } catch (InputException e) {
      throw new CommandException(ExitStatus.USAGE, "--chain: " + e.getMessage());
    }
  }

  /** Returns what resolves the host names of a policy, if that was asked for. */
  public static Optional<PolicyBuilder.Resolver> resolver(boolean asked) {
    return asked ? Optional.of(new SystemResolver()) : Optional.empty();
  }
}
