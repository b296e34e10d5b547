package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.GateState;
import io.plumbline.loader.cli.LoaderCommands;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.policy.Direction;
import io.plumbline.pcaps.PacketText;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What docs/security.md says about the kernel. */
@Tag("kernel")
class SecurityModelTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final int SOL_PACKET = 263;
  private static final int PACKET_QDISC_BYPASS = 20;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private static boolean passesWithoutQdisc(String ifname) throws Exception {
    int fd = OwnNetwork.packetSocket(OwnNetwork.index(ifname), 0);
    Packet packet = PacketText.parse(WEB);
    byte[] bytes = packet.bytes();
    try (Memory frame = new Memory(bytes.length);
        Memory one = new Memory(4)) {
      one.setInt(0, 1);
      assertThat(LibC.setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, one, 4)).isZero();
      frame.write(0, bytes, 0, bytes.length);
      return LibC.send(fd, frame, bytes.length, 0) >= 0;
    } finally {
      LibC.close(fd);
    }
  }

  private static long dropped(String ifname, Direction direction) throws Exception {
    try (Attacher attacher = new Attacher()) {
      Attachment filter =
          attacher.attachments(attacher.link(ifname)).stream()
              .filter(a -> a.direction() == direction)
              .findFirst()
              .orElseThrow();
      return GateState.counts(filter).orElseThrow().dropped().packets();
    }
  }

  @Test
  void packetSocketsPassTheEgressHookButNotTheOtherEndsIngressHook() throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("attach -i v0 --pin block_port 80");
          plumb("attach -i v1 --at ingress --pin block_port 80");
          assertThat(passes("v0", WEB)).isFalse();
          assertThat(dropped("v0", Direction.EGRESS)).isEqualTo(1);
          assertThat(passesWithoutQdisc("v0")).isTrue();
          assertThat(dropped("v0", Direction.EGRESS)).isEqualTo(1);
          while (dropped("v1", Direction.INGRESS) == 0) {
            Thread.onSpinWait();
          }
          return true;
        });
  }

  @Test
  void aMoveRemovesClsactFiltersAndKeepsLinks() throws Exception {
    OwnNetwork.in(
        () -> {
          plumb("attach -i v0 --pin --backend tcx block_port 80");
          plumb("attach -i v0 --pin --backend clsact block_port 81");
          sh("ip netns add other && ip link set v0 netns other");
          assertThat(
                  Program.run(
                          LoaderCommands.class.getName(),
                          "",
                          Map.of(),
                          "status",
                          "--netns",
                          "other",
                          "-i",
                          "v0")
                      .out())
              .contains("block_port 80")
              .doesNotContain("block_port 81");
          return true;
        });
  }
}
