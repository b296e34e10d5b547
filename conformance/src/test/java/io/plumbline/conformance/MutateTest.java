package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.conformance.mutate.BytecodeMutants;
import io.plumbline.conformance.mutate.ModelMutants;
import io.plumbline.conformance.mutate.Mutation;
import io.plumbline.conformance.mutate.Mutation.Evidence;
import io.plumbline.conformance.mutate.Mutation.Fate;
import io.plumbline.conformance.mutate.Mutation.Judged;
import io.plumbline.conformance.mutate.PolicyMutants;
import io.plumbline.conformance.mutate.SourceMutants;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.ProgramSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong in one place is noticed, or is proved not to be wrong. The rest: plumb mutate. */
@Tag("long")
class MutateTest {
  private static final int EVERY = Integer.getInteger("mutate.every", 20);

  @ParameterizedTest
  @CsvSource({
    "block_port, tc",
    "allow_dns, tc",
    "allow_proto, tc",
    "allow_port, xdp",
    "block_port, tc-l3"
  })
  void noMutantSurvives(String name, String where) throws Exception {
    Hook hook = Hook.find(where).orElseThrow();
    ProgramSpec program = ProgramCatalog.find(name).orElseThrow().at(hook);
    Mutation mutation = new Mutation(hook);
    byte[] object = ObjectSource.builtIn().object(hook.objectOf(name));
    List<Judged> judged = new ArrayList<>();
    List<BytecodeMutants.Mutant> bytecode = BytecodeMutants.of(object, name);
    List<ModelMutants.Mutant> models = ModelMutants.of(program);
    assertThat(bytecode.size()).isGreaterThan(100);
    assertThat(models.size()).isGreaterThan(50);
    for (int i = 0; i < bytecode.size(); i += EVERY) {
      judged.add(mutation.judge(program, bytecode.get(i)));
    }
    for (int i = 0; i < models.size(); i += EVERY) {
      judged.add(mutation.judge(models.get(i)));
    }
    // What is not changed at all must not be killed.
    Judged same = mutation.judge(program, new BytecodeMutants.Mutant("nothing", object));
    assertThat(same.fate()).isEqualTo(Fate.EQUIVALENT);
    // Where half an address is compared with a byte, nobody can say what comes of it.
    assertThat(judged)
        .noneMatch(one -> one.fate() == Fate.SURVIVED && !one.how().endsWith(" in memory"));
    assertThat(judged.stream().filter(one -> one.fate() == Fate.SURVIVED).count())
        .isLessThanOrEqualTo(1);
    assertThat(judged).anyMatch(one -> one.fate() == Fate.KILLED);
    assertThat(judged).allMatch(one -> one.seconds() < 60);
  }

  /** A failure of the harness kills nothing: of such a mutant nothing is known. */
  @Test
  void aFailureOfTheHarnessKillsNothing() throws Exception {
    ObjectSource builtIn = ObjectSource.builtIn();
    Mutation mutation =
        new Mutation(
            name -> {
              if (name.equals("dispatcher")) {
                throw new EngineException("kernel: create map: ENOMEM");
              }
              return builtIn.object(name);
            },
            Hook.usual());
    Judged judged =
        mutation.judge(
            ProgramCatalog.find("allow_port").orElseThrow(),
            new BytecodeMutants.Mutant("nothing", builtIn.object("allow_port")));
    assertThat(judged.fate()).isEqualTo(Fate.NOT_RUN);
    assertThat(judged.evidence()).isEmpty();
    assertThat(judged.how()).contains("ENOMEM");
  }

  /** Each kind of evidence has its own name; a verifier's refusal gives its reason. */
  @Test
  @Tag("kernel")
  void whatKillsIsNamed() throws Exception {
    Mutation mutation = new Mutation(Hook.usual());
    ProgramSpec nop = ProgramCatalog.find("nop").orElseThrow();
    assertThat(
            mutation.judge(
                nop, new BytecodeMutants.Mutant("m", TestObject.tc("nop", "r0 = 2", "exit"))))
        .extracting(Judged::fate, Judged::evidence)
        .containsExactly(Fate.KILLED, Optional.of(Evidence.FRAME));
    assertThat(
            mutation.judge(
                nop,
                new BytecodeMutants.Mutant(
                    "m", TestObject.tc("nop", "r1 = 0", "r0 = *(u8 *)(r1 + 0)", "exit"))))
        .extracting(Judged::fate, Judged::evidence)
        .containsExactly(Fate.KILLED, Optional.of(Evidence.FAULT));
    KernelNeeded.orSkip();
    Judged refused =
        mutation.judge(
            nop,
            new BytecodeMutants.Mutant("m", TestObject.tc("nop", "r0 = r5", "r0 = 0", "exit")));
    assertThat(refused)
        .extracting(Judged::fate, Judged::evidence)
        .containsExactly(Fate.KILLED, Optional.of(Evidence.REFUSAL));
    assertThat(refused.how()).contains("EACCES", "!read_ok");
  }

