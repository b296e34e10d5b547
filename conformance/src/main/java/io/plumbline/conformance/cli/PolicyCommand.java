package io.plumbline.conformance.cli;

import io.plumbline.loader.policy.PolicyFile;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code plumb policy}: policies themselves, apart from traffic. */
@Command(
    name = "policy",
    description = "Explain, check, compare and suggest policies.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      PolicyExplainCommand.class,
      PolicyCheckCommand.class,
      PolicyDiffCommand.class,
      PolicySuggestCommand.class,
      PolicyCommand.Schema.class
    },
    footer = {
      "",
      "Examples:",
      "  plumb policy explain --allow dns/10.0.0.53 --allow tcp/10.0.0.0/8:443",
      "  plumb policy check policy.yaml",
      "  plumb policy diff old.yaml new.yaml",
      "  plumb policy suggest capture.pcap --local 192.0.2.0/24 > policy.yaml"
    })
final class PolicyCommand {
  private PolicyCommand() {}

  /** {@code plumb policy schema}. */
  @Command(
      name = "schema",
      description = "Print the JSON Schema of policy files.",
      mixinStandardHelpOptions = true)
  static final class Schema implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      out.print(PolicyFile.schema());
      out.flush();
      return CommandLine.ExitCode.OK;
    }
  }
}
