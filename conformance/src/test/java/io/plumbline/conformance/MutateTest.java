package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.mutate.BytecodeMutants;
import io.plumbline.conformance.mutate.ModelMutants;
import io.plumbline.conformance.mutate.Mutation;
import io.plumbline.conformance.mutate.Mutation.Fate;
import io.plumbline.conformance.mutate.Mutation.Judged;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong in one place is noticed, or is proved not to be wrong. The rest: plumb mutate. */
class MutateTest {
  private static final int EVERY = Integer.getInteger("mutate.every", 20);

  @ParameterizedTest
  @ValueSource(strings = {"block_port", "allow_dns", "allow_proto"})
  void noMutantSurvives(String name) throws Exception {
    ProgramSpec program = ProgramCatalog.find(name).orElseThrow();
    Mutation mutation = new Mutation();
    List<Judged> judged = new ArrayList<>();
    List<BytecodeMutants.Mutant> bytecode =
        BytecodeMutants.of(ObjectSource.builtIn().object(name), name);
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
    Judged same =
        mutation.judge(
            program, new BytecodeMutants.Mutant("nothing", ObjectSource.builtIn().object(name)));
    assertThat(same.fate()).isEqualTo(Fate.EQUIVALENT);
    assertThat(judged).noneMatch(one -> one.fate() == Fate.SURVIVED);
    assertThat(judged).anyMatch(one -> one.fate() == Fate.KILLED);
    assertThat(judged).allMatch(one -> one.seconds() < 60);
  }
}
