package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.cli.Plumb;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * Texts that are read again, in a JVM whose locale has other digits: a library cannot choose it.
 */
class LocaleTest {
  private final Locale before = Locale.getDefault();

  @AfterEach
  void restore() {
    Locale.setDefault(before);
  }

  private static String run(String... args) {
    CommandLine line = Plumb.commandLine();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    assertThat(line.execute(args)).as(err.toString()).isZero();
    return out.toString();
  }

  @Test
  void digitsAreAscii() {
    String[] disasm = {"bpf", "disasm", "../bpf/prebuilt/block_port.bpf.o"};
    String[] classic = {"bpf", "classic", "--expression", "tcp port 80"};
    Locale.setDefault(Locale.ROOT);
    String object = run(disasm);
    String expression = run(classic);
    for (String tag :
        new String[] {"fa-IR", "ar-EG-u-nu-arab", "ne-NP", "mr-IN", "th-TH-u-nu-thai"}) {
      Locale.setDefault(Locale.forLanguageTag(tag));
      assertThat(run(disasm)).as(tag).isEqualTo(object);
      assertThat(run(classic)).as(tag).isEqualTo(expression);
    }
  }
}
