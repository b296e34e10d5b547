package io.plumbline.loader.traffico;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.attach.StagePin;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.process.SafeWriter;
import io.plumbline.loader.process.Stop;
import io.plumbline.loader.process.User;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.InputGrammar;
import java.io.PrintStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** From attaching to detaching, with a dot each second in between. */
final class Session {
  private static final long DOT_MILLIS = 1000;

  private final String tool;
  private final PrintStream out;
  private final boolean verbose;
  private final boolean cleanup;
  private @Nullable StagePin pin;

  Session(String tool, PrintStream out, boolean verbose, boolean cleanup) {
    this.tool = tool;
    this.out = out;
    this.verbose = verbose;
    this.cleanup = cleanup;
  }

  int run(Link link, Direction direction, Subject subject) throws AttachException {
    try (Stop stop = new Stop();
        Attacher attacher = new Attacher()) {
      Attachment attachment = attach(attacher, link, direction, subject);
      // An output that cannot be written says nothing about whether the filter is still wanted.
      do {
        out.print('.');
        out.flush();
      } while (!stop.await(DOT_MILLIS));
      out.print('\n');
      out.flush();
      if (cleanup) {
        detach(attacher, attachment, subject);
      }
      return 0;
    }
  }

  private Attachment attach(Attacher attacher, Link link, Direction direction, Subject subject)
      throws AttachException {
    Backend backend = Feature.CLSACT.switchedOff() ? Backend.TCX : Backend.CLSACT;
    Attacher.What what = new Attacher.What.OfSubject(subject, ObjectSource.builtIn());
    Attacher.requireFit(what, Optional.of(backend), link);
    announce(subject);
    boolean qdiscThere = false;
    Description about =
        new Description(
            "traffico",
            subject.toString(),
            "",
            User.name(),
            ProcessHandle.current().pid(),
            Instant.now(),
            !cleanup,
            false,
            false,
            CounterLines.of(subject));
    try {
      qdiscThere = attacher.attachments(link).stream().anyMatch(a -> a.filter().isPresent());
      Attacher.Done done =
          attacher.attach(
              new Attacher.Request(
                  what, link, direction, Optional.of(backend), Order.EARLIEST, about));
      if (backend == Backend.TCX) {
        say("warn: no clsact here: attached as a TCX link");
      }
      loaded(subject, link);
      if (qdiscThere) {
        say("done: hook already existing, using it");
      }
      attached(subject, done.attachment());
      return done.attachment();
    } catch (AttachException e) {
      throw e.in("fail: " + step(e, subject, qdiscThere));
    }
  }

  /** Returns the original's name of the step that did not succeed. */
  private static String step(AttachException e, Subject subject, boolean qdiscThere) {
    // The interface and its hook come last, and only they give a number; a missing privilege is
    // noticed when the program is loaded.
    if (e.errno() == 0 || e.kind() == AttachException.Kind.PRIVILEGE) {
      return name(
          subject, "loading the eBPF skeleton", "loading dispatcher", "loading intent skeleton");
    }
    return qdiscThere
        ? name(
            subject,
            "attaching the TC eBPF program",
            "attaching dispatcher",
            "attaching intent program")
        : "creating the qdisc";
  }

  private static String name(Subject subject, String single, String chain, String intent) {
    if (subject instanceof Subject.Chained) {
      return chain;
    }
    return subject instanceof Subject.Intent ? intent : single;
  }

  private void announce(Subject subject) {
    if (subject instanceof Subject.Standalone alone) {
      say("prog: " + alone.program().name());
      if (alone.program().grammar() != InputGrammar.NONE) {
        say("done: setting rodata input");
      }
    } else if (subject instanceof Subject.Chained chained) {
      say("chain: %d programs".formatted(chained.chain().stages().size()));
    }
  }

  private void loaded(Subject subject, Link link) {
    if (subject instanceof Subject.Chained chained) {
      List<Chain.Stage> stages = chained.chain().stages();
      pin(chained.chain(), link);
      for (int slot = 0; slot < stages.size(); slot++) {
        say("done: loaded %s at slot %d".formatted(stages.get(slot).program().name(), slot));
      }
    }
  }

  private void pin(Chain chain, Link link) {
    try {
      StagePin made = StagePin.create(chain, ObjectSource.builtIn(), link.name());
      pin = made;
      say("done: pinned prog_array to " + made.path());
    } catch (AttachException e) {
      say(
          "warn: pinning prog_array failed: %s (continuing without pinning)"
              .formatted(e.getMessage()));
    }
  }

  private void attached(Subject subject, Attachment attachment) {
    if (subject instanceof Subject.Chained chained) {
      say("done: attached dispatcher");
      say("done: chain of %d programs attached".formatted(chained.chain().stages().size()));
    } else if (subject instanceof Subject.Intent) {
      say("done: attached intent program");
    } else {
      say("done: attaching the TC eBPF program");
      attachment
          .filter()
          .ifPresent(
              filter -> {
                say("opts: handle: 0x%x".formatted(filter.handle()));
                say("opts: priority: %d".formatted(filter.priority()));
              });
      say("opts: program ID: %d".formatted(attachment.programId()));
    }
  }

  private void detach(Attacher attacher, Attachment attachment, Subject subject)
      throws AttachException {
    closePin();
    try {
      boolean qdiscGone = attacher.undo(attachment);
      if (subject instanceof Subject.Standalone) {
        say("done: detaching the TC eBPF program");
      } else {
        say(
            "done: detached %s"
                .formatted(subject instanceof Subject.Chained ? "dispatcher" : "intent program"));
      }
      if (qdiscGone) {
        say(
            subject instanceof Subject.Standalone
                ? "done: destroying the qdisc"
                : "done: destroyed qdisc");
      } else {
        say("done: leaving the qdisc: it was there before, or others use it");
      }
    } catch (AttachException e) {
      throw e.in(
          "fail: "
              + name(
                  subject,
                  "detaching the TC eBPF program",
                  "detaching dispatcher",
                  "detaching intent program"));
    }
  }

  private void closePin() {
    StagePin made = pin;
    if (made != null) {
      made.close();
      pin = null;
    }
  }

  private void say(String line) {
    if (verbose) {
      out.printf("%s: %s%n", tool, SafeWriter.safe(line));
    }
  }
}
