package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.conformance.cli.Plumb;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * The page of {@code verify --report}, in a real browser: nothing is fetched, numbers are right.
 */
class ReportTest {
  private static final Pattern NUMBER =
      Pattern.compile("data-json=\"([^\"]+)\" data-value=\"([^\"]+)\">([^<]*)<");

  private static int verify(String... args) {
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(new StringWriter()));
    line.setErr(new PrintWriter(new StringWriter()));
    return line.execute(args);
  }

  private static String[] arguments(Path folder) {
    return new String[] {
      "verify",
      "--program",
      "block_port",
      "--program",
      "allow_ethertype",
      "--engine",
      "model,emulator",
      "--fuzz",
      "50",
      "--report",
      folder.toString()
    };
  }

  @Test
  void aBrowserShowsTheNumbersOfTheJsonReport(@TempDir Path folder) throws Exception {
    assertThat(verify(arguments(folder))).isZero();
    assertThat(verify(arguments(folder))).isZero();
    assertThat(Files.readAllLines(folder.resolve("trends.jsonl"))).hasSize(2);
    String page = Files.readString(folder.resolve("index.html"));
    assertThat(page)
        .doesNotContain("src=", "href=", "url(", "@import", "<script", "http:", "https:");

    String shown = inBrowser(folder.resolve("index.html"));
    JsonNode json = new ObjectMapper().readTree(folder.resolve("report.json").toFile());
    Matcher number = NUMBER.matcher(shown);
    int numbers = 0;
    while (number.find()) {
      JsonNode value = json.at(number.group(1));
      assertThat(value.isNumber()).as(number.group(1)).isTrue();
      assertThat(number.group(2)).as(number.group(1)).isEqualTo(value.asText());
      double text = Double.parseDouble(number.group(3).replace(",", ""));
      assertThat(text).as(number.group(1)).isCloseTo(value.asDouble(), within());
      numbers++;
    }
    assertThat(numbers).isGreaterThan(20);
    assertThat(shown).contains("Every engine did what the models say", "2 run(s)");
    assertThat(json.path("trials").asLong()).isPositive();
    for (JsonNode program : json.path("programs")) {
      JsonNode branches = program.path("branches");
      assertThat(branches.path("covered"))
          .as(program.path("name").asText())
          .isEqualTo(branches.path("reachable"));
    }
  }

  private static org.assertj.core.data.Offset<Double> within() {
    return org.assertj.core.data.Offset.offset(0.005);
  }

  /** Returns the page as the browser has it, with no name on any network to be found. */
  private static String inBrowser(Path page) throws IOException, InterruptedException {
    boolean there =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "chromium")));
    if (System.getenv("CI") != null) {
      assertThat(there).as("CI has a browser: apt-get install chromium").isTrue();
    }
    assumeTrue(there, "no chromium on the PATH");
    Path profile = Files.createTempDirectory("chromium");
    Process process =
        new ProcessBuilder(
                List.of(
                    "chromium",
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--user-data-dir=" + profile,
                    "--host-resolver-rules=MAP * ~NOTFOUND",
                    "--dump-dom",
                    page.toUri().toString()))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String dom = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    try (Stream<Path> files = Files.walk(profile)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (UncheckedIOException e) {
      // The browser was still tidying up itself.
    }
    return dom;
  }
}
