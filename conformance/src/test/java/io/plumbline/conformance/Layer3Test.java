package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.pcaps.PacketBuilder;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Real packets of a network stack on an interface without an Ethernet header. */
@Tag("kernel")
class Layer3Test {
  private static final int WAIT_MILLIS = 200;
  private static final int ETHERNET = 14;
  private static final int UDP = 17;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** A test that is given the device. */
  private interface OnTun {
    void test(Tun tun) throws Exception;
  }

  private static void onTun(OnTun test) throws Exception {
    Callable<Boolean> task =
        () -> {
          try (Tun tun = new Tun("t0", Tun.TUN)) {
            sh(
                "echo 0 > /proc/sys/net/ipv6/conf/t0/disable_ipv6; ip link set t0 up"
                    + " && ip addr add 10.9.0.1/24 dev t0"
                    + " && ip addr add fd00:9::1/64 dev t0 nodad");
            test.test(tun);
          }
          return true;
        };
    OwnNetwork.in(task);
  }

  /** Sends a datagram to each of some places; a filter may make that fail. */
  private static void send(String... places) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      for (String place : places) {
        int colon = place.lastIndexOf(':');
        InetAddress to = InetAddress.getByName(place.substring(0, colon));
        int port = Integer.parseInt(place.substring(colon + 1));
        try {
          socket.send(new DatagramPacket(new byte[8], 8, to, port));
        } catch (IOException e) {
          // Dropped.
        }
      }
    }
  }

  /** Returns where the datagrams were for that went out. */
  private static List<String> arrived(Tun tun) throws IOException {
    List<String> all = new ArrayList<>();
    for (Optional<byte[]> next = tun.read(); next.isPresent(); next = tun.read()) {
      byte[] p = next.get();
      boolean four = p[0] >> 4 == 4;
      int header = four ? 20 : 40;
      if ((four ? p[9] : p[6]) == UDP) {
        byte[] address = Arrays.copyOfRange(p, four ? 16 : 24, header);
        int port = (p[header + 2] & 0xFF) << 8 | p[header + 3] & 0xFF;
        all.add(
            (four ? InetAddress.getByAddress(address).getHostAddress() : "fd00:9::" + address[15])
                + ":"
                + port);
      }
    }
    return all;
  }

  @ParameterizedTest
  @CsvSource({
    "tcx, --allow udp/10.9.0.2:53 --allow udp/[fd00:9::2]:53, 10.9.0.2:53 fd00:9::2:53",
    "clsact, --allow udp/10.9.0.0/24:53 --forbid udp/10.9.0.3:53, 10.9.0.2:53",
    "tcx, block_port 53, 10.9.0.2:54 fd00:9::2:53 fd00:9::2:54",
    "clsact, block_ipv4 10.9.0.2, 10.9.0.3:53 fd00:9::2:53 fd00:9::2:54",
    "tcx, allow_dns 10.9.0.2, 10.9.0.2:53 10.9.0.2:54",
    "tcx, block_private_ipv4, fd00:9::2:53 fd00:9::2:54",
    "tcx, --observe block_ipv4 10.9.0.2, 10.9.0.2:53 10.9.0.2:54 10.9.0.3:53 fd00:9::2:53"
        + " fd00:9::2:54",
  })
  void whatLeavesIsWhatTheFilterPasses(String backend, String filter, String passes)
      throws Exception {
    onTun(
        tun -> {
          Program.Result attached = plumb("attach -i t0 --pin --backend " + backend + " " + filter);
          assertThat(attached.status()).as(attached.toString()).isZero();
          send("10.9.0.2:53", "10.9.0.2:54", "10.9.0.3:53", "fd00:9::2:53", "fd00:9::2:54");
          assertThat(arrived(tun)).containsExactly(passes.split(" ", -1));
          assertThat(plumb("detach -i t0").status()).isZero();
          send("10.9.0.2:53", "10.9.0.2:54", "10.9.0.3:53");
          assertThat(arrived(tun)).hasSize(3);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcx", "clsact"})
  void whatComesInIsWhatTheFilterPasses(String backend) throws Exception {
    onTun(
        tun -> {
          String policy = "attach -i t0 --pin --at ingress --allow udp/10.9.0.1:7000 --backend ";
          assertThat(plumb(policy + backend).status()).isZero();
          try (DatagramSocket permitted = new DatagramSocket(7000);
              DatagramSocket other = new DatagramSocket(7001)) {
            tun.write(datagram(7001));
            tun.write(datagram(7000));
            assertThat(received(permitted)).isTrue();
            assertThat(received(other)).isFalse();
            assertThat(plumb("detach -i t0").status()).isZero();
            tun.write(datagram(7001));
            assertThat(received(other)).isTrue();
          }
        });
  }

  private static byte[] datagram(int port) {
    // 10.9.0.9 to 10.9.0.1, without checksums: the header's is put in, UDP's may be 0.
    byte[] frame =
        PacketBuilder.eth()
            .ipv4("10.9.0.1")
            .source(0x0A090009)
            .udp(1234, port)
            .pad(ETHERNET + 28)
            .build()
            .bytes();
    byte[] packet = Arrays.copyOfRange(frame, ETHERNET, ETHERNET + 28);
    packet[2] = 0;
    packet[3] = 28;
    packet[24] = 0;
    packet[25] = 8;
    packet[26] = 0;
    packet[27] = 0;
    packet[10] = 0;
    packet[11] = 0;
    int sum = 0;
    for (int i = 0; i < 20; i += 2) {
      sum += (packet[i] & 0xFF) << 8 | packet[i + 1] & 0xFF;
    }
    sum = (sum & 0xFFFF) + (sum >> 16);
    packet[10] = (byte) (~sum >> 8);
    packet[11] = (byte) ~sum;
    return packet;
  }

  private static boolean received(DatagramSocket socket) throws IOException {
    socket.setSoTimeout(WAIT_MILLIS);
    try {
      socket.receive(new DatagramPacket(new byte[64], 64));
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  @Test
  void countsAreOfWhatThePacketsAre() throws Exception {
    onTun(
        tun -> {
          assertThat(plumb("attach -i t0 --pin --allow udp/10.9.0.2:53").status()).isZero();
          send("10.9.0.2:53", "10.9.0.3:53");
          // 20 bytes of IPv4, 8 of UDP, 8 of payload.
          assertThat(plumb("stats -i t0").out())
              .containsPattern("passed +1 +36")
              .containsPattern("permit_1 +1 +36")
              .contains("no_permit");
          assertThat(plumb("status -i t0 --json").out()).contains("\"packetsMayBypass\":\tfalse");
        });
  }

  @Test
  void theContainerPluginFiltersThereToo() throws Exception {
    onTun(
        tun -> {
          String config =
              """
              {"cniVersion":"1.1.0","name":"n","type":"traffico-cni","allow":["udp/10.9.0.2:53"],
               "prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"t0"}]}}
              """;
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
          int status =
              io.plumbline.loader.cni.TrafficoCni.run(
                  java.util.Map.of(
                      "CNI_COMMAND", "ADD",
                      "CNI_CONTAINERID", "c1",
                      "CNI_NETNS", "",
                      "CNI_IFNAME", "t0"),
                  new ByteArrayInputStream(config.getBytes(StandardCharsets.UTF_8)),
                  print,
                  print);
          assertThat(status).as(out.toString(StandardCharsets.UTF_8)).isZero();
          send("10.9.0.2:53", "10.9.0.2:54");
          assertThat(arrived(tun)).containsExactly("10.9.0.2:53");
        });
  }
}
