package io.plumbline.conformance.cli;

import io.plumbline.conformance.replay.MissingHeaderException;
import io.plumbline.conformance.replay.Replay;
import io.plumbline.conformance.replay.Side;
import io.plumbline.conformance.replay.UnmatchedFlows;
import io.plumbline.conformance.verify.Corpus;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.ExecutionPath;
import io.plumbline.conformance.verify.TrialFolder;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.PolicyOptions;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Decider;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.Prefix;
import io.plumbline.pcaps.CaptureException;
import io.plumbline.pcaps.CaptureReader;
import io.plumbline.pcaps.CaptureWriter;
import io.plumbline.pcaps.LinkType;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb replay}: what would this program do to this traffic? */
@Command(
    name = "replay",
    description = "Run the frames of a capture through a program or chain, and say what decided.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:all engines agree",
      "1:a verdict differs, or the program faults",
      "2:usage or bad input, or frames that were not run",
      "3:an engine is unavailable or fails"
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb replay capture.pcap --program block_port --input 443",
      "  plumb replay capture.pcap --chain allow_ethertype:ipv4+arp,allow_port:443 --dropped dropped.pcap",
      "  plumb replay capture.pcap --allow dns/10.0.0.53 --allow tcp/10.0.0.0/8:443 --forbid tcp/10.0.0.1:443",
      "  plumb replay capture.pcap --policy policy.yaml --engine model,kernel-batch --json -"
    })
