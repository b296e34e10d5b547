package io.plumbline.conformance.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Writes the JSON report of {@code plumb verify} as one page that needs nothing else: no script, no
 * font, no picture from anywhere. Every number stands in an element whose {@code data-json} says
 * where in the JSON report it is.
 */
public final class HtmlReport {
  private static final int CHART_WIDTH = 640;
  private static final int CHART_HEIGHT = 80;

  private static final String STYLE =
      """
      body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1f24}
      h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem}
      table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.2rem .7rem;border-bottom:1px solid #d8dee4;text-align:left}
      td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
      .ok{background:#dafbe1}.bad{background:#ffcecb}.part{background:#fff3c4}.none{color:#8c959f}
      pre{background:#f6f8fa;padding:.7rem;overflow-x:auto;font-size:13px}
      summary{cursor:pointer}code{font-size:13px}
      .big{font-size:2rem;font-weight:600}.cards{display:flex;gap:2.5rem;flex-wrap:wrap;margin:1rem 0}
      """;

  private final JsonNode report;
  private final StringBuilder html = new StringBuilder();

  private HtmlReport(JsonNode report) {
    this.report = report;
  }

  /**
   * Returns the page.
   *
   * @param report the JSON report
   * @param trends the summaries of runs so far, this one last
   */
  public static String of(JsonNode report, List<JsonNode> trends) {
    HtmlReport page = new HtmlReport(report);
    page.write(trends);
    return page.html.toString();
  }

  private void write(List<JsonNode> trends) {
    boolean clean = report.path("disagreements").asLong() == 0;
    html.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        .append("<title>Plumbline: verification</title><style>")
        .append(STYLE)
        .append("</style></head><body>\n<h1>Verification</h1>\n<p>")
        .append(
            !clean
                ? "Engines and models disagree."
                : report.path("failures").isEmpty()
                    ? "Every engine did what the models say."
                    : "No engine disagrees, but not every engine ran every program.")
        .append("</p>\n<div class=\"cards\">");
    card("trials", "/trials");
    card("disagreements", "/disagreements");
    card("seconds", "/seconds");
    card("seed", "/seed");
    html.append("</div>\n<p>Kernel ")
        .append(text(report.path("kernel").asText()))
        .append(", plumb ");
    html.append(text(report.path("version").asText())).append(".</p>\n");
    disagreements();
    matrix();
    coverage();
    proofs();
    slowest();
    chart(trends);
    html.append("</body></html>\n");
  }

  private void card(String label, String pointer) {
    html.append("<div><div class=\"big\">");
    number(pointer);
    html.append("</div>").append(label).append("</div>");
  }

  /** Writes a number of the report, and where it is. */
  private void number(String pointer) {
    JsonNode value = report.at(pointer);
    String shown =
        value.isIntegralNumber()
            ? String.format(Locale.ROOT, "%,d", value.asLong())
            : String.format(Locale.ROOT, "%.2f", value.asDouble());
    html.append(
        "<span data-json=\"%s\" data-value=\"%s\">%s</span>".formatted(pointer, value, shown));
  }

  private void disagreements() {
    JsonNode list = report.path("found");
    if (list.isEmpty()) {
      return;
    }
    html.append("<h2>Disagreements</h2>\n");
    for (JsonNode one : list) {
      html.append("<h3>")
          .append(text(one.path("subject").asText()))
          .append(" on ")
          .append(text(one.path("engine").asText()))
          .append("</h3><pre class=\"bad\">")
          .append(text(one.path("story").asText()))
          .append("</pre><p>Again: <code>")
          .append(text(one.path("replay").asText()))
          .append("</code></p>\n");
    }
  }

  private void matrix() {
    Set<String> engines = new LinkedHashSet<>();
    report
        .path("programs")
        .forEach(p -> p.path("engines").fieldNames().forEachRemaining(engines::add));
    html.append(
        "<h2>Programs and engines</h2>\n<table><tr><th>program</th><th class=\"n\">frames</th>");
    engines.forEach(engine -> html.append("<th class=\"n\">").append(text(engine)).append("</th>"));
    html.append("</tr>\n");
    for (int i = 0; i < report.path("programs").size(); i++) {
      JsonNode program = report.path("programs").get(i);
      html.append("<tr><td>")
          .append(text(program.path("name").asText()))
          .append("</td><td class=\"n\">");
      number("/programs/%d/trials".formatted(i));
      html.append("</td>");
      for (String engine : engines) {
        JsonNode cell = program.path("engines").path(engine);
        if (cell.isMissingNode()) {
          html.append("<td class=\"n none\">not run</td>");
          continue;
        }
        long wrong = cell.path("disagreements").asLong();
        html.append("<td class=\"n ").append(wrong == 0 ? "ok" : "bad").append("\">");
        number("/programs/%d/engines/%s/trials".formatted(i, engine));
        if (wrong > 0) {
          html.append(", ");
          number("/programs/%d/engines/%s/disagreements".formatted(i, engine));
          html.append(" wrong");
        }
        if (cell.path("faults").asLong() > 0) {
          html.append(", ");
          number("/programs/%d/engines/%s/faults".formatted(i, engine));
          html.append(" of them faults");
        }
        html.append("</td>");
      }
      html.append("</tr>\n");
    }
    html.append("</table>\n");
    for (Map.Entry<String, JsonNode> engine : report.path("engines").properties()) {
      JsonNode reason = engine.getValue().path("reason");
      if (reason.isTextual()) {
        html.append("<p>Engine %s: %s</p>".formatted(text(engine.getKey()), text(reason.asText())));
      }
      for (Map.Entry<String, JsonNode> one : reason.properties()) {
        html.append("<p>Engine %s: ".formatted(text(engine.getKey())));
        html.append(String.format(Locale.ROOT, "%,d", one.getValue().asLong()));
        html.append(" frames not run: ").append(text(one.getKey())).append("</p>\n");
      }
    }
  }

