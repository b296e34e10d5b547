package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A filter among third-party programs: where it goes, and what the user learns of the others. */
@Tag("kernel")
class HookOrderTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";

  /** A third-party program that accepts every packet, which ends the hook. */
  private static final String ACCEPT =
      "bpf direct-action obj "
          + Path.of("../bpf/target/objects/nop.bpf.o").toAbsolutePath()
          + " sec tc";

  private static final String U32 = "protocol ip u32 match ip dst 192.0.2.1 flowid 1:1";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static void foreign(String direction, int preference, String filter) throws Exception {
    sh("tc qdisc show dev v0 | grep -q clsact || tc qdisc add dev v0 clsact");
    sh("tc filter add dev v0 %s pref %d %s".formatted(direction, preference, filter));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 10, 32767, 32768, 49152, 65535})
  void firstOnClsactIsBeforeWhateverPreferenceIsThere(int preference) throws Exception {
    OwnNetwork.in(
        () -> {
          foreign("egress", preference, ACCEPT);
          Program.Result result =
              plumb("attach -i v0 --pin --backend clsact --order first block_port 80");
          assertThat(result.status()).as(result.toString()).isZero();
          assertThat(passes("v0", WEB)).isFalse();
          assertThat(sh("tc filter show dev v0 egress"))
              .contains("pref " + (preference - 1) + " bpf");
          assertThat(result.err())
              .contains("note: v0 egress clsact: program nop (")
              .contains(") runs later and can change packets that this filter has passed")
              .doesNotContain("warning");
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({"first,1,last", "last,65535,first"})
  void whereNoPreferenceIsLeftNothingIsAttached(String order, int preference, String other)
      throws Exception {
    OwnNetwork.in(
        () -> {
          foreign("egress", preference, ACCEPT);
          String before = sh("tc filter show dev v0 egress");
          assertThat(
                  plumb("attach -i v0 --pin --backend clsact --order " + order + " block_port 80"))
              .isEqualTo(
                  new Program.Result(
                      2,
                      "",
                      "plumb: order %s: clsact preference %d, which runs %s, is taken on v0 egress: expected --order %s, or backend tcx%n"
                          .formatted(order, preference, order, other)));
          assertThat(sh("tc filter show dev v0 egress")).isEqualTo(before);
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10, 49152, 65534})
  void lastOnClsactIsAfterWhateverPreferenceIsThere(int preference) throws Exception {
    OwnNetwork.in(
        () -> {
          foreign("egress", preference, ACCEPT);
          Program.Result result =
              plumb("attach -i v0 --pin --backend clsact --order last block_port 80");
          assertThat(sh("tc filter show dev v0 egress"))
              .contains("pref " + (preference + 1) + " bpf");
          assertThat(result.err())
              .contains("warning: v0 egress clsact: program nop (")
              .contains(
                  ") runs earlier and can accept or redirect packets, which this filter then does not see");
          assertThat(passes("v0", WEB)).isTrue();
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({"egress,clsact", "ingress,clsact", "egress,tcx", "ingress,tcx"})
  void aProgramOnAnEarlierHookIsReported(String direction, String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          String object = ACCEPT.replaceAll(".* obj (.*) sec tc", "$1");
          plumb("attach -i v0 --pin --backend tcx --at " + direction + " --object " + object);
          Program.Result result =
              plumb(
                  "attach -i v0 --pin --order last --backend %s --at %s block_port 80"
                      .formatted(backend, direction));
          assertThat(result.err())
              .contains("warning: v0 " + direction + " tcx: program nop (")
              .contains("runs earlier and can accept or redirect packets");
          assertThat(plumb("status -i v0").out())
              .containsPattern(
                  "warning: block_port \\(program [0-9]+\\): v0 "
                      + direction
                      + " tcx: program nop \\(");
          assertThat(plumb("status -i v0 --json").out())
              .contains("\"packetsMayBypass\":\ttrue", "\"kind\":\t\"earlier\"");
          return true;
        });
  }

  @Test
  void filtersOfTheCatalogLetTheNextOneDecideSoTheyAreNotReported() throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("attach -i v0 --pin block_port 80");
          plumb("attach -i v0 --pin --backend clsact block_port 81");
          assertThat(plumb("attach -i v0 --pin --order last block_port 82").err())
              .doesNotContain("warning", "runs");
          assertThat(plumb("status -i v0").out()).doesNotContain("warning", "runs");
          assertThat(plumb("status -i v0 --json").out())
              .contains("\"packetsMayBypass\":\tfalse")
              .doesNotContain("\"packetsMayBypass\":\ttrue");
          return true;
        });
  }

  @Test
  void classifiersOtherThanBpfOtherChainsAndSharedBlocksAreSeen() throws Exception {
    OwnNetwork.in(
        () -> {
          foreign("egress", 10, U32);
          foreign("egress", 5, "chain 3 " + ACCEPT);
          Program.Result last =
              plumb("attach -i v0 --pin --backend clsact --order last block_port 80");
          assertThat(last.err().lines().filter(line -> line.contains("runs")))
              .containsExactly(
                  "plumb: warning: v0 egress clsact: filter u32 (preference 10) runs earlier and can accept or redirect packets, which this filter then does not see");
          sh("tc qdisc add dev v1 ingress_block 7 clsact");
          sh("tc filter add block 7 pref 9 " + ACCEPT);
          assertThat(plumb("status -i v1").out()).contains("nop");
          assertThat(plumb("attach -i v1 --at ingress --pin block_port 80").err())
              .contains("program nop (", "runs later");
          return true;
        });
  }

  @Test
  void anEarlierXdpProgramIsReportedAtIngressOnly() throws Exception {
    OwnNetwork.in(
        () -> {
          // r0 = XDP_PASS; exit
          byte[] pass = HexFormat.of().parseHex("b7000000020000009500000000000000");
          int program = BpfSyscall.progLoad(BpfSyscall.PROG_TYPE_XDP, pass).fd();
          int link =
              Bpf.linkCreate(
                  program, OwnNetwork.index("v0"), Bpf.ATTACH_XDP, Bpf.XDP_FLAGS_SKB_MODE, 0);
          assertThat(plumb("attach -i v0 --pin --at ingress block_port 80").err())
              .contains("warning: v0 ingress xdp", "runs earlier and can redirect packets");
          assertThat(plumb("attach -i v0 --pin --at egress block_port 80").err())
              .doesNotContain("warning");
          LibC.close(link);
          LibC.close(program);
          return true;
        });
  }

  @Test
  void ordersThatABackendDoesNotKnowAreRefused() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach -i v0 --backend clsact --order before:1 nop"))
              .isEqualTo(
                  new Program.Result(
                      2,
                      "",
                      "plumb: order: backend clsact knows first and last only: expected one of them, or backend tcx%n"
                          .formatted()));
          return true;
        });
  }
}
