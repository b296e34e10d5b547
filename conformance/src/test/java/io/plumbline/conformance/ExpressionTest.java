package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.conformance.prove.Expression;
import io.plumbline.conformance.prove.Find;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.pcaps.FilterExpression;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Expressions of libpcap, whose optimiser is not believed. */
class ExpressionTest {
  /**
   * Every frame is accepted by the first half; libpcap 1.10.3 makes a program that accepts none.
   */
  private static final String MISCOMPILED =
      "len >= 2147483648 & 2147483648 or len < 0 | 2147483648";

  private static Optional<Packet> find(String expression) throws Exception {
    Subject subject =
        new Subject.Standalone(
            ProgramCatalog.find("block_port").orElseThrow(),
            ProgramCatalog.find("block_port").orElseThrow().grammar().parse("443"));
    return Find.of(subject, expression, 60);
  }

  @Test
  void anAnswerDoesNotDependOnTheOptimiser() throws Exception {
    assertThat(find(MISCOMPILED + " and verdict drop")).isPresent();
    assertThat(find("tcp and udp")).isEmpty();
  }

  @Test
  void anOptimisedProgramIsUsedWhereItIsTheSame() {
    Expression same = Expression.optimised("tcp port 80", 60);
    assertThat(same.warning()).isEmpty();
    assertThat(same.program().numbers()).isEqualTo(FilterExpression.compile("tcp port 80", true));
    Expression truncated = Expression.optimised("host 192.0.2.1 or host 192.0.2.2", 60);
    assertThat(truncated.warning())
        .isEqualTo("optimised, it accepts other frames among those of less than 42 bytes");
    assertThat(truncated.program().insns()).hasSizeLessThan(20);
    Expression different = Expression.optimised(MISCOMPILED, 60);
    String optimised = FilterExpression.compile(MISCOMPILED, true);
    String plain = FilterExpression.compile(MISCOMPILED, false);
    assertThat(different.program().numbers())
        .isEqualTo(different.warning().isEmpty() ? optimised : plain);
    assertThat(different.warning())
        .isIn(
            "",
            "libpcap's optimiser changes which frames it accepts: the program is not optimised");
    assertThatThrownBy(() -> Expression.optimised("tcp and udp", 60))
        .hasMessage("filter 'tcp and udp': expression rejects all packets");
    assertThat(Expression.optimised("ether[0] / 2 = 1", 60).warning()).contains("not proved");
  }

  /** Not optimised it has more instructions than the kernel takes, and terms are deep. */
  @Test
  void aLongExpressionIsAnswered() throws Exception {
    String hosts =
        IntStream.rangeClosed(1, 250)
            .mapToObj(i -> "host 192.0.2." + i)
            .collect(Collectors.joining(" or "));
    assertThat(find("(" + hosts + ") and verdict drop")).isPresent();
  }

  @Test
  void noDigitDependsOnTheLocale() throws Exception {
    String expected = Expression.optimised("tcp port 80", 60).program().numbers();
    Locale before = Locale.getDefault();
    try {
      for (String tag : new String[] {"fa-IR", "ar-EG-u-nu-arab", "ne-NP", "bn-BD", "mr-IN"}) {
        Locale.setDefault(Locale.forLanguageTag(tag));
        assertThat(Expression.optimised("tcp port 80", 60).program().numbers()).isEqualTo(expected);
        assertThat(find("tcp port 443 and verdict drop")).isPresent();
      }
    } finally {
      Locale.setDefault(before);
    }
  }
}