  /** A jump by one more may end in the middle of an instruction: no engine can load that. */
  @ParameterizedTest
  @ValueSource(strings = {"gate", "dispatcher"})
  void whatIsNoProgramIsKilled(String name) throws Exception {
    Mutation mutation = new Mutation(Hook.usual());
    List<BytecodeMutants.Mutant> mutants =
        BytecodeMutants.of(ObjectSource.builtIn().object(name), name);
    int broken = 0;
    for (int i = 0; i < mutants.size(); i++) {
      boolean runs = isProgram(mutants.get(i).object());
      if (!runs || i % EVERY == 0) {
        Judged judged = mutation.judge(name, mutants.get(i));
        assertThat(judged.fate() == Fate.KILLED || runs).as(judged.what()).isTrue();
        broken += runs ? 0 : 1;
      }
    }
    assertThat(broken).isGreaterThanOrEqualTo(name.equals("gate") ? 1 : 0);
  }

  private static boolean isProgram(byte[] object) throws Exception {
    try {
      for (BpfObject.Program program : BpfObject.read(object).programs()) {
        StructuralVerifier.check(program.insns());
      }
      return true;
    } catch (IsaException e) {
      return false;
    }
  }

  @Test
  void changedSourcesAreNoticed() throws Exception {
    SourceMutants sources = new SourceMutants(Path.of("..", "bpf"), "block_port", Hook.usual());
    String manifest = Files.readString(Path.of("..", "bpf", "target", "objects", "MANIFEST"));
    String pinned = manifest.lines().findFirst().orElseThrow().replace("compiler ", "");
    assumeTrue(
        compiler().equals(pinned), () -> "the compiler of the objects is not here: " + pinned);
    assertThat(sources.compileUnchanged()).isEqualTo(ObjectSource.builtIn().object("block_port"));
    List<SourceMutants.Mutant> mutants = sources.all();
    assertThat(mutants.size()).isGreaterThan(150);
    Mutation mutation = new Mutation(Hook.usual());
    List<Judged> judged = new ArrayList<>();
    for (int i = 0; i < mutants.size(); i += EVERY) {
      mutation.judge(sources, mutants.get(i)).ifPresent(judged::add);
    }
    assertThat(judged).hasSizeGreaterThan(mutants.size() / EVERY / 2);
    assertThat(judged).noneMatch(one -> one.fate() == Fate.SURVIVED);
    assertThat(judged).anyMatch(one -> one.fate() == Fate.KILLED);
    assertThat(judged).anyMatch(one -> one.fate() == Fate.EQUIVALENT);
  }

  private static String compiler() throws Exception {
    try {
      Process version = new ProcessBuilder("clang-14", "--version").start();
      return new String(version.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      return "none";
    }
  }

  @Test
  void changedPoliciesAreNoticed() throws Exception {
    Mutation mutation = new Mutation(Hook.usual());
    for (Policy policy : Prover.examples()) {
      List<PolicyMutants.Mutant> mutants = PolicyMutants.of(policy);
      assertThat(mutants.size()).isGreaterThan(50);
      List<Judged> judged = new ArrayList<>();
      for (int i = 0; i < mutants.size(); i += EVERY / 4 + 1) {
        judged.add(mutation.judge(policy, mutants.get(i)));
      }
      assertThat(judged).noneMatch(one -> one.fate() == Fate.SURVIVED);
      assertThat(judged).anyMatch(one -> one.fate() == Fate.KILLED);
      PolicyMutants.Mutant same = new PolicyMutants.Mutant("nothing", policy);
      assertThat(mutation.judge(policy, same).fate()).isEqualTo(Fate.EQUIVALENT);
    }
  }
}
