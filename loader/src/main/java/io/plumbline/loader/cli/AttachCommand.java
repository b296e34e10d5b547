package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.HookOrder;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.LinkType;
import io.plumbline.loader.process.Capability;
import io.plumbline.loader.process.LeastPrivilege;
import io.plumbline.loader.process.Stop;
import io.plumbline.loader.process.Terminal;
import io.plumbline.loader.process.User;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Reference;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Explanation;
import io.plumbline.model.policy.Policy;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb attach}. */
@Command(
    name = "attach",
    description = {
      "Attach a filter to an interface.",
      "Without --pin it is taken off again when this command ends."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "1:not confirmed in time, or engines disagree (--verify), or the filter was removed",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb attach -i eth0 block_port 443",
      "  plumb attach -i eth0 --pin --allow arp --allow dns/10.0.0.53 --allow tcp/10.0.0.1:443",
      "  plumb attach -i eth0 --pin --replace --policy policy.yaml --confirm 60",
      "  plumb attach -i eth0 --observe --policy policy.yaml     # drops nothing, counts what it"
          + " would drop",
      "  plumb attach -i eth0 --at ingress --object filter.bpf.o"
    })
public final class AttachCommand implements Callable<Integer> {
  private static final long WATCH_MILLIS = 1000;
  private static final long CONFIRM_MILLIS = 100;
  private static final String NOT_KEPT =
      "no BPF file system: if this command is killed before it is confirmed, nothing undoes the"
          + " change";

