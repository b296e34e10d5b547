package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.DropEvents;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.process.Stop;
import io.plumbline.model.policy.Direction;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb events}. */
@Command(
    name = "events",
    description = "Show the packets that plumb's filters drop, as they are dropped.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:interrupted, or the limit of --count or --seconds is reached",
      "1:there is no filter, or no longer one",
      "2:usage or bad input, or the output cannot be written",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb events -i eth0",
      "  plumb events --format json --output /var/log/plumb-drops.json   # reopened when it is"
          + " moved away",
      "  plumb events -i eth0 --format pcap --output drops.pcap --count 1000",
      "",
      "Any number of readers may run at once; each gets every drop, up to its own rate."
    })
public final class EventsCommand implements Callable<Integer> {
  /** How drops are written. */
  enum Format {
    TEXT,
    JSON,
    CSV,
    PCAP
  }

  private static final long POLL_MILLIS = 20;

  /** How long it takes at most until a filter is followed that replaces another. */
  private static final long REFRESH_MILLIS = 500;

  /** How long one of the last events may take to be written once the command is to end. */
  private static final long LAST_MILLIS = 3000;

  private static final long YEAR_MILLIS = TimeUnit.DAYS.toMillis(365);

  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--at", paramLabel = "ingress|egress", description = "only this direction")
  private @Nullable Direction direction;

