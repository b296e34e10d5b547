package io.plumbline.model.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Statuses stand beside codes, and refusals give their reason. */
class OutcomesTest {
  @Test
  void everyCodeCanBeDecided() {
    Outcomes some = new Outcomes(1);
    Outcomes others = new Outcomes();
    some.begin(4);
    others.begin(4);
    int[] codes = {Integer.MIN_VALUE, Integer.MIN_VALUE + 1, 0x7E57_0000, -1};
    for (int i = 0; i < codes.length; i++) {
      assertThat(some.status(i)).isEqualTo(Outcomes.Status.NOT_RUN);
      some.decide(i, codes[i]);
      others.decide(i, 0);
      assertThat(some.status(i)).isEqualTo(Outcomes.Status.DECIDED);
      assertThat(some.code(i)).isEqualTo(codes[i]);
      assertThat(some.agrees(i, others)).isFalse();
      others.decide(i, codes[i]);
      assertThat(some.agrees(i, others)).isTrue();
    }
  }

  @Test
  void aFaultAgreesWithFaultsOnly() {
    Outcomes some = new Outcomes();
    Outcomes others = new Outcomes();
    some.begin(2);
    others.begin(2);
    some.fault(0, "insn 1: reads nothing");
    others.decide(0, 0);
    assertThat(some.ran(0)).isTrue();
    assertThat(some.agrees(0, others)).isFalse();
    others.fault(0, "insn 2: the same, elsewhere");
    assertThat(some.agrees(0, others)).isTrue();
    some.unsupported(1);
    assertThat(some.ran(1)).isFalse();
    some.begin(1);
    assertThat(some.fault(0)).isEmpty();
    assertThat(some.line(0)).isEqualTo(Outcomes.NO_LINE);
  }

  @Test
  void aRefusalIsSummarisedByItsReason() {
    String log =
        "1: (05) goto pc-2\ninfinite loop detected at insn 1\ncur state: R0=0\nold state:\n";
    assertThat(EngineException.refusal("kernel: load f: EINVAL", log).summary())
        .isEqualTo("kernel: load f: EINVAL: infinite loop detected at insn 1");
    assertThat(new EngineException("kernel: load f: ENOMEM\nmore", log).summary())
        .isEqualTo("kernel: load f: ENOMEM");
  }
}
