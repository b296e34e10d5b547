package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.conformance.prove.Equivalence;
import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.prove.TemplateProof;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.conformance.verify.ExecutionPath;
import io.plumbline.conformance.verify.HexDump;
import io.plumbline.loader.cli.Arguments;
import io.plumbline.loader.cli.Colour;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.PolicyOptions;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb prove}: does the bytecode do what the model says, for every frame? */
@Command(
    name = "prove",
    description = {
      "Show with a solver that programs decide as their models.",
      "That is for all frames and inputs; a frame for which they do not is run on every engine."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {"0:proved", "1:refuted, or not proved", "3:an engine fails"},
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb prove --all",
      "  plumb prove block_port --object my/block_port.bpf.o",
      "  plumb prove --policy policy.yaml",
      "  plumb prove --jit",
      "  plumb prove --equivalent old.bpf.o new.bpf.o",
      "  plumb prove --chain allow_ethertype:ipv4+arp,allow_port:443",
      "",
      "Refuted means that an engine shows the counterexample; programs that cannot be executed",
      "symbolically are not proved."
    })
final class ProveCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PROGRAM",
      arity = "0..*",
      description = "programs to prove; also: gate, dispatcher, intent_rows, intent")
  private List<String> programs = List.of();

  @Option(names = "--all", description = "prove everything that ships")
  private boolean all;

  @Option(
      names = "--hook",
      paramLabel = "H",
      split = ",",
      description =
          "where they run: tc, tc-l3 (without an Ethernet header), xdp (default: tc; with --all: everywhere)")
  private List<String> hookNames = List.of();

  @Option(names = "--chain", paramLabel = "NAME[:INPUT],...", description = "a chain of programs")
  private @Nullable String chain;

  @Option(
      names = "--equivalent",
      paramLabel = "OBJ",
      arity = "2",
      description = "prove that two objects' programs decide alike")
  private List<Path> equivalent = List.of();

  @Option(
      names = "--implies",
      paramLabel = "OBJ",
      arity = "2",
      description = "prove that what the first one lets pass the second one lets pass too")
  private List<Path> implies = List.of();

  @Option(
      names = "--jit",
      description = "prove that the code the emulator compiles to computes what RFC 9669 says")
  private boolean jit;

  @Mixin private final PolicyOptions policy = new PolicyOptions();

  @Option(
      names = "--object",
      paramLabel = "FILE",
      description = "prove this object instead of the one program named")
  private @Nullable Path object;

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "60",
      description = "seconds for one question to the solver (default: ${DEFAULT-VALUE})")
  private int timeout;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    Arguments.requireAtLeast(1, "--timeout", timeout);
    Options.requireFolderOf("--json", json);
    if (jit) {
      return proveTemplates();
    }
    if (!equivalent.isEmpty() || !implies.isEmpty()) {
      return equivalent.isEmpty()
          ? compare(implies, Equivalence.Claim.IMPLIES)
          : compare(equivalent, Equivalence.Claim.EQUIVALENT);
    }
    ObjectSource objects = objects();
    List<Prover.Task> tasks = tasks(new Prover(objects, timeout));
    PrintWriter out =
        "-".equals(json)
            ? new PrintWriter(java.io.Writer.nullWriter())
            : spec.commandLine().getOut();
    Set<String> assumptions = new LinkedHashSet<>();
    List<Object> list = new ArrayList<>();
    List<Proof> proved = new ArrayList<>();
    long start = System.nanoTime();
    Prover.prove(
        tasks,
        result -> {
          Optional<Execution> ran = Optional.empty();
          if (result.counterexample().isPresent()) {
            ran =
                Optional.of(Execution.of(result.counterexample().get(), Engines.names(), objects));
          }
          Proof proof = ran.isEmpty() || ran.get().shown() ? result : result.unconfirmed();
          if (proof.proved()) {
            proved.add(proof);
          }
          assumptions.addAll(proof.assumptions());
          list.add(print(out, proof, ran, objects));
        });
    double seconds = (System.nanoTime() - start) / 1e9;
    boolean complete = proved.size() == tasks.size();
    out.printf(
        "%s, %.1f s%n",
        Colour.ofYes(complete).of(proved.size() + " of " + tasks.size() + " proved"), seconds);
    out.println("assumed:");
    assumptions.forEach(assumption -> out.println("  " + assumption));
    out.flush();
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("seconds", seconds);
      report.put("proved", proved.size());
      report.put("total", tasks.size());
      report.put("proofs", list);
      report.put("assumptions", List.copyOf(assumptions));
      Options.writeJson(json, report, spec.commandLine().getOut());
    }
    return complete ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private int compare(List<Path> files, Equivalence.Claim claim) throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    ObjectFile first = ObjectFile.read(files.get(0));
    ObjectFile second = ObjectFile.read(files.get(1));
    Equivalence.Result result;
    try {
      result =
          Equivalence.of(
              first.object(), first.program(), second.object(), second.program(), claim, timeout);
    } catch (SymbolicException e) {
      throw new CommandException(ExitStatus.DISAGREEMENT, "not proved: " + e.getMessage());
    }
    String words =
        (claim == Equivalence.Claim.EQUIVALENT
                ? "%s and %s decide alike"
                : "%s lets pass nothing that %s drops")
            .formatted(first.file(), second.file());
    if (result.difference().isPresent()) {
      Equivalence.Difference found = result.difference().get();
      out.printf("%s: that %s%n", Colour.BAD.of("REFUTED"), words);
      found
          .variables()
          .forEach(
              (name, bytes) ->
                  out.printf("  with %s = %s%n", name, java.util.HexFormat.of().formatHex(bytes)));
      out.printf("  %s %s%n", first.file(), found.first());
      out.printf("  %s %s%n", second.file(), found.second());
      out.print(HexDump.of(found.packet()));
    } else {
      out.printf("proved: %s, for all frames and inputs%n", words);
    }
    out.println("assumed:");
    result.assumptions().forEach(assumption -> out.println("  " + assumption));
    out.flush();
    return result.difference().isEmpty() ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private int proveTemplates() {
    PrintWriter out = spec.commandLine().getOut();
    List<TemplateProof.Result> results = TemplateProof.all(timeout);
    long proved = results.stream().filter(TemplateProof.Result::proved).count();
    results.forEach(
        result ->
            out.printf(
                "%s %-12s %s%n",
                Colour.ofYes(result.proved())
                    .of("%-10s".formatted(result.proved() ? "proved" : "NOT PROVED")),
                result.name(),
                result.reason()));
    out.printf("%d of %d proved, for all operands%n", proved, results.size());
    out.flush();
    return proved == results.size() ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  private ObjectSource objects() throws CommandException {
    if (object == null) {
      return ObjectSource.builtIn();
    }
    if (programs.size() + (policy.given() ? 1 : 0) != 1) {
      throw new CommandException(
          ExitStatus.USAGE, "--object: expected exactly one program or a policy beside it");
    }
    Options.requireFile("--object", object);
    String name = policy.given() ? Intent.NAME : programs.get(0);
    return ObjectFile.read(object).inPlaceOf(name, hooks().get(0));
  }

  /** Returns where programs are proved: an object where it is for. */
  private List<Hook> hooks() throws CommandException {
    return hookNames.isEmpty() && object != null
        ? List.of(ObjectFile.read(object).hook())
        : Options.hooks(hookNames, List.of(Hook.usual()));
  }

  private List<Prover.Task> tasks(Prover prover) throws CommandException {
    List<Prover.Task> tasks = new ArrayList<>();
    if (all) {
      for (Hook hook : Options.hooks(hookNames, Hook.all())) {
        tasks.addAll(prover.all(hook));
      }
    }
    for (String name : programs) {
      for (Hook hook : hooks()) {
        tasks.addAll(
            Prover.OTHERS.contains(name)
                ? prover.of(name, hook)
                : prover.of(SubjectOptions.program(name, Prover.OTHERS).at(hook)));
      }
    }
    if (chain != null) {
      for (Hook hook : hooks()) {
        tasks.add(prover.of(SubjectOptions.chain(chain).at(hook)));
      }
    }
    if (policy.given()) {
      for (Hook hook : hooks()) {
        Policy rules = policy.policy(spec.commandLine().getErr(), hook);
        tasks.add(prover.of(new Subject.Intent(rules, hook)));
      }
    }
    if (tasks.isEmpty()) {
      throw new CommandException(
          ExitStatus.USAGE, "nothing to prove: expected programs, --all, --chain or a policy");
    }
    return tasks;
  }

  private static Map<String, Object> print(
      PrintWriter out, Proof proof, Optional<Execution> ran, ObjectSource objects) {
    String word =
        proof.proved() ? "proved" : proof.counterexample().isPresent() ? "REFUTED" : "NOT PROVED";
    out.printf(
        "%s %-28s %6.2f s  %s%n",
        Colour.ofYes(proof.proved()).of("%-10s".formatted(word)),
        proof.name(),
        proof.seconds(),
        proof.claim());
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("name", proof.name());
    entry.put("claim", proof.claim());
    entry.put("result", word.toLowerCase(java.util.Locale.ROOT));
    entry.put("seconds", proof.seconds());
    entry.put("paths", proof.paths());
    entry.put("questions", proof.questions());
    if (!proof.unknown().isEmpty()) {
      out.println("  " + proof.unknown());
      entry.put("reason", proof.unknown());
    }
    if (proof.counterexample().isPresent()) {
      entry.put(
          "counterexample", show(out, proof.counterexample().get(), ran.orElseThrow(), objects));
    }
    out.flush();
    return entry;
  }

  private static Map<String, Object> show(
      PrintWriter out, Counterexample found, Execution ran, ObjectSource objects) {
    String about =
        found instanceof Counterexample.Judged judged
            ? judged.subject().toString()
            : GateModel.NAME + " " + ((Counterexample.Gated) found).state();
    out.printf("  %s: %s%n", about, found.what());
    out.printf("  model says %s%n", ran.model());
    ran.engines().forEach((name, said) -> out.printf("  %s says %s%n", name, said));
    out.print(HexDump.of(found.packet()));
    if (found instanceof Counterexample.Judged judged) {
      out.print(ExecutionPath.describe(objects, judged.subject(), found.packet()));
    }
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("subject", about);
    entry.put("packet", found.packet().toString());
    entry.put("what", found.what());
    entry.put("model", ran.model());
    entry.put("engines", ran.engines());
    entry.put("shown", true);
    return entry;
  }
}