  /** Whether somebody may type here; the launcher knows. */
  private static final boolean TERMINAL = Boolean.getBoolean("plumb.tty.in");

  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "PROGRAM",
      description = "filter program, as 'plumb programs' lists it")
  private @Nullable String program;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "INPUT",
      description = "input of the program")
  private @Nullable String input;

  @Option(names = "--chain", paramLabel = "NAME[:INPUT],...", description = "a chain of programs")
  private @Nullable String chain;

  @Mixin private PolicyOptions policyOptions = new PolicyOptions();

  @Option(
      names = "--object",
      paramLabel = "FILE",
      description = "a tc or XDP program of your own, in an object file")
  private @Nullable Path object;

  @Option(
      names = "--object-program",
      paramLabel = "NAME",
      defaultValue = "",
      description = "which program of the object, if it has several")
  private String objectProgram = "";

  @Option(names = "--pin", description = "leave it attached when this command ends")
  private boolean pin;

  @Option(
      names = "--replace",
      description =
          "put it in the place of what plumb attached there before: every packet is judged by the"
              + " old or the new one")
  private boolean replace;

  @Option(
      names = "--observe",
      description =
          "drop nothing, only count and report; what an object redirects or keeps is not undone")
  private boolean observe;

  @Option(
      names = "--confirm",
      paramLabel = "SECONDS",
      description =
          "undo it unless 'plumb confirm' is run, or Enter is pressed here, within this time")
  private @Nullable Integer confirm;

  private int confirmSeconds; // 0 without --confirm

  @Option(
      names = "--verify",
      description = "first run it on all engines, and attach it only if they agree")
  private boolean verify;

  @Option(
      names = "--backend",
      paramLabel = "tcx|clsact|xdp|xdp-skb",
      description = "where it is attached (default: the best that the kernel has)")
  private @Nullable String backend;

  @Option(
      names = "--order",
      paramLabel = "ORDER",
      defaultValue = "first",
      description =
          "among the programs of its backend there: first, last, before:PROGRAM_ID,"
              + " after:PROGRAM_ID; XDP programs run before TCX programs, these before clsact"
              + " filters")
  private String order = "first";

  @Option(names = "--explain", description = "print what the filter does")
  private boolean explain;

  @Option(names = "--dry-run", description = "load it, but do not attach it")
  private boolean dryRun;

  @Option(
      names = "--verifier-log",
      description = "print the kernel's whole log if it refuses the program")
  private boolean wholeLog;

  @Override
  public Integer call() throws CommandException {
    Optional<String> held = LeastPrivilege.held();
    if (held.isPresent()) {
      String[] lines = held.get().split("\n", 2);
      return holdAgain(Attachment.decode(lines[0]), lines[1]);
    }
    PrintWriter out = spec.commandLine().getOut();
    Optional<Subject> subject = subject();
    check();
    if (explain) {
      explain(out, subject);
    }
    if (observe && object != null) {
      err(
          "warning",
          "--observe: only verdicts are undone: packets that the program itself redirects, changes or"
              + " keeps are not");
    }
    if (place.ifname == null && !dryRun) {
      throw usage("--ifname: missing: expected the interface to attach to");
    }
    if (verify) {
      verify(subject);
    }
    try (Attacher attacher = place.open()) {
      Link link = place.ifname == null ? null : attacher.link(place.ifname);
      try (Loaded loaded = load(subject)) {
        if (link != null) {
          Attacher.requireFit(loaded.what(), backend(), link);
        }
        // Without this capability no program can be identified, and the kernel decides about the
        // rest.
        if (link != null && !dryRun && Capability.CAP_SYS_ADMIN.held()) {
          for (String line : attacher.undoOverdue(link, false)) {
            note(line);
          }
        }
        Direction direction = direction(subject, loaded);
        if (dryRun || link == null) {
          return dryRun(attacher, loaded, subject, link, direction, out);
        }
        Attacher.Request request =
            new Attacher.Request(
                loaded.what(), link, direction, backend(), order(), about(subject));
        try (Stop stop = new Stop(!pin || confirmSeconds > 0)) {
          return attach(attacher, request, stop);
        }
      }
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  /** Returns the hook's direction: that of the policy or of the object, if it has one. */
  private Direction direction(Optional<Subject> subject, Loaded loaded) throws CommandException {
    Optional<Policy> rules = subject.flatMap(Subject::rules);
    if (rules.isPresent()) {
      return rules.get().direction();
    }
    boolean xdp = backend().filter(b -> b.hook().equals(ProgramType.XDP.hook())).isPresent();
    Direction usual = xdp ? Direction.INGRESS : Direction.EGRESS;
    Optional<LoadedObject> foreign = loaded.object();
    Optional<Direction> own = foreign.flatMap(LoadedObject::direction);
    Direction direction = policyOptions.direction(own.orElse(usual));
    if (own.isPresent() && own.get() != direction) {
      throw usage(
          "--at: %s: program %s of %s, section %s: expected --at %s"
              .formatted(
                  direction.word(),
                  foreign.orElseThrow().programName(),
                  object,
                  foreign.orElseThrow().section(),
                  own.get().word()));
    }
    return direction;
  }

  /** Continues where this process was before it gave its privileges up. */
  private int holdAgain(Attachment attachment, String message) throws CommandException {
    // This thread is in the network namespace already.
    try (Stop stop = new Stop();
        Attacher attacher = new Attacher()) {
      if (attacher.isThere(attachment)) {
        say(message);
      }
      return watch(attacher, attachment, stop, "detached", () -> attacher.undo(attachment));
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  private CommandException failed(AttachException e) {
    if (wholeLog && !e.detail().isEmpty()) {
      spec.commandLine().getErr().print(e.detail());
      spec.commandLine().getErr().flush();
    }
    return Place.failed(e);
  }

  /** Refuses options that contradict each other. */
  private void check() throws CommandException {
    if (confirm != null) {
      Arguments.requireAtLeast(1, "--confirm", confirm);
      confirmSeconds = confirm;
    }
    if (object == null && !objectProgram.isEmpty()) {
      throw usage("--object-program: %s: expected --object beside it".formatted(objectProgram));
    }
    backend();
    order();
  }

  private static CommandException usage(String message) {
    return new CommandException(ExitStatus.USAGE, message);
  }

  private Optional<Backend> backend() throws CommandException {
    if (backend == null) {
      return Optional.empty();
    }
    for (Backend known : Backend.values()) {
      if (known.word().equals(backend.toLowerCase(Locale.ROOT))) {
        return Optional.of(known);
      }
    }
    throw usage("--backend: '%s': expected tcx, clsact, xdp or xdp-skb".formatted(backend));
  }

  /** Returns the hook of the back end that is asked for. */
  private Hook hook() throws CommandException {
    return backend().map(Backend::hook).orElse(Hook.usual());
  }

  private Order order() throws CommandException {
    try {
      return Order.parse(order);
    } catch (IllegalArgumentException e) {
      throw usage("--" + e.getMessage());
    }
  }

  /** Returns what is to be attached; empty if it is an object. */
  private Optional<Subject> subject() throws CommandException {
    int given =
        (program == null ? 0 : 1)
            + (chain == null ? 0 : 1)
            + (policyOptions.given() ? 1 : 0)
            + (object == null ? 0 : 1);
    if (given != 1) {
      throw usage(
          "attach: %s given: expected one of PROGRAM [INPUT], --chain, --allow and --forbid, --policy, --object"
              .formatted(Count.of(given, "filter")));
    }
    if (program != null) {
      return Optional.of(SubjectOptions.standalone(program, input));
    }
    if (chain != null) {
      return Optional.of(SubjectOptions.chain(chain));
    }
    return object != null
        ? Optional.empty()
        : Optional.of(
            new Subject.Intent(policyOptions.policy(spec.commandLine().getErr(), hook())));
  }

  private void explain(PrintWriter out, Optional<Subject> subject) {
    Optional<Policy> rules = subject.flatMap(Subject::rules);
    if (rules.isPresent()) {
      out.print(Explanation.of("plumb", rules.get(), Optional.ofNullable(place.ifname)));
    } else {
      out.println(subject.map(Subject::toString).orElse(String.valueOf(object)));
      List<Reference.Stage> stages = subject.map(s -> s.reference().stages()).orElse(List.of());
      if (stages.size() == 1 && !stages.get(0).chained()) {
        out.println("its decision list: plumb programs " + stages.get(0).program());
      }
    }
    out.flush();
  }

  private void verify(Optional<Subject> subject) throws CommandException {
    Optional<AttachVerifier> verifier = ServiceLoader.load(AttachVerifier.class).findFirst();
    if (verifier.isEmpty()) {
      throw new CommandException(
          ExitStatus.UNAVAILABLE,
          "--verify: not in this installation: expected the whole of Plumbline beside the loader");
    }
    if (subject.isEmpty()) {
      throw usage(
          "--verify: there is no model of %s: expected a program, chain or policy"
              .formatted(object));
    }
    if (!verifier
        .get()
        .agrees(subject.get(), ObjectSource.builtIn(), spec.commandLine().getErr())) {
      throw new CommandException(
          ExitStatus.DISAGREEMENT, "--verify: engines disagree on it: not attached");
    }
  }

  /** What is attached, and what has to be closed behind it. */
  private record Loaded(Attacher.What what, Optional<LoadedObject> object)
      implements AutoCloseable {
    @Override
    public void close() {
      object.ifPresent(LoadedObject::close);
    }
  }

  private Loaded load(Optional<Subject> subject) throws CommandException, AttachException {
    if (subject.isPresent()) {
      return new Loaded(
          new Attacher.What.OfSubject(subject.get(), ObjectSource.builtIn()), Optional.empty());
    }
    try {
      byte[] elf = Files.readAllBytes(java.util.Objects.requireNonNull(object));
      LoadedObject loaded = LoadedObject.foreign(object.toString(), elf, objectProgram);
      PrintWriter err = spec.commandLine().getErr();
      loaded.notices().forEach(notice -> err.println("plumb: " + notice));
      err.flush();
      return new Loaded(
          new Attacher.What.OfObject(loaded.programName(), loaded), Optional.of(loaded));
    } catch (IOException e) {
      throw usage("--object: %s: cannot be read".formatted(object));
    } catch (EngineException e) {
      throw Attacher.refused(e, AttachException.Kind.INPUT);
    }
  }

  private Description about(Optional<Subject> subject) {
    return new Description(
        "plumb",
        subject.map(Subject::toString).orElse("object " + object + " " + objectProgram).strip(),
        policyOptions.file().map(Path::toString).orElse(""),
        User.name(),
        ProcessHandle.current().pid(),
        Instant.now(),
        pin,
        observe,
        false,
        subject.map(CounterLines::of).orElse(List.of()));
  }

  private int dryRun(
      Attacher attacher,
      Loaded loaded,
      Optional<Subject> subject,
      @Nullable Link link,
      Direction direction,
      PrintWriter out)
      throws AttachException, CommandException {
    Optional<Backend> wanted = backend();
    String chosen =
        attacher.rehearse(
            loaded.what(), wanted, Optional.ofNullable(link), direction, about(subject));
    out.printf(
        "dry run: %s would be attached to %s %s: %s%n",
        subject.map(Subject::toString).orElse(String.valueOf(object)),
        link == null ? "an interface" : link.name(),
        direction.word(),
        chosen);
    out.flush();
    return ExitStatus.DONE;
  }

  private int attach(Attacher attacher, Attacher.Request request, Stop stop)
      throws AttachException, CommandException {
    try (Attacher.Placed placed = place(attacher, request)) {
      Attachment attachment = placed.attachment();
      warn(attacher, request.link(), placed);
      if (placed.replaced().isPresent()) {
        if (confirmSeconds > 0 && !placed.replaced().get().keep()) {
          note(NOT_KEPT);
        }
        say(told("replaced by", request, attachment));
        return hold(
            attacher, attachment, stop, "the filter before is back", placed.replaced().get()::undo);
      }
      String told = told("attached", request, attachment);
      if (!pin && confirmSeconds == 0) {
        LeastPrivilege.restart(attachment.encode() + "\n" + told);
      }
      say(told);
      if (confirmSeconds > 0 && !attacher.keepNothing(attachment)) {
        note(NOT_KEPT);
      }
      return hold(attacher, attachment, stop, "detached", () -> attacher.undo(attachment));
    }
  }

  private Attacher.Placed place(Attacher attacher, Attacher.Request request)
      throws AttachException {
    if (replace) {
      return attacher.attachOrReplace(
          request, onHook -> old(onHook, request), confirmSeconds > 0 || !pin);
    }
    Attacher.Done done = attacher.attach(request);
    List<Attachment> others =
        ours(attacher.attachments(request.link()), request).stream()
            .filter(other -> other.programId() != done.attachment().programId())
            .toList();
    for (Attachment other : others) {
      note(
          "%s: %s (program %d) is attached as well, and %s"
              .formatted(
                  other.place(),
                  other.about().map(Description::subject).orElse(""),
                  other.programId(),
                  others.size() == 1
                      ? "both decide: --replace would have replaced it"
                      : "all decide"));
    }
    return new Attacher.Placed(done.attachment(), done.note(), Optional.empty());
  }

  /** Prints what the user should know of the hook that the filter is on. */
  private void warn(Attacher attacher, Link link, Attacher.Placed placed) throws AttachException {
    Attachment attachment = placed.attachment();
    if (!placed.note().isEmpty()) {
      note(placed.note());
    }
    if (attachment.backend() == Backend.CLSACT && !LinkType.isLoopback(link)) {
      note(
          attachment.place()
              + ": moving the interface to another network namespace removes a clsact filter; a TCX"
              + " link stays");
    }
    for (HookOrder.Bypass bypass : attacher.bypasses(attachment)) {
      err(bypass.hidesPackets() ? "warning" : "note", bypass.text());
    }
  }

  private void note(String text) {
    err("note", text);
  }

  private void err(String kind, String text) {
    spec.commandLine().getErr().printf("plumb: %s: %s%n", kind, text);
    spec.commandLine().getErr().flush();
  }

  private String told(String what, Attacher.Request request, Attachment attachment) {
    return "%s: %s %s (program %d%s)"
        .formatted(
            attachment.place(),
            what,
            request.about().subject(),
            attachment.programId(),
            observe ? ", observing only" : "");
  }

  private void say(String line) {
    spec.commandLine().getOut().println(line);
    spec.commandLine().getOut().flush();
  }

  /** Returns the filter to replace; empty if plumb has attached none yet. */
  private static Optional<Attachment> old(List<Attachment> onHook, Attacher.Request request)
      throws AttachException {
    List<Attachment> ours = ours(onHook, request);
    if (ours.size() > 1) {
      throw new AttachException(
          AttachException.Kind.INPUT,
          "--replace: %d filters of plumb's on %s %s: expected one: plumb status lists them, plumb detach --id takes one off"
              .formatted(ours.size(), request.link().name(), request.direction().word()));
    }
    Optional<Backend> wanted = request.backend();
    if (ours.size() == 1 && wanted.isPresent() && wanted.get() != ours.get(0).backend()) {
      throw new AttachException(
          AttachException.Kind.INPUT,
          "--backend: %s: the filter to replace is attached by %s: expected %s, or detach it first"
              .formatted(
                  wanted.get().word(), ours.get(0).backend().word(), ours.get(0).backend().word()));
    }
    return ours.stream().findFirst();
  }

  private static List<Attachment> ours(List<Attachment> onHook, Attacher.Request request) {
    return onHook.stream()
        .filter(a -> a.direction() == request.direction())
        .filter(a -> a.backend().hook().equals(request.hook()))
        .filter(a -> a.about().map(about -> about.tool().equals("plumb")).orElse(false))
        .toList();
  }

  /** How an attachment or a replacement is undone. */
  private interface Undo {
    void run() throws AttachException;
  }

  private int hold(Attacher attacher, Attachment attachment, Stop stop, String undone, Undo undo)
      throws AttachException, CommandException {
    if (confirmSeconds > 0) {
      if (!confirmed(attachment, stop)) {
        undo.run();
        attacher.forget(attachment);
        throw new CommandException(
            ExitStatus.DISAGREEMENT,
            "%s: not confirmed within %s: %s"
                .formatted(attachment.place(), Count.of(confirmSeconds, "second"), undone));
      }
      attacher.forget(attachment);
    }
    if (pin) {
      return ExitStatus.DONE;
    }
    return watch(attacher, attachment, stop, undone, undo);
  }

  private int watch(Attacher attacher, Attachment attachment, Stop stop, String undone, Undo undo)
      throws AttachException, CommandException {
    while (!stop.await(WATCH_MILLIS)) {
      if (!attacher.isThere(attachment)) {
        throw new CommandException(
            ExitStatus.DISAGREEMENT,
            "%s: program %d is not there any more: removed, replaced, or the interface is gone"
                .formatted(attachment.place(), attachment.programId()));
      }
    }
    undo.run();
    say(attachment.place() + ": " + undone);
    return ExitStatus.DONE;
  }

  /** Waits for Enter on a terminal, or for {@code plumb confirm}. */
  private boolean confirmed(Attachment attachment, Stop stop) throws AttachException {
    long end = System.nanoTime() + confirmSeconds * 1_000_000_000L;
    try (GateState.Control control =
        GateState.Control.open(attachment)
            .orElseThrow(
                () ->
                    new AttachException(
                        AttachException.Kind.KERNEL,
                        attachment.place() + ": it cannot be confirmed"))) {
      control.expectConfirmation(end);
      // Only what is typed from now on is an answer.
      Terminal.discardInput();
      PrintWriter err = spec.commandLine().getErr();
      err.printf(
          "plumb: undone in %s unless confirmed: %splumb confirm -i %s%s%n",
          Count.of(confirmSeconds, "second"),
          TERMINAL ? "Enter here, or " : "",
          attachment.ifname(),
          place.netns == null ? "" : " --netns " + place.netns);
      err.flush();
      while (System.nanoTime() < end && !control.confirmed() && !stop.await(CONFIRM_MILLIS)) {
        if (TERMINAL && Terminal.lineTyped()) {
          control.confirm();
        }
      }
      return !control.refuse();
    }
  }
}
