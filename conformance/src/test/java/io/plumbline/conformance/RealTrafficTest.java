package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Memory;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.TagPusher;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.Position;
import io.plumbline.model.ruleset.Effect;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Packets that only a network stack makes: real sockets in two network namespaces send them, and
 * what arrives is compared with what the filter is meant to pass. Model and engines see frames as
 * they are written down; here they look as Linux lets them look.
 */
@Tag("kernel")
class RealTrafficTest {
  private static final int BIG = 180_000;
  private static final int FRAGMENTED = 5000;
  private static final int STREAM_BYTES = 32 << 20;
  private static final int MOST_IN_LENGTH_FIELD = 0xFFFF;
  private static final int PATIENCE_MILLIS = 30_000;
  private static final int LOST_MILLIS = 400;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** The other end of the veth pair, in a network namespace that belongs to a thread. */
  private static final class Peer implements AutoCloseable {
    private final ExecutorService thread = Executors.newSingleThreadExecutor();

    /** Moves v1 there and gives both ends addresses of both families. */
    Peer(int mtu) throws Exception {
      Path task =
          run(
              () -> {
                NetworkNamespace.enterNew();
                return Path.of("/proc")
                    .resolve(Files.readSymbolicLink(Path.of("/proc/thread-self")));
              });
      sh("ip link set v1 netns " + task.resolve("ns/net"));
      configure("v0", 1, mtu);
      run(
          () -> {
            sh("ip link set lo up");
            configure("v1", 2, mtu);
            return 0;
          });
    }

    private static void configure(String ifname, int host, int mtu) throws Exception {
      sh(
          "echo 0 > /proc/sys/net/ipv6/conf/%1$s/disable_ipv6; ip link set %1$s mtu %3$d up; ip addr add 192.0.2.%2$d/24 dev %1$s; ip addr add 2001:db8::%2$d/64 dev %1$s nodad"
              .formatted(ifname, host, mtu));
    }

    <T> Future<T> start(Callable<T> work) {
      return thread.submit(work);
    }

    <T> T run(Callable<T> work) throws Exception {
      return start(work).get();
    }

    @Override
    public void close() {
      thread.shutdownNow();
    }
  }

  private static String address(int family, int host) {
    return family == 4 ? "192.0.2." + host : "2001:db8::" + host;
  }

  /** Enables BIG TCP on an interface; iproute2 6.1 can for IPv6 only. */
  private static void bigTcp(String ifname) throws Exception {
    int[] limits = {41, 58, 63, 64}; // IFLA_GSO_MAX_SIZE, GRO_, GSO_IPV4_, GRO_IPV4_
    int length = 16 + 16 + 8 * limits.length;
    int netlink = LibC.socket(16, 3, 0);
    try (Memory message = new Memory(length);
        Memory answer = new Memory(4096)) {
      message.clear();
      message.setInt(0, length);
      message.setShort(4, (short) 16); // RTM_NEWLINK
      message.setShort(6, (short) 5); // NLM_F_REQUEST | NLM_F_ACK
      message.setInt(16 + 4, OwnNetwork.index(ifname));
      for (int i = 0; i < limits.length; i++) {
        message.setShort(32 + 8L * i, (short) 8);
        message.setShort(34 + 8L * i, (short) limits[i]);
        message.setInt(36 + 8L * i, BIG);
      }
      LibC.send(netlink, message, length, 0);
      LibC.recv(netlink, answer, answer.size(), 0);
      assertThat(answer.getInt(16)).as("errno of RTM_NEWLINK").isZero();
    } finally {
      LibC.close(netlink);
    }
  }

  private static Attachment attach(Subject subject, String ifname, Direction direction)
      throws Exception {
    try (Attacher attacher = new Attacher()) {
      Description about =
          new Description(
              "plumb",
              subject.toString(),
              "",
              "test",
              ProcessHandle.current().pid(),
              Instant.now(),
              true,
              false,
              false,
              CounterLines.of(subject));
      return attacher
          .attach(
              new Attacher.Request(
                  new Attacher.What.OfSubject(subject, ObjectSource.builtIn()),
                  attacher.link(ifname),
                  direction,
                  Optional.empty(),
                  Order.FIRST,
                  about))
          .attachment();
    }
  }

