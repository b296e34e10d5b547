package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.loader.kernel.Assembly;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The assembler of the programs that are put in front of filters. */
class AssemblyTest {
  @Test
  void aJumpToALabelThatIsNowhereIsAnError() {
    Assembly code = new Assembly().movImm(0, 1).jumpNeImm(0, 1, "uot").label("out").exit();
    assertThatThrownBy(() -> code.before(List.of()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("assembly: insn 1: label 'uot': expected one of [out]");
    assertThat(new Assembly().jumpNeImm(0, 1, "out").label("out").exit().before(List.of()))
        .startsWith(0x55, 0, 0, 0);
  }
}
