package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.verify.Subjects;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Action;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PacketText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The catalog, the objects and the cases are in step, and the models do what the cases say. */
class CatalogTest {
  private static final Path CASES = Path.of("src", "test", "resources", "filters");
  private static final Path SOURCES = Path.of("..", "bpf", "src", "main", "c");

  static Stream<ProgramSpec> programs() {
    return ProgramCatalog.all().stream();
  }

  private static Set<String> names(Path folder, String suffix) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(suffix))
          .map(name -> name.substring(0, name.length() - suffix.length()))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void everyProgramHasOneSourceOneObjectAndOneCasesFile() throws IOException {
    Set<String> catalog =
        programs().map(ProgramSpec::name).collect(Collectors.toCollection(TreeSet::new));
    assertThat(names(CASES, ".cases")).isEqualTo(catalog);
    Set<String> all = new TreeSet<>(catalog);
    all.addAll(Set.of(Subjects.DISPATCHER, "gate", "intent", "intent_rows"));
    assertThat(names(SOURCES, ".bpf.c")).isEqualTo(all);
    for (String name : all) {
      try (InputStream object =
          getClass().getResourceAsStream("/io/plumbline/bpf/" + name + ".bpf.o")) {
        assertThat(object).as(name).isNotNull();
      }
    }
  }

  @Test
  void theTableOfProgramsIsTheCatalogs() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    programs()
        .forEach(
            program ->
                assertThat(readme)
                    .containsPattern(
                        "(?m)^\\| %s \\|.*\\| %s \\|$"
                            .formatted(program.name(), program.summary())));
  }

  /**
   * A case: {@code sentence | packet text | input | accept or drop, alone [| as the only stage of a
   * chain]}.
   */
  @ParameterizedTest
  @MethodSource("programs")
  void theModelDoesWhatTheCasesSay(ProgramSpec program) throws Exception {
    List<String> lines =
        Files.readAllLines(CASES.resolve(program.name() + ".cases"), StandardCharsets.UTF_8);
    List<String> wrong = new ArrayList<>();
    int cases = 0;
    for (String line : lines) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String[] fields = line.split("\\|", -1);
      assertThat(fields.length).as(line).isBetween(4, 5);
      Packet packet = PacketText.parse(fields[1]);
      String text = fields[2].strip();
      Input input = text.isEmpty() ? new Input.None() : program.grammar().parse(text);
      check(new Subject.Standalone(program, input), packet, fields[3].strip(), line, wrong);
      if (fields.length == 5) {
        Chain chain = new Chain(List.of(new Chain.Stage(program, input)));
        check(new Subject.Chained(chain), packet, fields[4].strip(), line, wrong);
      }
      cases++;
    }
    assertThat(wrong).isEmpty();
    assertThat(cases).isPositive();
  }

  private static void check(
      Subject subject, Packet packet, String verdict, String line, List<String> wrong) {
    try (ModelRunner runner = new ModelEngine().load(subject)) {
      String actual = runner.run(packet).toString();
      int code = Action.valueOf(verdict.toUpperCase(Locale.ROOT)).code(subject.hook());
      if (!actual.equals(subject.hook().verdictName(code))) {
        wrong.add(subject + ": " + actual + ": " + line);
      }
    }
  }
}
