package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.traffico.Traffico;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What an interface's packets begin with decides what can be attached: everything, what judges by
 * the IP header, or nothing. How packets are judged there is in {@link Layer3Test}.
 */
@Tag("kernel")
class LinkTypeTest {
  private static final int ETHER = 1;
  private static final int RAWIP = 519;
  private static final String EXPECTED =
      ": expected packets that begin with an Ethernet or an IP header";
  private static final String TUN =
      "interface t0: link type NONE (65534) of a layer-3 tun device: packets begin with the IP"
          + " header: ";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static String state() throws Exception {
    return sh("tc qdisc show; ls /sys/fs/bpf/plumbline /sys/fs/bpf/traffico 2>&1 || true");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "attach -i t0 allow_ethertype ipv4 | allow_ethertype: expected a filter",
        "attach -i t0 --pin --replace allow_ethertype ipv4 | allow_ethertype: expected a filter",
        "attach -i t0 --dry-run allow_ethertype ipv4 | allow_ethertype: expected a filter",
        "attach -i t0 --allow arp | permit arp (--allow): expected a filter",
        "attach -i t0 --pin --chain allow_ethertype:ipv4,allow_port:22 | allow_ethertype: expected",
        "attach -i t0 --backend xdp --at ingress block_port 443 | expected backend tcx or clsact",
        "attach -i t0 --backend xdp-skb --allow tcp/10.0.0.1:1 | expected backend tcx or clsact",
        "attach -i t0 --pin --object OBJECT | an object of your own: expected an Ethernet header",
        "attach -i the-tunnel-to-the-other-site allow_ethertype ipv4 | allow_ethertype: expected",
      })
  void whatHasNoMeaningWithoutAnEthernetHeaderIsRefusedBeforeAnythingChanges(
      String command, String reason) throws Exception {
    String object = Path.of("../bpf/target/objects/nop.bpf.o").toAbsolutePath().toString();
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            sh(
                "ip link property add dev %s altname the-tunnel-to-the-other-site"
                    .formatted(tun.name()));
            String before = state();
            Program.Result result = plumb(command.replace("OBJECT", object));
            assertThat(result.status()).isEqualTo(2);
            assertThat(result.out()).isEmpty();
            assertThat(result.err().lines())
                .singleElement()
                .asString()
                .startsWith("plumb: " + TUN + reason);
            assertThat(state()).isEqualTo(before);
          }
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({
    "256, SLIP",
    "280, CAN",
    "512, PPP",
    "519, RAWIP",
    "768, TUNNEL",
    "769, TUNNEL6",
    "776, SIT",
    "778, IPGRE",
    "32, INFINIBAND",
    "801, IEEE80211",
    "804, IEEE802154",
    "823, IP6GRE",
    "824, NETLINK",
    "826, VSOCKMON",
    "65535, VOID",
    "777, unknown",
    "2, unknown",
    "65534, NONE"
  })
  void everyOtherLinkTypeIsRefusedByName(int type, String name) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tap = new Tun("t0", Tun.TAP)) {
            tap.setType(type);
            assertThat(plumb("attach -i t0 --pin block_port 443").err())
                .isEqualTo(
                    "plumb: interface t0: link type %s (%d)%s%n".formatted(name, type, EXPECTED));
          }
          return true;
        });
  }

  @Test
  void aTunDeviceThatCallsItselfEthernetHasNoEthernetHeader() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            tun.setType(ETHER);
            assertThat(plumb("attach -i t0 allow_ethertype ipv4").err())
                .startsWith("plumb: interface t0: link type ETHER (1) of a layer-3 tun device: ");
            assertThat(plumb("attach -i t0 --pin block_port 443").status()).isZero();
          }
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"lo", "v0", "t0", "bridge0", "ifb0"})
  void interfacesWithAnEthernetHeaderAreTaken(String ifname) throws Exception {
    OwnNetwork.in(
        () -> {
          sh("ip link add bridge0 type bridge; ip link add ifb0 type ifb");
          try (Tun tap = new Tun("t0", Tun.TAP)) {
            assertThat(tap.name()).isEqualTo("t0");
            assertThat(plumb("attach --pin block_port 443 -i " + ifname).status()).isZero();
          }
          return true;
        });
  }

  @Test
  void aLinkTypeThatChangesAfterwardsIsReported() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tap = new Tun("t0", Tun.TAP)) {
            assertThat(plumb("attach -i t0 --pin block_port 443").status()).isZero();
            tap.setType(RAWIP);
            assertThat(plumb("status -i t0").out())
                .contains("interface t0: link type RAWIP (519)" + EXPECTED);
            assertThat(plumb("status -i t0 --json").out())
                .contains("\"packetsMayBypass\":\ttrue", "\"kind\":\t\"link-type\"");
            assertThat(plumb("attach -i t0 --pin --replace block_port 443").status()).isEqualTo(2);
          }
          return true;
        });
  }

  @Test
  void trafficoRefusesItBeforeItPinsAnything() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            String before = state();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
            int status =
                Traffico.run(
                    "traffico",
                    List.of("-i", tun.name(), "--chain", "allow_ethertype:ipv4,allow_port:22"),
                    stream,
                    stream);
            assertThat(status).isEqualTo(1);
            assertThat(err.toString(StandardCharsets.UTF_8).lines())
                .containsExactly(
                    "traffico: "
                        + TUN
                        + "allow_ethertype: expected a filter that asks for no Ethernet header");
            assertThat(state()).isEqualTo(before);
          }
          return true;
        });
  }
}