final class ReplayCommand implements Callable<Integer> {
  private static final int IDLE_SHOWN = 10;
  private static final int UNMATCHED_SHOWN = 10;
  private static final int UNMATCHED_IN_JSON = 1000;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "CAPTURE",
      description =
          "pcap or pcapng, also gzip or zstd (- for standard input), or a folder that verify --repro wrote; packets without an Ethernet header are judged as at an interface that has none")
  private Path capture;

  @Option(
      names = "--program",
      paramLabel = "P",
      description = "filter program, as 'plumb programs' lists it")
  private @Nullable String program;

  @Option(names = "--input", paramLabel = "X", description = "input of the program")
  private @Nullable String input;

  @Option(names = "--chain", paramLabel = "NAME[:INPUT],...", description = "a chain of programs")
  private @Nullable String chain;

  @Mixin private PolicyOptions policyOptions = new PolicyOptions();

  @Mixin private final HookOption hook = new HookOption();

  @Option(
      names = "--engine",
      paramLabel = "E",
      split = ",",
      defaultValue = "model",
      description = "engines to compare with the model (default: none)")
  private List<String> engineNames = List.of();

  @Option(names = "--explain", description = "one line for every frame")
  private boolean explain;

  @Option(
      names = "--dropped",
      paramLabel = "OUT.pcap",
      description = "write the dropped frames, in the capture's format")
  private @Nullable Path dropped;

  @Option(
      names = "--allowed",
      paramLabel = "OUT.pcap",
      description = "write the allowed frames, in the capture's format")
  private @Nullable Path allowed;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  private Optional<UnmatchedFlows> unmatchedFlows = Optional.empty();

  @Override
  public Integer call() throws CommandException, EngineException {
    if (TrialFolder.is(capture)) {
      return replayFolder();
    }
    Options.requireFolderOf("--json", json);
    requireOutputs();
    Subject subject = subject().at(hook.hook());
    List<Engine> engines = Options.engines(engineNames, ObjectSource.builtIn());
    long start = System.nanoTime();
    Replay replay =
        new Replay(
            subject,
            engines.stream().filter(engine -> !engine.name().equals(ModelEngine.NAME)).toList());
    String damage = "";
    String refused;
    String linkTypes;
    boolean nothing;
    try (replay;
        CaptureReader reader = CaptureReader.open(capture);
        CaptureWriter droppedOut = open(reader, "--dropped", dropped);
        CaptureWriter allowedOut = open(reader, "--allowed", allowed)) {
      for (Engine engine : engines) {
        Optional<String> reason = engine.unavailable();
        if (reason.isPresent()) {
          throw new CommandException(
              ExitStatus.UNAVAILABLE,
              "engine %s: unavailable: %s".formatted(engine.name(), reason.get()));
        }
      }
      PrintWriter out = spec.commandLine().getOut();
      Optional<UnmatchedFlows> unmatched = subject.rules().map(rules -> new UnmatchedFlows());
      unmatchedFlows = unmatched;
      int noRule = replay.lines().size() - 1;
      boolean each = explain || droppedOut != null || allowedOut != null;
      long[] number = new long[1];
      Replay.Listener listener =
          (side, batch, i, outcomes) -> {
            int line = outcomes.line(i);
            if (line == noRule && unmatched.isPresent()) {
              unmatched.get().add(batch, i, side.subject().hook().hidden());
            }
            if (!each) {
              return;
            }
            number[0]++;
            try {
              boolean decided = outcomes.isDecided(i);
              if (droppedOut != null
                  && decided
                  && outcomes.code(i) == side.subject().hook().drop()) {
                droppedOut.write(batch, i);
              }
              if (allowedOut != null
                  && decided
                  && outcomes.code(i) == side.subject().hook().accept()) {
                allowedOut.write(batch, i);
              }
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
            if (explain) {
              out.println(number[0] + " " + explained(side, unmatched, batch, i, outcomes));
            }
          };
      try {
        replay.run(reader, listener);
      } catch (CaptureException e) {
        damage = String.valueOf(e.getMessage());
      } catch (MissingHeaderException e) {
        throw new CommandException(
            ExitStatus.USAGE,
            "%s: link type %s: %s".formatted(capture, reader.linkTypes(), e.getMessage()));
      }
      refused = reader.refused();
      linkTypes = reader.linkTypes();
      nothing = replay.packets() == 0 && !(damage + refused).isEmpty();
      if (droppedOut != null && !nothing) {
        droppedOut.commit();
      }
      if (allowedOut != null && !nothing) {
        allowedOut.commit();
      }
    } catch (CaptureException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    } catch (UncheckedIOException e) {
      throw Options.cannotBeWritten(outputs(), Objects.requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw Options.cannotBeWritten(outputs(), e);
    }
    String reason = Corpus.reason(refused, damage);
    noteArp(replay, linkTypes);
    report(replay, linkTypes, reason, start);
    if (!reason.isEmpty()) {
      String run =
          damage.isEmpty() ? "the other frames were run" : "the frames before that were run";
      throw new CommandException(ExitStatus.USAGE, nothing ? reason : reason + ": " + run);
    }
    return replay.disagreements() == 0 ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  /** Says that a rule about ARP decides nothing where packets have no Ethernet header. */
  private void noteArp(Replay replay, String linkTypes) {
    Optional<String> missing = replay.missingHeader();
    if (missing.isPresent()) {
      PrintWriter err = spec.commandLine().getErr();
      err.printf(
          "plumb: note: %s: link type %s: %s: no packet without an Ethernet header matches: ARP is judged as an unsupported EtherType there%n",
          capture, linkTypes, missing.get());
      err.flush();
    }
  }

  /** Returns what decided a frame, for {@code --explain}. */
  private static String explained(
      Side side, Optional<UnmatchedFlows> unmatched, PacketBatch batch, int i, Outcomes outcomes) {
    List<ModelRunner.Line> lines = side.lines();
    if (!outcomes.isDecided(i)) {
      return new Outcome.Cut().toString();
    }
    String verdict = side.subject().hook().verdictName(outcomes.code(i));
    int line = outcomes.line(i);
    if (line == Outcomes.NO_LINE) {
      return verdict + " the chain is empty";
    }
    boolean noRule = line == lines.size() - 1 && unmatched.isPresent();
    return "%s %s: %s%s"
        .formatted(
            verdict,
            lines.get(line).name(),
            lines.get(line).clause().meaning(),
            noRule ? flow(batch, i) : evidence(lines.get(line), batch, i));
  }

  /** Runs the trial of a folder that verify wrote on the model and on its engine. */
  private int replayFolder() throws CommandException, EngineException {
    TrialFolder folder;
    try {
      folder = TrialFolder.read(capture);
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    ObjectSource objects = ObjectSource.builtIn();
    if (!folder.object().isEmpty()) {
      objects = objects.with(folder.objectProgram(), Path.of(folder.object()));
    }
    Engine engine = Options.engines(List.of(folder.engine()), objects).get(0);
    Optional<String> reason = engine.unavailable();
    if (reason.isPresent()) {
      throw new CommandException(
          ExitStatus.UNAVAILABLE,
          "engine %s: unavailable: %s".formatted(engine.name(), reason.get()));
    }
    Disagreement result;
    try (ModelRunner model = new ModelEngine().load(folder.subject());
        Runner runner = engine.load(folder.subject())) {
      if (runner.run(folder.packet()) instanceof Outcome.Unsupported unsupported) {
        throw new CommandException(
            ExitStatus.UNAVAILABLE,
            "engine %s: cannot run the frame: %s".formatted(engine.name(), unsupported.reason()));
      }
      result = Verification.once(folder.subject(), engine.name(), model, runner, folder.packet());
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(result.describe());
    out.print(ExecutionPath.describe(objects, folder.subject(), folder.packet()));
    out.flush();
    return result.expected().equals(result.actual()) ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private Subject subject() throws CommandException {
    int given =
        (program == null ? 0 : 1) + (chain == null ? 0 : 1) + (policyOptions.given() ? 1 : 0);
    if (given != 1) {
      throw new CommandException(
          ExitStatus.USAGE,
          "replay: expected one of --program, --chain and a policy (--policy, or --allow and --forbid)");
    }
    if (input != null && program == null) {
      throw new CommandException(ExitStatus.USAGE, "--input: expected --program beside it");
    }
    if (policyOptions.given()) {
      return new Subject.Intent(policyOptions.policy(spec.commandLine().getErr(), hook.hook()));
    }
    return chain != null
        ? SubjectOptions.chain(chain)
        : SubjectOptions.standalone(String.valueOf(program), input);
  }

  /** Returns what a frame that no rule matched wanted. */
  private static String flow(PacketBatch batch, int i) {
    PacketView view = new PacketView();
    view.show(batch, i);
    long[] key = new long[IntentFields.TABLE.levels()];
    IntentDecider.readKey(view, key);
    return "  [" + new Flow(IntentFields.TABLE, key) + "]";
  }

  /** Returns the fields that the deciding clause looks at, with their bytes. */
  private static String evidence(ModelRunner.Line line, PacketBatch batch, int i) {
    PacketView view = new PacketView();
    view.show(batch, i);
    List<String> fields = Decider.evidence(line.clause().guard(), view);
    return fields.isEmpty() ? "" : "  [" + String.join(" ", fields) + "]";
  }

  /** Refuses outputs that would mix with another one. */
  private void requireOutputs() throws CommandException {
    for (Path file : Arrays.asList(dropped, allowed)) {
      if (file != null && file.toString().equals("-")) {
        throw new CommandException(
            ExitStatus.USAGE, outputs() + ": expected a file: standard output has the report");
      }
    }
  }

  /** Returns the outputs as a message begins with them. */
  private String outputs() {
    List<String> given = new ArrayList<>();
    if (dropped != null) {
      given.add("--dropped: " + dropped);
    }
    if (allowed != null) {
      given.add("--allowed: " + allowed);
    }
    return String.join(", ", given);
  }

  private static @Nullable CaptureWriter open(
      CaptureReader reader, String option, @Nullable Path file) throws CommandException {
    try {
      return file == null ? null : reader.copyTo(file);
    } catch (IOException e) {
      throw Options.cannotBeWritten(option + ": " + file, e);
    }
  }

  private Map<String, Object> engines(Replay replay) {
    Map<String, Object> engines = new LinkedHashMap<>();
    engines.put(
        ModelEngine.NAME, Map.of("trials", replay.packets(), "unsupported", 0, "reason", Map.of()));
    int other = 0;
    for (String name : engineNames) {
      if (!name.equals(ModelEngine.NAME)) {
        Map<String, Long> reasons = replay.unsupported(other++);
        long unsupported = reasons.values().stream().mapToLong(Long::longValue).sum();
        engines.put(
            name,
            Map.of(
                "trials",
                replay.packets() - unsupported,
                "unsupported",
                unsupported,
                "reason",
                reasons));
      }
    }
    return engines;
  }

  /** Returns the one subject as the list of programs that the report of verify has too. */
  private static List<Object> programs(Replay replay) {
    Map<String, List<Integer>> lines = new LinkedHashMap<>();
    for (int i = 0; i < replay.lines().size(); i++) {
      lines.computeIfAbsent(replay.lines().get(i).program(), name -> new ArrayList<>()).add(i);
    }
    List<Object> programs = new ArrayList<>();
    lines.forEach(
        (name, indexes) -> {
          long reached = indexes.stream().filter(i -> replay.packets(i) > 0).count();
          Map<String, @Nullable Object> branches = new LinkedHashMap<>();
          branches.put("covered", null);
          branches.put("total", null);
          Map<String, Object> program = new LinkedHashMap<>();
          program.put("name", name);
          program.put("trials", replay.packets());
          program.put("disagreements", replay.disagreements());
          program.put("clauses", Map.of("covered", reached, "total", indexes.size()));
          program.put("branches", branches);
          programs.add(program);
        });
    return programs;
  }

  private static boolean isRule(ModelRunner.Line line) {
    return line.program().equals(Intent.NAME) && line.clause().guard() instanceof Guard.Named;
  }

  private static void printIdleRules(PrintWriter out, Replay replay) {
    int idle = 0;
    for (int i = 0; i < replay.lines().size(); i++) {
      ModelRunner.Line line = replay.lines().get(i);
      if (isRule(line) && replay.packets(i) == 0 && ++idle <= IDLE_SHOWN) {
        out.printf("%s decided nothing: %s%n", line.name(), line.clause().meaning());
      }
    }
    if (idle > IDLE_SHOWN) {
      out.printf("and %d more rules decided nothing%n", idle - IDLE_SHOWN);
    }
  }

  private static void printUnmatched(PrintWriter out, UnmatchedFlows flows) {
    if (flows.destinations() == 0) {
      return;
    }
    out.printf(
        "unmatched flows, by destination (%d%s):%n",
        flows.destinations(),
        flows.others() == 0
            ? ""
            : ", and %s to more".formatted(Count.of(flows.others(), "packet")));
    for (UnmatchedFlows.Entry entry : flows.ranked(UNMATCHED_SHOWN)) {
      out.printf("  %-43s %20d %15d%n", entry.to(), entry.packets(), entry.bytes());
    }
  }

  private void report(Replay replay, String linkTypes, String reason, long start)
      throws CommandException {
    Subject subject = replay.subject();
    PrintWriter out = spec.commandLine().getOut();
    List<Object> clauses = new ArrayList<>();
    for (int i = 0; i < replay.lines().size(); i++) {
      if (replay.packets(i) > 0 || isRule(replay.lines().get(i))) {
        Map<String, Object> clause = new LinkedHashMap<>();
        clause.put("clause", replay.lines().get(i).name());
        clause.put("meaning", replay.lines().get(i).clause().meaning());
        clause.put("verdict", replay.lines().get(i).verdict());
        clause.put("packets", replay.packets(i));
        clause.put("bytes", replay.bytes(i));
        clauses.add(clause);
      }
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("kernel", System.getProperty("os.version"));
      report.put("seed", 0);
      report.put("seconds", (System.nanoTime() - start) / 1e9);
      report.put("trials", replay.packets());
      report.put("subject", subject.toString());
      report.put("engines", engines(replay));
      report.put("programs", programs(replay));
      report.put(
          "files",
          List.of(
              new Corpus.FileReport(
                      capture.toString(),
                      linkTypes,
                      replay.packets(),
                      replay.packets() > 0 || reason.isEmpty(),
                      reason)
                  .toMap()));
      report.put("packets", replay.packets());
      report.put("bytes", replay.bytes());
      report.put("allowed", replay.allowed());
      report.put("dropped", replay.dropped());
      report.put("undecided", replay.cut());
      report.put("disagreements", replay.disagreements());
      report.put("faults", replay.faults());
      report.put("packetsPerSecond", replay.packetsPerSecond());
      report.put("clauses", clauses);
      if (unmatchedFlows.isPresent()) {
        report.put("unmatched", unmatchedFlows.get().ranked(UNMATCHED_IN_JSON));
      }
      if (subject.rules().isPresent()) {
        Map<String, Object> resolutions = new TreeMap<>();
        subject
            .rules()
            .get()
            .resolutions()
            .forEach(
                (name, prefixes) ->
                    resolutions.put(name, prefixes.stream().map(Prefix::address).toList()));
        report.put("resolved", resolutions);
      }
      Options.writeJson(json, report, out);
    }
    if (!"-".equals(json) && (replay.packets() > 0 || reason.isEmpty())) {
      boolean usual = linkTypes.equals(LinkType.describe(LinkType.ETHERNET));
      out.printf("%s: %s%s%n", capture, usual ? "" : "link type " + linkTypes + ": ", subject);
      out.println(
          Colour.HEAD.of(
              "%-45s %-11s %12s %15s".formatted("clause", "verdict", "packets", "bytes")));
      for (int i = 0; i < replay.lines().size(); i++) {
        if (replay.packets(i) > 0) {
          ModelRunner.Line line = replay.lines().get(i);
          out.printf(
              "%-45s %s %12d %15d%s%n",
              line.name(),
              Colour.ofYes(line.clause().action() != Action.DROP)
                  .of("%-11s".formatted(line.verdict())),
              replay.packets(i),
              replay.bytes(i),
              isRule(line) ? "  " + line.clause().meaning() : "");
        }
      }
      printIdleRules(out, replay);
      unmatchedFlows.ifPresent(flows -> printUnmatched(out, flows));
      if (replay.faults() > 0) {
        out.printf(
            "the program faulted %s: %s%n", Count.of(replay.faults(), "time"), replay.firstFault());
      }
      out.printf(
          "%s, %d allowed, %d dropped, %d undecided (capture cut), %s, %.0f packets/s%n",
          Count.of(replay.packets(), "packet"),
          replay.allowed(),
          replay.dropped(),
          replay.cut(),
          Colour.ofWrong(replay.disagreements())
              .of(Count.of(replay.disagreements(), "disagreement")),
          replay.packetsPerSecond());
    }
    out.flush();
  }
}
