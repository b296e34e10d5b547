package io.plumbline.conformance.cli;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.conformance.prove.Find;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.conformance.verify.HexDump;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.PolicyOptions;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code plumb find}: is there a frame like this that is judged like that? */
@Command(
    name = "find",
    description = {
      "Find a frame that an expression accepts and a filter judges in some way.",
      "It is run on every engine; or it is shown that there is none. Expressions are libpcap's. At",
      "their end may be: and verdict pass, and verdict drop, and clause NAME."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {"0:found", "1:there is none, or no answer in time", "3:an engine fails"},
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  plumb find --policy policy.yaml 'tcp and dst host 10.0.0.10 and verdict pass'",
      "  plumb find --program block_port --input 443 'udp and verdict drop'",
      "  plumb find --program allow_dns --input 10.0.0.53 'clause truncated_ports'"
    })
final class FindCommand implements Callable<Integer> {
  private static final int SECONDS = 60;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "EXPRESSION", description = "what the frame is like")
  private String expression = "";

  @Option(
      names = "--program",
      paramLabel = "P",
      description = "filter program, as 'plumb programs' lists it")
  private @Nullable String program;

  @Option(names = "--input", paramLabel = "X", description = "input of the program")
  private @Nullable String input;

  @Mixin private final PolicyOptions policy = new PolicyOptions();

  @Mixin private final HookOption hook = new HookOption();

  @Override
  public Integer call() throws CommandException, EngineException {
    Subject subject = subject().at(hook.hook());
    Optional<Packet> found;
    try {
      found = Find.of(subject, expression, SECONDS);
    } catch (SymbolicException e) {
      throw new CommandException(ExitStatus.DISAGREEMENT, "find: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    PrintWriter out = spec.commandLine().getOut();
    if (found.isEmpty()) {
      out.printf("%s: there is no such frame%n", subject);
      out.flush();
      return ExitStatus.DISAGREEMENT;
    }
    Packet packet = found.get();
    out.print(HexDump.of(packet));
    Execution ran =
        Execution.of(
            new Counterexample.Judged(subject, packet, packet.wireLength(), ""),
            Options.engines(Engines.names(), ObjectSource.builtIn()));
    out.printf("model says %s%n", ran.model());
    ran.engines().forEach((name, said) -> out.printf("%s says %s%n", name, said));
    out.flush();
    return ExitStatus.DONE;
  }

  private Subject subject() throws CommandException {
    if (policy.given() == (program != null)) {
      throw new CommandException(ExitStatus.USAGE, "find: expected either --program or a policy");
    }
    return policy.given()
        ? new Subject.Intent(policy.policy(spec.commandLine().getErr(), hook.hook()))
        : SubjectOptions.standalone(String.valueOf(program), input);
  }
}
