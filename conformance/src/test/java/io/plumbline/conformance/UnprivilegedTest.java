package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.cli.LoaderCommands;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Without privilege a command says what it cannot read; it never says that nothing is there. */
@Tag("kernel")
class UnprivilegedTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static Program.Result with(String capabilities, String command) throws Exception {
    ProcessBuilder builder =
        Program.builder(LoaderCommands.class.getName(), command.split(" ", -1));
    builder
        .command()
        .addAll(0, List.of("setpriv", "--bounding-set=" + capabilities, "--inh-caps=-all"));
    return Program.finish(builder.start(), "");
  }

  @ParameterizedTest
  @CsvSource({
    "status, tcx",
    "status -i v0 --json, tcx",
    "stats, clsact",
    "stats -i v0 --json, tcx",
    "events -i v0 --count 1, tcx",
    "detach -i v0, clsact",
    "detach --all-interfaces, tcx",
    "confirm -i v0, tcx",
  })
  void withoutCapabilitiesItEndsWithTheReason(String command, String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("attach -i v0 --pin block_port 80 --backend " + backend);
          assertThat(with("-all", command))
              .isEqualTo(
                  new Program.Result(
                      3,
                      "",
                      "plumb: %s ingress tcx: programs cannot be listed: EPERM (Operation not permitted): this process lacks CAP_NET_ADMIN: expected root%n"
                          .formatted(command.contains("-i v0") ? "v0" : "lo")));
          assertThat(passes("v0", WEB)).isFalse();
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({
    "status, tcx",
    "stats, clsact",
    "events -i v0 --count 1, clsact",
    "detach -i v0, tcx",
    "attach -i v0 --pin --replace block_port 81, tcx",
    "attach -i v0 --pin --replace block_port 81, clsact",
  })
  void withoutTheRightToReadProgramsNothingIsGuessed(String command, String backend)
      throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("attach -i v0 --pin block_port 80 --backend " + backend);
          Program.Result result = with("-all,+net_admin,+bpf,+perfmon", command);
          assertThat(result.status()).as(result.toString()).isEqualTo(3);
          assertThat(result.out()).isEmpty();
          assertThat(result.err())
              .matches(
                  "plumb: v0 egress "
                      + backend
                      + ": program [0-9]+ cannot be read: EPERM \\(Operation not permitted\\):"
                      + " this process lacks CAP_SYS_ADMIN: expected root\\R");
          assertThat(plumb("status -i v0").out())
              .contains("block_port 80")
              .doesNotContain("block_port 81");
          return true;
        });
  }
}
