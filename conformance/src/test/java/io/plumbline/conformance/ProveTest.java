package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.prove.TemplateProof;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What ships is proved, and what is wrong on purpose is refuted by a frame that engines run. */
@Tag("long")
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class ProveTest {
  private static final Path NEGATIVE = Path.of("..", "bpf", "target", "objects", "negative");
  private static final int SECONDS = 240;

  static Stream<Arguments> everything() {
    Prover prover = new Prover(ObjectSource.builtIn(), SECONDS);
    return Hook.all().stream()
        .flatMap(hook -> prover.all(hook).stream())
        .map(task -> Arguments.of(task.name(), task));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("everything")
  void whatShipsIsProved(String name, Prover.Task task) throws Exception {
    Proof proof = task.prove();
    assertThat(proof.unknown()).as(name).isEmpty();
    assertThat(proof.counterexample()).as(name).isEmpty();
    assertThat(proof.paths()).isPositive();
    assertThat(proof.assumptions()).isNotEmpty();
  }

  @Test
  void compiledCodeIsProved() {
    List<TemplateProof.Result> results = TemplateProof.all(SECONDS);
    assertThat(results).hasSizeGreaterThan(60).allMatch(TemplateProof.Result::proved);
  }

  static Stream<Policy> policies() {
    return RandomPolicies.of(4, 5).stream();
  }

  @ParameterizedTest
  @MethodSource("policies")
  void randomPoliciesAreProved(Policy policy) throws Exception {
    Proof proof =
        new Prover(ObjectSource.builtIn(), SECONDS).of(new Subject.Intent(policy)).prove();
    assertThat(proof.unknown()).isEmpty();
    assertThat(proof.counterexample()).isEmpty();
  }

  /** A variant of the large program takes seconds: one in so many, or all with -Dprove.every=1. */
  private static final int EVERY = Integer.getInteger("prove.every", 12);

  static Stream<Arguments> variants() throws IOException {
    int[] number = new int[1];
    return Stream.concat(
            Files.readAllLines(NEGATIVE.resolve("INDEX")).stream().map(line -> line + "\ttc\t2"),
            Files.readAllLines(NEGATIVE.resolve("HOOKS")).stream())
        .map(line -> line.split("\t", -1))
        .filter(fields -> !fields[1].equals("intent") || number[0]++ % EVERY == 0)
        .map(fields -> Arguments.of(fields[0], fields[1], fields[2], ConformanceTest.hook(fields)));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("variants")
  void everyWrongVariantIsRefuted(String variant, String program, String wrong, Hook hook)
      throws Exception {
    ObjectSource objects = objects(variant, program, hook);
    refuted(wrong, objects, tasks(program, hook, new Prover(objects, SECONDS)));
  }

  static Stream<Arguments> rowVariants() throws IOException {
    return variants().filter(arguments -> arguments.get()[1].equals("intent_rows"));
  }

  /** The table of the counterexample is the solver's: no policy of ours was looked at. */
  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("rowVariants")
  void wrongRowsAreRefutedByATableThatIsFound(
      String variant, String program, String wrong, Hook hook) throws Exception {
    ObjectSource objects = objects(variant, program, hook);
    refuted(wrong, objects, List.of(anyRows(new Prover(objects, SECONDS), hook)));
  }

  private static Prover.Task anyRows(Prover prover, Hook hook) {
    List<Prover.Task> tasks = prover.of("intent_rows", hook);
    return tasks.get(tasks.size() - 1);
  }

  private static ObjectSource objects(String variant, String program, Hook hook) {
    return ObjectSource.builtIn()
        .with(hook.objectOf(program), NEGATIVE.resolve(hook.objectOf(variant) + ".bpf.o"));
  }

  private static void refuted(String wrong, ObjectSource objects, List<Prover.Task> tasks)
      throws Exception {
    Optional<Counterexample> found = Optional.empty();
    for (Prover.Task task : tasks) {
      Proof proof = task.prove();
      assertThat(proof.unknown()).as(wrong).isEmpty();
      found = proof.counterexample();
      if (found.isPresent()) {
        break;
      }
    }
    assertThat(found).as(wrong).isPresent();
    Counterexample counterexample = found.orElseThrow();
    Execution ran = Execution.of(counterexample, List.of(EmulatorEngine.NAME, "kernel"), objects);
    assertThat(ran.shown()).as("%s: %s: %s", wrong, counterexample, ran).isTrue();
  }

  private static List<Prover.Task> tasks(String program, Hook hook, Prover prover) {
    if (ProgramCatalog.find(program).isPresent()) {
      return prover.of(ProgramCatalog.find(program).orElseThrow().at(hook));
    } else if (!program.equals(Intent.NAME)) {
      return prover.of(program, hook);
    }
    List<Policy> policies = new ArrayList<>(Prover.examples());
    policies.addAll(RandomPolicies.of(12, 1));
    return policies.stream().map(policy -> prover.of(new Subject.Intent(policy, hook))).toList();
  }
}