  private static Subject policy(Direction direction, String... permits) throws Exception {
    PolicyBuilder builder = new PolicyBuilder("test", direction, Optional.empty());
    for (String permit : permits) {
      builder.rule(Effect.ACCEPT, permit, Position.option("--allow"));
    }
    return new Subject.Intent(builder.build());
  }

  /** Sends a stream to a port of the peer; returns the number of bytes that arrived. */
  private static long stream(Peer peer, int family, int port) throws Exception {
    try (ServerSocket server = peer.run(() -> listening(family, port))) {
      Future<Long> received =
          peer.start(
              () -> {
                try (Socket socket = server.accept()) {
                  socket.setSoTimeout(PATIENCE_MILLIS);
                  InputStream in = socket.getInputStream();
                  byte[] buffer = new byte[1 << 20];
                  long total = 0;
                  for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    total += n;
                  }
                  return total;
                }
              });
      try (Socket socket = new Socket()) {
        socket.setSendBufferSize(8 << 20);
        socket.connect(new InetSocketAddress(address(family, 2), port), LOST_MILLIS);
        OutputStream out = socket.getOutputStream();
        byte[] chunk = new byte[1 << 20];
        for (int sent = 0; sent < STREAM_BYTES; sent += chunk.length) {
          out.write(chunk);
        }
      }
      return received.get();
    }
  }

  private static ServerSocket listening(int family, int port) throws IOException {
    ServerSocket server = new ServerSocket();
    server.setReceiveBufferSize(8 << 20);
    server.setSoTimeout(PATIENCE_MILLIS);
    server.bind(new InetSocketAddress(InetAddress.getByName(address(family, 2)), port));
    return server;
  }

  /** Returns the average length of the packets that a filter passed. */
  private static long averageLength(Attachment filter) throws Exception {
    GateState.Totals passed = GateState.counts(filter).orElseThrow().passed();
    return passed.bytes() / passed.packets();
  }

  private static String mac(String ifname) throws Exception {
    return sh("ip -o link show " + ifname).replaceAll("(?s).*link/ether ([0-9a-f:]+).*", "$1");
  }

  /** Attaches a filter where a stream from v0 to v1 passes it. */
  private static Attachment attach(Peer peer, Subject subject, Direction direction)
      throws Exception {
    return direction == Direction.EGRESS
        ? attach(subject, "v0", direction)
        : peer.run(() -> attach(subject, "v1", direction));
  }

  @ParameterizedTest
  @CsvSource({"4, EGRESS", "4, INGRESS", "6, EGRESS", "6, INGRESS"})
  void permittedBigTcpArrivesAndOtherDoesNot(int family, Direction direction) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(9000)) {
            bigTcp("v0");
            peer.run(
                () -> {
                  bigTcp("v1");
                  return 0;
                });
            Attachment filter =
                attach(peer, policy(direction, "arp", "ndp", "tcp/any:443"), direction);
            assertThat(stream(peer, family, 443)).isEqualTo(STREAM_BYTES);
            // Otherwise it was none of BIG TCP.
            assertThat(averageLength(filter)).isGreaterThan(MOST_IN_LENGTH_FIELD);
            assertThatThrownBy(() -> stream(peer, family, 8443))
                .isInstanceOf(SocketTimeoutException.class);
          }
          return 0;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"block_port 8443", "allow_port 443"})
  void programsJudgeBigTcpToo(String program) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(9000)) {
            bigTcp("v0");
            String[] words = program.split(" ", 2);
            // allow_port drops ARP, as it drops whatever has no port.
            String here = mac("v0");
            sh("ip neigh replace 192.0.2.2 dev v0 lladdr " + peer.run(() -> mac("v1")));
            peer.run(() -> sh("ip neigh replace 192.0.2.1 dev v1 lladdr " + here));
            Attachment filter =
                attach(SubjectOptions.standalone(words[0], words[1]), "v0", Direction.EGRESS);
            assertThat(stream(peer, 4, 443)).isEqualTo(STREAM_BYTES);
            assertThat(averageLength(filter)).isGreaterThan(MOST_IN_LENGTH_FIELD);
            assertThatThrownBy(() -> stream(peer, 4, 8443))
                .isInstanceOf(SocketTimeoutException.class);
          }
          return 0;
        });
  }

  /** The sender's segmentation offload, and the receiver's own joining of segments. */
  @ParameterizedTest
  @CsvSource({"4, EGRESS, true", "6, EGRESS, true", "4, INGRESS, false", "6, INGRESS, false"})
  void joinedSegmentsArrive(int family, Direction direction, boolean sender) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(1500)) {
            if (!sender) {
              sh("ethtool -K v0 tso off gso off");
              peer.run(() -> sh("ethtool -K v1 gro on"));
            }
            Attachment filter =
                attach(peer, policy(direction, "arp", "ndp", "tcp/any:443"), direction);
            assertThat(stream(peer, family, 443)).isEqualTo(STREAM_BYTES);
            assertThat(averageLength(filter)).isGreaterThan(2 * 1514);
            assertThatThrownBy(() -> stream(peer, family, 8443))
                .isInstanceOf(SocketTimeoutException.class);
          }
          return 0;
        });
  }

  /** Returns whether a datagram to a port of the peer arrives whole. */
  private static boolean arrives(Peer peer, int family, int port, int bytes) throws Exception {
    try (DatagramSocket to =
            peer.run(() -> new DatagramSocket(new InetSocketAddress(address(family, 2), port)));
        DatagramSocket from = new DatagramSocket()) {
      to.setSoTimeout(LOST_MILLIS);
      try {
        from.send(
            new DatagramPacket(
                new byte[bytes], bytes, new InetSocketAddress(address(family, 2), port)));
      } catch (IOException dropped) {
        // ENOBUFS: the egress filter dropped a fragment.
        return false;
      }
      DatagramPacket packet = new DatagramPacket(new byte[0x10000], 0x10000);
      return peer.run(
          () -> {
            try {
              to.receive(packet);
              return packet.getLength() == bytes;
            } catch (SocketTimeoutException e) {
              return false;
            }
          });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void aPolicyDropsLaterFragmentsThatTheStackMakes(int family) throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(1500)) {
            // Fragments that wait for the neighbour's address may be dropped.
            arrives(peer, family, 53, 1);
            assertThat(arrives(peer, family, 53, FRAGMENTED)).isTrue();
            attach(policy(Direction.EGRESS, "arp", "ndp", "ip/any"), "v0", Direction.EGRESS);
            assertThat(arrives(peer, family, 53, 1000)).isTrue();
            assertThat(arrives(peer, family, 53, FRAGMENTED)).isFalse();
          }
          return 0;
        });
  }

  @Test
  void aBlockedPortIsBlockedByTheFirstFragment() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(1500)) {
            attach(SubjectOptions.standalone("block_port", "53"), "v0", Direction.EGRESS);
            assertThat(arrives(peer, 4, 53, FRAGMENTED)).isFalse();
            assertThat(arrives(peer, 4, 54, FRAGMENTED)).isTrue();
          }
          return 0;
        });
  }

  /** A tag that the sender's hardware would insert is metadata of the skb, not bytes. */
  @Test
  void anOffloadedVlanTagIsSeen() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Peer peer = new Peer(1500);
              TagPusher tags = TagPusher.onHook()) {
            int tagger =
                Bpf.linkCreate(
                    tags.programFd(),
                    OwnNetwork.index("v0"),
                    Bpf.ATTACH_TCX_EGRESS,
                    Bpf.F_BEFORE,
                    0);
            Attachment filter =
                attach(peer, policy(Direction.INGRESS, "arp", "ip/any"), Direction.INGRESS);
            assertThat(arrives(peer, 4, 53, 1000)).isTrue();
            final long dropped = GateState.counts(filter).orElseThrow().dropped().packets();
            tags.setTag(new VlanTag(0x8100, 7).word());
            assertThat(arrives(peer, 4, 53, 1000)).isFalse();
            assertThat(GateState.counts(filter).orElseThrow().dropped().packets())
                .isGreaterThan(dropped);
            LibC.close(tagger);
          }
          return 0;
        });
  }
}