  @Option(
      names = "--format",
      paramLabel = "text|json|csv|pcap",
      defaultValue = "TEXT",
      description = "json: a line each; pcap: the first 128 bytes of each packet")
  private Format format = Format.TEXT;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "instead of standard output; a file is created for its owner only; text, json and csv are"
              + " appended to it, pcap needs a new file")
  private @Nullable Path output;

  @Option(names = "--count", paramLabel = "N", description = "end after N drops")
  private long count = Long.MAX_VALUE;

  @Option(names = "--seconds", paramLabel = "N", description = "end after N seconds")
  private long seconds = Long.MAX_VALUE;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "1000",
      description =
          "show at most N a second for each filter and CPU; the rest is counted (default: 1000)")
  private long rate = 1000;

  /** Where the command is with one attachment. */
  private static final class Source {
    private final Attachment attachment;
    private final DropEvents events;
    private final DropReason reason;
    private long shown;
    private long missedBefore;

    Source(Attachment attachment, DropEvents events) {
      this.attachment = attachment;
      this.events = events;
      reason = new DropReason(attachment);
    }

    /** Returns how many drops were not shown since the last time that this was asked. */
    long missed() {
      long missed = events.missed() - missedBefore;
      missedBefore += missed;
      return missed;
    }
  }

  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final Map<String, String> unavailable = new LinkedHashMap<>();
  private boolean following;
  private long seen;

  /** {@link #seen}, for the thread that ends a process whose output takes nothing. */
  private volatile long progress;

  @Override
  public Integer call() throws CommandException {
    Arguments.requireAtLeast(1, "--rate", rate);
    Arguments.requireAtLeast(1, "--count", count);
    Arguments.requireAtLeast(1, "--seconds", seconds);
    byte[] head =
        switch (format) {
          case PCAP -> DropText.pcapHeader();
          case CSV -> DropText.CSV_HEAD.getBytes(StandardCharsets.UTF_8);
          case TEXT, JSON -> new byte[0];
        };
    Thread limit = null;
    try (Stop stop = new Stop()) {
      limit = limit(stop);
      try (Attacher attacher = place.open();
          EventSink sink = new EventSink(output, format != Format.PCAP, head)) {
        refresh(attacher, sink);
        if (sources.isEmpty()) {
          Optional<String> why = unavailable.values().stream().findFirst();
          throw new CommandException(
              why.isPresent() ? ExitStatus.UNAVAILABLE : ExitStatus.DISAGREEMENT,
              why.orElse("events: no filter of plumb's is attached there"));
        }
        follow(attacher, sink, stop);
      }
      return ExitStatus.DONE;
    } catch (AttachException e) {
      throw Place.failed(e);
    } finally {
      if (limit != null) {
        limit.interrupt();
      }
      sources.values().forEach(source -> source.events.close());
    }
  }

  /** Ends a process that was asked to end, once its output takes nothing any more. */
  private Thread limit(Stop stop) {
    Thread limit =
        new Thread(
            () -> {
              try {
                if (stop.await(YEAR_MILLIS)) {
                  for (long before = -1; before != progress; ) {
                    before = progress;
                    Thread.sleep(LAST_MILLIS);
                  }
                  say("events: the output takes nothing: what was not written is lost");
                  Runtime.getRuntime().halt(ExitStatus.DISAGREEMENT);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "limit");
    limit.setDaemon(true);
    limit.start();
    return limit;
  }

  private void follow(Attacher attacher, EventSink sink, Stop stop)
      throws CommandException, AttachException {
    long start = System.nanoTime();
    long refreshed = start;
    boolean ending = false;
    boolean none = false;
    following = true;
    while (!ending) {
      ending = stop.await(POLL_MILLIS) || millisSince(start) / 1000 >= seconds;
      for (Source source : sources.values()) {
        show(source, sink, ending);
      }
      sink.flush();
      ending |= seen >= count || sink.isLeft();
      if (!ending && millisSince(refreshed) >= REFRESH_MILLIS) {
        refresh(attacher, sink);
        refreshed = System.nanoTime();
        // A filter that is being replaced may be seen when it is neither the old one nor the new.
        if (sources.isEmpty() && none) {
          throw new CommandException(
              ExitStatus.DISAGREEMENT, "events: no filter of plumb's is attached there any more");
        }
        none = sources.isEmpty();
      }
    }
    sources.values().forEach(this::sum);
  }

  private static long millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }

  /**
   * Shows what a filter has dropped up to now.
   *
   * @param last whether to wait for what is being written
   */
  private void show(Source source, EventSink sink, boolean last) throws CommandException {
    source.events.poll();
    long start = System.nanoTime();
    do {
      Optional<DropEvents.Event> event = seen < count ? source.events.next() : Optional.empty();
      while (event.isPresent()) {
        write(source, event.get(), sink);
        seen++;
        progress = seen;
        source.shown++;
        event = seen < count ? source.events.next() : Optional.empty();
      }
    } while (last
        && seen < count
        && !source.events.isDrained()
        && millisSince(start) < LAST_MILLIS);
  }

  private void write(Source source, DropEvents.Event event, EventSink sink)
      throws CommandException {
    Attachment attachment = source.attachment;
    switch (format) {
      case PCAP -> sink.write(DropText.pcapRecord(event));
      case TEXT -> sink.write(DropText.text(attachment, event, source.reason, source.missed()));
      case CSV -> sink.write(DropText.csv(attachment, event, source.reason, source.missed()));
      case JSON ->
          sink.write(
              JsonText.line(DropText.json(attachment, event, source.reason, source.missed()))
                  + "\n");
    }
  }

  /** Follows what is attached: begins with filters that are new, and ends with those removed. */
  private void refresh(Attacher attacher, EventSink sink) throws CommandException, AttachException {
    Map<String, Attachment> now = new LinkedHashMap<>();
    for (Attachment attachment : attachments(attacher)) {
      if (attachment.ours()) {
        now.put("%s %d".formatted(attachment.place(), attachment.programId()), attachment);
      }
    }
    Set<String> known = Set.copyOf(unavailable.keySet());
    for (Map.Entry<String, Attachment> entry : now.entrySet()) {
      if (!sources.containsKey(entry.getKey()) && !unavailable.containsKey(entry.getKey())) {
        open(entry.getKey(), entry.getValue());
      }
    }
    for (String key : List.copyOf(sources.keySet())) {
      Source source = sources.get(key);
      if (source != null && !now.containsKey(key)) {
        show(source, sink, true);
        sum(source);
        say(
            "events: %s: program %d is no longer attached"
                .formatted(source.attachment.place(), source.attachment.programId()));
        source.events.close();
        sources.remove(key);
      } else if (source != null) {
        source.events.follow();
      }
    }
    if (!sources.isEmpty()) {
      unavailable.forEach(
          (key, why) -> {
            if (!known.contains(key)) {
              say(why);
            }
          });
    }
  }

  /**
   * Returns what is attached; nothing once the interface that was named is gone, and what was known
   * if one of many disappears meanwhile.
   */
  private List<Attachment> attachments(Attacher attacher) throws CommandException {
    try {
      return place.attachments(attacher, direction);
    } catch (CommandException e) {
      if (!following || e.status() == ExitStatus.UNAVAILABLE) {
        throw e;
      }
      return place.ifname != null
          ? List.of()
          : sources.values().stream().map(source -> source.attachment).toList();
    }
  }

  private void open(String key, Attachment attachment) {
    try {
      Optional<DropEvents> events = DropEvents.open(attachment, rate);
      if (events.isPresent()) {
        sources.put(key, new Source(attachment, events.get()));
        say(
            "events: listening on %s (program %d)%s"
                .formatted(
                    attachment.place(),
                    attachment.programId(),
                    attachment.observing() ? ", which observes and drops nothing" : ""));
      }
    } catch (AttachException e) {
      unavailable.put(key, String.valueOf(e.getMessage()));
    }
  }

  private void sum(Source source) {
    long missed = source.events.missed();
    if (missed > 0) {
      say(
          "events: %s: %s shown, %d not shown"
              .formatted(source.attachment.place(), Count.of(source.shown, "drop"), missed));
    }
  }

  private void say(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("plumb: " + line);
    err.flush();
  }
}