  private void coverage() {
    html.append(
            "<h2>What was reached</h2>\n<table><tr><th>program</th><th class=\"n\">clauses</th>")
        .append("<th class=\"n\">branches of those that can be taken</th></tr>\n");
    for (int i = 0; i < report.path("programs").size(); i++) {
      JsonNode program = report.path("programs").get(i);
      html.append("<tr><td>").append(text(program.path("name").asText())).append("</td>");
      share(program.path("clauses"), "/programs/%d/clauses".formatted(i), "total");
      share(program.path("branches"), "/programs/%d/branches".formatted(i), "reachable");
      html.append("</tr>\n");
    }
    html.append("</table>\n");
    for (JsonNode program : report.path("programs")) {
      details(program);
    }
  }

  private void share(JsonNode part, String pointer, String whole) {
    long covered = part.path("covered").asLong();
    long total = part.path(whole).asLong();
    html.append("<td class=\"n ").append(covered >= total ? "ok" : "part").append("\">");
    number(pointer + "/covered");
    html.append(" of ");
    number(pointer + "/" + whole);
    html.append("</td>");
  }

  private void details(JsonNode program) {
    if (program.path("clauseHits").isEmpty() && program.path("lines").isEmpty()) {
      return;
    }
    html.append("<details><summary>")
        .append(text(program.path("name").asText()))
        .append("</summary>\n");
    html.append("<table><tr><th>clause</th><th>when</th><th class=\"n\">decided</th></tr>");
    for (JsonNode clause : program.path("clauseHits")) {
      long hits = clause.path("hits").asLong();
      html.append("<tr class=\"").append(hits > 0 ? "ok" : "part").append("\"><td>");
      html.append(text(clause.path("name").asText())).append("</td><td><code>");
      html.append(text(clause.path("when").asText())).append("</code></td><td class=\"n\">");
      html.append(String.format(Locale.ROOT, "%,d", hits)).append("</td></tr>\n");
    }
    html.append("</table>\n<table><tr><th>source</th><th>branches taken</th></tr>");
    for (JsonNode line : program.path("lines")) {
      int taken = line.path("taken").asInt();
      int ways = line.path("ways").asInt();
      html.append("<tr class=\"").append(taken == ways ? "ok" : "part").append("\"><td><code>");
      html.append(text(line.path("line").asText())).append("</code></td><td class=\"n\">");
      html.append(taken).append(" of ").append(ways).append("</td></tr>\n");
    }
    html.append("</table></details>\n");
  }

  private void proofs() {
    if (report.path("proofs").isEmpty()) {
      return;
    }
    html.append(
        """
        <h2>Proofs</h2>
        <table><tr><th>what</th><th></th><th class="n">seconds</th><th>claim</th></tr>
        """);
    for (int i = 0; i < report.path("proofs").size(); i++) {
      JsonNode proof = report.path("proofs").get(i);
      boolean proved = proof.path("result").asText().equals("proved");
      html.append("<tr class=\"").append(proved ? "ok" : "bad").append("\"><td>");
      html.append(text(proof.path("name").asText())).append("</td><td>");
      html.append(text(proof.path("result").asText())).append("</td><td class=\"n\">");
      number("/proofs/%d/seconds".formatted(i));
      html.append("</td><td>").append(text(proof.path("claim").asText())).append("</td></tr>\n");
    }
    html.append("</table>\n<p>Assumed:</p><ul>");
    report
        .path("assumptions")
        .forEach(a -> html.append("<li>").append(text(a.asText())).append("</li>"));
    html.append("</ul>\n");
  }

  private void slowest() {
    html.append("<h2>Slowest</h2>\n<table><tr><th>what</th><th class=\"n\">seconds</th></tr>\n");
    for (int i = 0; i < report.path("slowest").size(); i++) {
      html.append("<tr><td>").append(text(report.at("/slowest/%d/what".formatted(i)).asText()));
      html.append("</td><td class=\"n\">");
      number("/slowest/%d/seconds".formatted(i));
      html.append("</td></tr>\n");
    }
    html.append("</table>\n");
  }

  private void chart(List<JsonNode> trends) {
    html.append("<h2>Runs so far</h2>\n<p>")
        .append(trends.size())
        .append(" run(s); trials of each:</p>\n");
    long most = 1;
    for (JsonNode run : trends) {
      most = Math.max(most, run.path("trials").asLong());
    }
    List<String> bars = new ArrayList<>();
    double step = Math.min(24, (double) CHART_WIDTH / Math.max(1, trends.size()));
    for (int i = 0; i < trends.size(); i++) {
      JsonNode run = trends.get(i);
      double height = CHART_HEIGHT * run.path("trials").asDouble() / most;
      boolean clean = run.path("disagreements").asLong() == 0;
      bars.add(
          String.format(
              Locale.ROOT,
              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"><title>%s: %d"
                  + " trials, %d disagreements</title></rect>",
              i * step,
              CHART_HEIGHT - height,
              Math.max(1, step - 2),
              height,
              clean ? "#4ac26b" : "#fa4549",
              text(run.path("time").asText()),
              run.path("trials").asLong(),
              run.path("disagreements").asLong()));
    }
    html.append(
        "<svg role=\"img\" width=\"%d\" height=\"%d\">".formatted(CHART_WIDTH, CHART_HEIGHT));
    html.append(String.join("", bars)).append("</svg>\n");
  }

  private static String text(String raw) {
    return raw.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
