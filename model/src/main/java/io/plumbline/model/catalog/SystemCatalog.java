package io.plumbline.model.catalog;

import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.PolicyDescription;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Every kind of filter there is. What was described by one is read back here. */
public final class SystemCatalog {
  private static final List<FilterSystem> ALL =
      List.of(
          new FilterSystem(Subject.Standalone.SYSTEM, (map, where) -> standalone(map)),
          new FilterSystem(Subject.Chained.SYSTEM, (map, where) -> chain(map)),
          new FilterSystem(
              Subject.Intent.SYSTEM,
              (map, where) -> new Subject.Intent(PolicyDescription.read(map, where))),
          new FilterSystem(
              Subject.IntentRows.SYSTEM,
              (map, where) -> new Subject.IntentRows(PolicyDescription.read(map, where))));

  private SystemCatalog() {}

  /** Returns every kind of filter. */
  public static List<FilterSystem> all() {
    return ALL;
  }

  /**
   * Reads what {@link Subject#describe} gives. Without a hook it is for the usual one.
   *
   * @param where what it comes from, for messages
   * @throws IllegalArgumentException if it names a system, a hook or a program that there is not
   */
  public static Subject read(Map<String, String> description, String where)
      throws InputException, PolicyException {
    String name = description.getOrDefault(Subject.SYSTEM_KEY, "");
    FilterSystem system =
        ALL.stream()
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "%s: '%s': expected one of %s"
                            .formatted(
                                Subject.SYSTEM_KEY,
                                name,
                                ALL.stream()
                                    .map(FilterSystem::name)
                                    .collect(Collectors.joining(", ")))));
    String place = description.getOrDefault(Subject.HOOK_KEY, Hook.usual().name());
    Hook hook =
        Hook.find(place)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "%s: '%s': expected one of %s"
                            .formatted(Subject.HOOK_KEY, place, Hook.all())));
    return system.reader().read(description, where).at(hook);
  }

  private static Subject standalone(Map<String, String> description) throws InputException {
    ProgramSpec program = program(description.getOrDefault("program", ""));
    return new Subject.Standalone(program, input(program, description.getOrDefault("input", "")));
  }

  /** Reads a chain without the rules of its syntax: a harness also runs a stage alone. */
  private static Subject chain(Map<String, String> description) throws InputException {
    String text = description.getOrDefault("chain", "");
    List<Chain.Stage> stages = new ArrayList<>();
    for (String entry : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      String[] parts = entry.split(":", 2);
      ProgramSpec program = program(parts[0]);
      stages.add(new Chain.Stage(program, input(program, parts.length == 2 ? parts[1] : "")));
    }
    return new Subject.Chained(new Chain(stages));
  }

  private static ProgramSpec program(String name) {
    return ProgramCatalog.find(name)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown program: '%s': expected one of %s"
                        .formatted(name, ProgramCatalog.names())));
  }

  private static Input input(ProgramSpec program, String text) throws InputException {
    return program.grammar() == InputGrammar.NONE
        ? new Input.None()
        : program.grammar().parse(text);
  }
}
