package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.GateState.Counts;
import io.plumbline.loader.attach.GateState.Totals;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.process.Stop;
import io.plumbline.model.policy.Direction;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb stats}. */
@Command(
    name = "stats",
    description =
        "Show what plumb's filters have counted: by answer, and of policies by clause and rule.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "1:the interface disappeared meanwhile",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    footer = {
      "",
      "Examples:",
      "  plumb stats -i eth0 --watch 1",
      "  plumb stats --prometheus > /var/lib/node_exporter/plumb.prom"
    })
public final class StatsCommand implements Callable<Integer> {
  private static final String CLEAR = "\033[H\033[2J";

  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--at", paramLabel = "ingress|egress", description = "only this direction")
  private @Nullable Direction direction;

  @Option(names = "--all", description = "include clauses and rules that no packet has matched")
  private boolean all;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Option(names = "--prometheus", description = "print the text format of Prometheus")
  private boolean prometheus;

  @Option(
      names = "--watch",
      paramLabel = "SECONDS",
      description = "repeat at this interval, with rates, until interrupted")
  private @Nullable Integer watch;

  private int watchSeconds; // 0 without --watch

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    if (watch != null) {
      Arguments.requireAtLeast(1, "--watch", watch);
      watchSeconds = watch;
    }
    if (prometheus && (json || watchSeconds > 0)) {
      throw new CommandException(
          ExitStatus.USAGE,
          "--prometheus: expected no %s beside it".formatted(json ? "--json" : "--watch"));
    }
    try (Stop stop = new Stop();
        Attacher attacher = place.open()) {
      Map<Integer, Counts> before = new HashMap<>();
      do {
        Map<Attachment, Counts> now = read(attacher);
        if (json) {
          out.println(JsonText.line(report(now)));
        } else if (prometheus) {
          prometheus(out, now);
        } else {
          if (watchSeconds > 0 && Boolean.getBoolean("plumb.tty.out")) {
            out.print(CLEAR);
          }
          print(out, now, before);
        }
        if (out.checkError()) {
          return ExitStatus.DONE;
        }
        now.forEach((attachment, counts) -> before.put(attachment.programId(), counts));
      } while (watchSeconds > 0 && !stop.await(watchSeconds * 1000L));
      return ExitStatus.DONE;
    } catch (AttachException e) {
      throw Place.failed(e);
    }
  }

  private Map<Attachment, Counts> read(Attacher attacher) throws CommandException, AttachException {
    Map<Attachment, Counts> counts = new LinkedHashMap<>();
    for (Attachment attachment : place.attachments(attacher, direction)) {
      Optional<Counts> of = GateState.counts(attachment);
      if (of.isPresent()) {
        counts.put(attachment, of.get());
      }
    }
    return counts;
  }

  private void print(PrintWriter out, Map<Attachment, Counts> now, Map<Integer, Counts> before) {
    if (now.isEmpty()) {
      out.println("no filter of plumb's is attached");
    }
    for (Map.Entry<Attachment, Counts> entry : now.entrySet()) {
      Attachment a = entry.getKey();
      Counts counts = entry.getValue();
      Counts last = before.get(a.programId());
      out.printf(
          "%s: %s (program %d)%n",
          a.place(), a.about().map(about -> about.subject()).orElse(a.name()), a.programId());
      Table table = new Table("", "packets", "bytes", "packets/s", "bytes/s", "");
      row(table, "passed", counts.passed(), last == null ? null : last.passed(), "");
      row(
          table,
          a.observing() ? "would_drop" : "dropped",
          counts.dropped(),
          last == null ? null : last.dropped(),
          "");
      if (counts.other().packets() > 0) {
        row(table, "other", counts.other(), last == null ? null : last.other(), "");
      }
      List<String> lines = a.about().map(about -> about.lines()).orElse(List.of());
      for (int i = 0; i < counts.lines().size(); i++) {
        Totals totals = counts.lines().get(i);
        if (all || totals.packets() > 0) {
          row(
              table,
              CounterLines.name(lines.get(i)),
              totals,
              last == null ? null : last.lines().get(i),
              CounterLines.rule(lines.get(i)));
        }
      }
      out.print(table);
    }
    out.flush();
  }

  private void row(Table table, String name, Totals totals, @Nullable Totals last, String rule) {
    table.row(
        name,
        totals.packets(),
        totals.bytes(),
        last == null || watchSeconds == 0 ? "" : (totals.packets() - last.packets()) / watchSeconds,
        last == null || watchSeconds == 0 ? "" : (totals.bytes() - last.bytes()) / watchSeconds,
        rule);
  }

  /** Returns what says where an attachment is. */
  static Json.Obj place(Attachment a) {
    return Json.Obj.of(
        "ifname", a.ifname(),
        "ifindex", a.ifindex(),
        "direction", a.direction().word(),
        "backend", a.backend().word(),
        "program", a.name(),
        "id", a.programId());
  }

  /** Returns what an attachment has answered; in observe mode nothing was dropped. */
  static Json.Obj answers(Attachment a, Counts counts) {
    return Json.Obj.of(
        "passed", totals(counts.passed()),
        "dropped", totals(dropped(a, counts)),
        "other", totals(counts.other()),
        "would_drop", totals(wouldDrop(a, counts)));
  }

  private static Totals dropped(Attachment a, Counts counts) {
    return a.observing() ? new Totals(0, 0) : counts.dropped();
  }

  private static Totals wouldDrop(Attachment a, Counts counts) {
    return a.observing() ? counts.dropped() : new Totals(0, 0);
  }

  private static Json totals(Totals totals) {
    return Json.Obj.of("packets", totals.packets(), "bytes", totals.bytes());
  }

  private static Json report(Map<Attachment, Counts> now) {
    List<Json> all = new ArrayList<>();
    now.forEach(
        (a, counts) -> {
          List<Map.Entry<String, Json>> entry = new ArrayList<>(place(a).entries());
          entry.add(Map.entry("observing", Json.of(a.observing())));
          entry.addAll(answers(a, counts).entries());
          List<String> names = a.about().map(about -> about.lines()).orElse(List.of());
          List<Json> lines = new ArrayList<>();
          for (int i = 0; i < counts.lines().size(); i++) {
            lines.add(
                Json.Obj.of(
                    "clause", CounterLines.name(names.get(i)),
                    "rule", CounterLines.rule(names.get(i)),
                    "packets", counts.lines().get(i).packets(),
                    "bytes", counts.lines().get(i).bytes()));
          }
          entry.add(Map.entry("clauses", Json.of(lines)));
          all.add(new Json.Obj(entry));
        });
    return Json.Obj.of("tool", "plumb", "version", "0.1.0", "attachments", all);
  }

  private static void prometheus(PrintWriter out, Map<Attachment, Counts> now) {
    metric(out, "packets", now, Totals::packets);
    metric(out, "bytes", now, Totals::bytes);
    out.flush();
  }

  private static void metric(
      PrintWriter out,
      String unit,
      Map<Attachment, Counts> now,
      java.util.function.ToLongFunction<Totals> value) {
    out.printf("# HELP plumb_%s_total %s a filter has judged%n", unit, unit);
    out.printf("# TYPE plumb_%s_total counter%n", unit);
    now.forEach(
        (a, counts) -> {
          Map<String, Totals> answers = new LinkedHashMap<>();
          answers.put("passed", counts.passed());
          answers.put("dropped", dropped(a, counts));
          answers.put("would_drop", wouldDrop(a, counts));
          answers.put("other", counts.other());
          answers.forEach(
              (answer, totals) ->
                  out.printf(
                      "plumb_%s_total{%s,answer=\"%s\"} %d%n",
                      unit, labels(a), answer, value.applyAsLong(totals)));
        });
    out.printf("# HELP plumb_clause_%s_total %s a clause or rule has decided%n", unit, unit);
    out.printf("# TYPE plumb_clause_%s_total counter%n", unit);
    now.forEach(
        (a, counts) -> {
          List<String> names = a.about().map(about -> about.lines()).orElse(List.of());
          for (int i = 0; i < counts.lines().size(); i++) {
            out.printf(
                "plumb_clause_%s_total{%s,clause=\"%s\",rule=\"%s\"} %d%n",
                unit,
                labels(a),
                CounterLines.name(names.get(i)),
                escape(CounterLines.rule(names.get(i))),
                value.applyAsLong(counts.lines().get(i)));
          }
        });
  }

  private static String labels(Attachment a) {
    return "ifname=\"%s\",direction=\"%s\",backend=\"%s\",program=\"%s\",id=\"%d\",observing=\"%s\""
        .formatted(
            escape(a.ifname()),
            a.direction().word(),
            a.backend().word(),
            escape(a.name()),
            a.programId(),
            a.observing());
  }

  private static String escape(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
