package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * CONTRIBUTING.md says how many places a new hook or engine takes: as many as what was added last
 * is named in.
 */
class PlacesTest {
  private static final Path ROOT = Path.of("..");
  private static final int MOST_OF_TC = 12;

  /** Returns the names of the classes that a pattern is found in, tests left out. */
  private static List<String> classesWith(String pattern) throws IOException {
    Pattern wanted = Pattern.compile(pattern);
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .filter(file -> file.toString().contains("/src/main/java/"))
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> wanted.matcher(text(file)).find())
          .map(file -> file.getFileName().toString().replace(".java", ""))
          .sorted()
          .toList();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Returns the number that a pattern's group is in CONTRIBUTING.md. */
  private static int said(String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text(ROOT.resolve("CONTRIBUTING.md")));
    assertThat(matcher.find()).as(pattern).isTrue();
    return Integer.parseInt(matcher.group(1));
  }

  @Test
  void theLatestHookIsNamedInAsManyClassesAsIsSaid() throws IOException {
    assertThat(classesWith("\\bTC_L3\\b|\\bSCHED_CLS_L3\\b|\\bLWT_XMIT\\b|\\bTunWire\\b"))
        .hasSize(said("`tc-l3`, the latest, is named in ([0-9]+) classes"))
        .contains("Hook", "ContextType", "Contexts", "ProgramType", "TunWire", "Wire");
  }

  @Test
  void theLatestEngineIsOneLineOfTheList() throws IOException {
    assertThat(classesWith("\\bLiveEngine\\b"))
        .containsExactly("Engines", "LiveEngine", "LiveRunner");
  }

  /** What is of tc alone is in the classes of that hook. */
  @Test
  void whatIsParticularToTcIsInFewClasses() throws IOException {
    assertThat(
            classesWith(
                "Hook\\.TC\\b|TC_ACT_|ContextType\\.SCHED_CLS\\b|PROG_TYPE_SCHED_CLS"
                    + "|\"__sk_buff\"|vlan_present"))
        .hasSizeLessThanOrEqualTo(MOST_OF_TC);
  }
}
