package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.LibC;
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

/** Interfaces whose frames do not begin with an Ethernet header are refused. */
@Tag("kernel")
class LinkTypeTest {
  private static final int ETHER = 1;
  private static final int NONE = 0xFFFE;
  private static final int RAWIP = 519;
  private static final String EXPECTED =
      ": expected frames with an Ethernet header, types ETHER (1) and LOOPBACK (772)";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** A tun or tap device. */
  private static final class Tun implements AutoCloseable {
    private static final int TUN = 1;
    private static final int TAP = 2;
    private static final int NO_PI = 0x1000;
    private static final int TUNSETIFF = 0x400454CA;
    private static final int TUNSETLINK = 0x400454CD;
    private static final int O_RDWR = 2;

    private final int fd = LibC.open("/dev/net/tun", O_RDWR, 0);
    private final String name;

    Tun(String name, int mode) {
      this.name = name;
      // struct ifreq { char name[16]; short flags; ... }
      try (Memory request = new Memory(40)) {
        request.clear();
        request.setString(0, name);
        request.setShort(16, (short) (mode | NO_PI));
        assertThat(ioctl(TUNSETIFF, request)).isZero();
      }
    }

    void setType(int type) {
      assertThat(ioctl(TUNSETLINK, type)).isZero();
    }

    private int ioctl(int request, Object argument) {
      return Function.getFunction("c", "ioctl").invokeInt(new Object[] {fd, request, argument});
    }

    @Override
    public void close() {
      LibC.close(fd);
    }
  }

  private static String state() throws Exception {
    return sh("tc qdisc show; ls /sys/fs/bpf/plumbline /sys/fs/bpf/traffico 2>&1 || true");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "attach -i t0 block_port 443",
        "attach -i t0 --pin --replace block_port 443",
        "attach -i t0 --dry-run block_port 443",
        "attach -i t0 --backend clsact --at ingress --allow arp",
        "attach -i t0 --pin --chain allow_ethertype:ipv4,allow_port:22",
        "attach -i t0 --pin --object OBJECT",
        "attach -i the-tunnel-to-the-other-site block_port 443",
      })
  void aTunDeviceIsRefusedBeforeAnythingChanges(String command) throws Exception {
    String object = Path.of("../bpf/target/objects/nop.bpf.o").toAbsolutePath().toString();
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            sh(
                "ip link property add dev %s altname the-tunnel-to-the-other-site"
                    .formatted(tun.name));
            String before = state();
            assertThat(plumb(command.replace("OBJECT", object)))
                .isEqualTo(
                    new Program.Result(
                        2,
                        "",
                        "plumb: interface t0: link type NONE (65534) of a layer-3 tun device"
                            + EXPECTED
                            + System.lineSeparator()));
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
  void aTunDeviceThatCallsItselfEthernetIsRefused() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            tun.setType(ETHER);
            assertThat(plumb("attach -i t0 block_port 443").err())
                .isEqualTo(
                    "plumb: interface t0: link type ETHER (1) of a layer-3 tun device"
                        + EXPECTED
                        + System.lineSeparator());
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
            assertThat(tap.name).isEqualTo("t0");
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
                    List.of("-i", tun.name, "--chain", "allow_ethertype:ipv4,allow_port:22"),
                    stream,
                    stream);
            assertThat(status).isEqualTo(1);
            assertThat(err.toString(StandardCharsets.UTF_8).lines())
                .containsExactly(
                    "traffico: interface t0: link type NONE (%d) of a layer-3 tun device"
                            .formatted(NONE)
                        + EXPECTED);
            assertThat(state()).isEqualTo(before);
          }
          return true;
        });
  }
}
