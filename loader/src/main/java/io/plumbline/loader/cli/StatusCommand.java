package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.HookOrder;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.model.policy.Direction;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
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

/** {@code plumb status}. */
@Command(
    name = "status",
    description = "Show what is attached to interfaces, by plumb and by others.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "1:the interface disappeared meanwhile",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    footer = {"", "Examples:", "  plumb status", "  plumb status -i eth0 --netns blue --json"})
public final class StatusCommand implements Callable<Integer> {
  /** What is shown in the place of a filter that plumb did not attach. */
  static final String FOREIGN = "not plumb's";

  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--at", paramLabel = "ingress|egress", description = "only this direction")
  private @Nullable Direction direction;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    try (Attacher attacher = place.open()) {
      List<Attachment> attachments = place.attachments(attacher, direction);
      if (json) {
        out.println(JsonText.pretty(report(attacher, attachments)));
      } else {
        print(out, attachments);
        printBypasses(out, attacher, attachments);
      }
      out.flush();
      return ExitStatus.DONE;
    } catch (AttachException e) {
      throw Place.failed(e);
    }
  }

  private static void print(PrintWriter out, List<Attachment> attachments) throws AttachException {
    Table table =
        new Table(
            "interface",
            "hook",
            "backend",
            "#",
            "program",
            "id",
            "tag",
            "passed",
            "dropped",
            "since",
            "by",
            "filter");
    for (Attachment a : attachments) {
      Optional<GateState.Counts> counts = a.ours() ? GateState.counts(a) : Optional.empty();
      Unconfirmed unconfirmed = Unconfirmed.of(a);
      table.row(
          a.ifname(),
          a.direction().word(),
          a.backend().word(),
          a.position(),
          a.name(),
          a.programId() == 0 ? "" : a.programId(),
          a.program().map(Bpf.ProgramInfo::tag).orElse(""),
          counts.map(StatusCommand::passed).orElse(""),
          counts.map(c -> c.dropped().packets() + (a.observing() ? " would_drop" : "")).orElse(""),
          a.about().map(about -> ago(about.since())).orElse(""),
          a.about().map(about -> about.by() + " (" + about.tool() + ")").orElse(""),
          a.about().map(about -> filter(about, unconfirmed.text())).orElse(FOREIGN));
    }
    out.print(table.isEmpty() ? "nothing is attached" + System.lineSeparator() : table);
  }

  /** Returns the packets passed, and those that a program treats otherwise, if there are any. */
  private static String passed(GateState.Counts counts) {
    long other = counts.other().packets();
    return counts.passed().packets() + (other == 0 ? "" : " (%d other)".formatted(other));
  }

  /** Prints, below the table, how packets get past our filters. */
  private static void printBypasses(
      PrintWriter out, Attacher attacher, List<Attachment> attachments) throws AttachException {
    for (Attachment a : attachments) {
      if (a.ours()) {
        for (HookOrder.Bypass bypass : attacher.bypasses(a)) {
          out.printf(
              "%s: %s (program %d): %s%n",
              bypass.hidesPackets() ? "warning" : "note", a.name(), a.programId(), bypass.text());
        }
      }
    }
  }

  /**
   * Whether an attachment waits for its confirmation.
   *
   * @param left seconds until it is undone; negative after that
   */
  private record Unconfirmed(boolean waits, long left) {
    static Unconfirmed of(Attachment attachment) throws AttachException {
      try (GateState.Control control =
          attachment.ours() ? GateState.Control.open(attachment).orElse(null) : null) {
        return control != null && control.unconfirmed()
            ? new Unconfirmed(true, control.left().toSeconds())
            : new Unconfirmed(false, 0);
      }
    }

    String text() {
      if (!waits) {
        return "";
      }
      return left >= 0
          ? "unconfirmed, undone in %d s".formatted(left)
          : "unconfirmed, to be undone %d s ago: plumb confirm --undo does it".formatted(-left);
    }
  }

  private static String filter(Description about, String unconfirmed) {
    List<String> notes = new ArrayList<>();
    if (!unconfirmed.isEmpty()) {
      notes.add(unconfirmed);
    }
    if (about.observing()) {
      notes.add("observing only");
    }
    if (!about.stays() && ProcessHandle.of(about.pid()).isEmpty()) {
      notes.add("its process is gone; remove it with plumb detach");
    }
    if (!about.source().isEmpty()) {
      notes.add(about.source());
    }
    return about.subject() + (notes.isEmpty() ? "" : " (" + String.join(", ", notes) + ")");
  }

  private static String ago(Instant since) {
    Duration age = Duration.between(since, Instant.now()).truncatedTo(ChronoUnit.SECONDS);
    if (age.toDays() > 0) {
      return age.toDays() + "d ago";
    }
    return age.toString().substring(2).toLowerCase(java.util.Locale.ROOT) + " ago";
  }

  private static Json report(Attacher attacher, List<Attachment> attachments)
      throws AttachException {
    List<Json> all = new ArrayList<>();
    for (Attachment a : attachments) {
      List<Map.Entry<String, Json>> entry = new ArrayList<>(StatsCommand.place(a).entries());
      entry.add(Map.entry("position", Json.of(a.position())));
      entry.add(Map.entry("tag", Json.of(a.program().map(Bpf.ProgramInfo::tag).orElse(""))));
      entry.add(Map.entry("linkId", Json.of(a.linkId())));
      entry.add(Map.entry("ours", Json.of(a.ours())));
      if (a.about().isPresent()) {
        Description about = a.about().get();
        entry.add(Map.entry("tool", Json.of(about.tool())));
        entry.add(Map.entry("filter", Json.of(about.subject())));
        entry.add(Map.entry("source", Json.of(about.source())));
        entry.add(Map.entry("by", Json.of(about.by())));
        entry.add(Map.entry("pid", Json.of(about.pid())));
        entry.add(Map.entry("since", Json.of(about.since().toString())));
        entry.add(Map.entry("pinned", Json.of(about.stays())));
        entry.add(Map.entry("observing", Json.of(about.observing())));
        Unconfirmed unconfirmed = Unconfirmed.of(a);
        entry.add(Map.entry("unconfirmed", Json.of(unconfirmed.waits())));
        if (unconfirmed.waits()) {
          entry.add(Map.entry("undoneInSeconds", Json.of(unconfirmed.left())));
        }
        List<HookOrder.Bypass> bypasses = attacher.bypasses(a);
        entry.add(
            Map.entry(
                "packetsMayBypass",
                Json.of(bypasses.stream().anyMatch(HookOrder.Bypass::hidesPackets))));
        entry.add(
            Map.entry(
                "bypasses",
                Json.of(
                    bypasses.stream()
                        .map(b -> Json.Obj.of("kind", b.kind().word(), "text", b.text()))
                        .toList())));
      }
      GateState.counts(a)
          .ifPresent(counts -> entry.addAll(StatsCommand.answers(a, counts).entries()));
      all.add(new Json.Obj(entry));
    }
    return Json.Obj.of("tool", "plumb", "version", "0.1.0", "attachments", all);
  }
}
