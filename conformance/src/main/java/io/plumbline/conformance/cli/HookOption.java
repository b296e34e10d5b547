package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.model.hook.Hook;
import java.util.List;
import picocli.CommandLine.Option;

/** The option for where one filter runs. */
final class HookOption {
  @Option(
      names = "--hook",
      paramLabel = "H",
      description = "where it runs: tc, tc-l3 (without an Ethernet header), xdp (default: tc)")
  private String name = Hook.usual().name();

  /** Returns the hook. */
  Hook hook() throws CommandException {
    return Options.hooks(List.of(name), List.of()).get(0);
  }
}
