package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.DropEvents;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.process.Stop;
import io.plumbline.model.policy.Direction;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
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
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb events -i eth0",
      "  plumb events --format json --output /var/log/plumb-drops.json   # reopened when it is moved away",
      "  plumb events -i eth0 --format pcap --output drops.pcap --count 1000"
    })
public final class EventsCommand implements Callable<Integer> {
  /** How drops are written. */
  enum Format {
    TEXT,
    JSON,
    CSV,
    PCAP
  }

  private static final long ASK_MILLIS = 3000;
  private static final long POLL_MILLIS = 20;

  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--at", paramLabel = "ingress|egress", description = "only this way")
  private @Nullable Direction direction;

  @Option(
      names = "--format",
      paramLabel = "text|json|csv|pcap",
      defaultValue = "TEXT",
      description = "json: a line each; pcap: the first 128 bytes of each packet")
  private Format format = Format.TEXT;

  @Option(names = "--output", paramLabel = "FILE", description = "instead of standard output")
  private @Nullable Path output;

  @Option(names = "--count", paramLabel = "N", description = "end after so many")
  private long count = Long.MAX_VALUE;

  @Option(names = "--seconds", paramLabel = "N", description = "end after so long")
  private long seconds = Long.MAX_VALUE;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "1000",
      description = "at most so many a second, filter and CPU; the rest is counted (default: 1000)")
  private long rate = 1000;

  /** One attachment that is listened to. */
  private record Source(
      Attachment attachment, GateState.Control control, DropEvents events, DropReason reason) {
    void close() {
      control.deafen();
      control.close();
      events.close();
    }
  }

  @Override
  public Integer call() throws CommandException {
    if (rate < 1 || count < 1 || seconds < 1) {
      throw new CommandException(
          ExitStatus.USAGE, "events: --rate, --count and --seconds: expected 1 or more");
    }
    List<Source> sources = new ArrayList<>();
    try (Stop stop = new Stop();
        Attacher attacher = place.open();
        Sink sink = new Sink(output, format, spec.commandLine().getOut())) {
      for (Attachment attachment : place.attachments(attacher, direction)) {
        Optional<DropEvents> events =
            attachment.ours() ? DropEvents.open(attachment) : Optional.empty();
        if (events.isPresent()) {
          sources.add(
              new Source(
                  attachment,
                  GateState.Control.open(attachment).orElseThrow(),
                  events.get(),
                  new DropReason(attachment)));
        }
      }
      if (sources.isEmpty()) {
        throw new CommandException(
            ExitStatus.DISAGREEMENT, "events: no filter of plumb's is attached there");
      }
      follow(sources, sink, stop);
      return ExitStatus.DONE;
    } catch (AttachException e) {
      throw Place.failed(e);
    } catch (IOException e) {
      // Standard output is closed: whoever read it has had enough.
      if (output == null) {
        return ExitStatus.DONE;
      }
      throw new CommandException(ExitStatus.USAGE, "--output: " + output + ": cannot be written");
    } finally {
      sources.forEach(Source::close);
    }
  }

  private void follow(List<Source> sources, Sink sink, Stop stop) throws IOException {
    long start = System.nanoTime();
    long seen = 0;
    while (seen < count && (System.nanoTime() - start) / 1_000_000_000L < seconds) {
      for (Source source : sources) {
        source.control.listen(ASK_MILLIS, rate);
        Optional<DropEvents.Event> event = source.events.next();
        while (event.isPresent() && seen < count) {
          sink.write(source.attachment, event.get(), source.reason);
          seen++;
          event = source.events.next();
        }
      }
      sink.flush();
      if (stop.await(POLL_MILLIS)) {
        return;
      }
    }
  }

  /** Where events go. A file that is moved away, as logrotate does, is made anew. */
  private static final class Sink implements AutoCloseable {
    private final @Nullable Path path;
    private final Format format;
    private final PrintWriter out;
    private @Nullable OutputStream file;
    private @Nullable Object key;

    Sink(@Nullable Path path, Format format, PrintWriter out) throws IOException {
      this.path = path;
      this.format = format;
      this.out = out;
      reopen();
    }

    private void reopen() throws IOException {
      boolean fresh = true;
      if (path != null) {
        boolean log = format != Format.PCAP;
        fresh = !log || !Files.exists(path) || Files.size(path) == 0;
        file =
            new BufferedOutputStream(
                log
                    ? Files.newOutputStream(
                        path,
                        java.nio.file.StandardOpenOption.CREATE,
                        java.nio.file.StandardOpenOption.APPEND)
                    : Files.newOutputStream(path));
        key = key(path);
      } else if (format == Format.PCAP) {
        file = new BufferedOutputStream(new java.io.FileOutputStream(java.io.FileDescriptor.out));
      }
      if (fresh && format == Format.PCAP) {
        write(DropText.pcapHeader());
      } else if (fresh && format == Format.CSV) {
        write(DropText.CSV_HEAD.getBytes(StandardCharsets.UTF_8));
      }
    }

    private static @Nullable Object key(Path path) {
      try {
        return Files.getAttribute(path, "unix:ino");
      } catch (IOException e) {
        return null;
      }
    }

    void write(Attachment attachment, DropEvents.Event event, DropReason reason)
        throws IOException {
      write(
          switch (format) {
            case PCAP -> DropText.pcapRecord(event);
            case TEXT -> DropText.text(attachment, event, reason).getBytes(StandardCharsets.UTF_8);
            case CSV -> DropText.csv(attachment, event, reason).getBytes(StandardCharsets.UTF_8);
            case JSON ->
                (JsonText.line(DropText.json(attachment, event, reason)) + "\n")
                    .getBytes(StandardCharsets.UTF_8);
          });
    }

    private void write(byte[] bytes) throws IOException {
      OutputStream to = file;
      if (to != null) {
        to.write(bytes);
      } else {
        out.print(new String(bytes, StandardCharsets.UTF_8));
      }
    }

    void flush() throws IOException {
      OutputStream to = file;
      if (to != null) {
        to.flush();
        Path moved = path;
        if (moved != null && format != Format.PCAP && !java.util.Objects.equals(key(moved), key)) {
          to.close();
          reopen();
        }
      } else if (out.checkError()) {
        throw new IOException("closed");
      }
    }

    @Override
    public void close() throws IOException {
      OutputStream to = file;
      if (to != null) {
        to.close();
      }
    }
  }
}
