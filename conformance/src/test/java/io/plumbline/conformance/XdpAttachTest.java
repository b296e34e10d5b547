package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.plumb;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.conformance.OwnNetwork.Sender;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs, chains and policies at XDP, in the driver and in the generic code. */
@Tag("kernel")
class XdpAttachTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final String TLS = "eth ipv4(10.0.0.1) tcp(1024,443)";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static String ok(String arguments) {
    Program.Result result = plumb(arguments);
    assertThat(result.status()).as(result.toString()).isZero();
    return result.out();
  }

  /** Sends three frames to port 80 and two to port 443, from the other end. */
  private static void send() throws Exception {
    for (int i = 0; i < 3; i++) {
      try (Sender sender = new Sender("v1", WEB)) {
        assertThat(sender.passes()).isTrue();
      }
    }
    for (int i = 0; i < 2; i++) {
      try (Sender sender = new Sender("v1", TLS)) {
        assertThat(sender.passes()).isTrue();
      }
    }
  }

  private static String row() {
    return ok("status -i v0").lines().skip(1).findFirst().orElse("").replaceAll(" +", " ");
  }

  @ParameterizedTest
  @CsvSource({
    "xdp, block_port 80",
    "xdp-skb, block_port 80",
    "xdp, '--chain allow_ethertype:ipv4+arp,allow_port:443'",
    "xdp-skb, --at ingress --allow arp --allow tcp/10.0.0.0/8:443",
  })
  void aFilterDecidesCountsAndIsReplaced(String backend, String filter) throws Exception {
    OwnNetwork.in(
        () -> {
          String attach = "attach -i v0 --pin --backend " + backend + " ";
          assertThat(ok(attach + filter)).startsWith("v0 ingress " + backend + ": attached ");
          send();
          assertThat(row()).startsWith("v0 ingress " + backend + " 1 ").contains(" 2 3 ");
          ok(attach + "--replace --observe block_port 443");
          send();
          assertThat(row()).contains("block_port 443", "observ");
          ok(attach + "--replace nop");
          send();
          assertThat(row()).contains(" 5 0 ");
          ok("detach -i v0");
          assertThat(OwnNetwork.sh("ip link show v0")).doesNotContain("xdp");
          return true;
        });
  }

  /** An interface has one XDP program; one of ours at tc is another filter. */
  @ParameterizedTest
  @CsvSource({"xdp", "xdp-skb"})
  void aFilterAtTcIsNotReplacedByOneAtXdp(String backend) throws Exception {
    OwnNetwork.in(
        () -> {
          ok("attach -i v0 --pin --at ingress block_port 443");
          ok("attach -i v0 --pin --replace --backend " + backend + " block_port 80");
          send();
          assertThat(ok("status -i v0").replaceAll(" +", " "))
              .contains("v0 ingress " + backend + " 1", "v0 ingress tcx 1", " 2 3 ", " 0 2 ");
          Program.Result second = plumb("attach -i v0 --pin --backend " + backend + " nop");
          assertThat(second.status()).isNotZero();
          assertThat(second.err()).doesNotContain("Exception");
          return true;
        });
  }
}
