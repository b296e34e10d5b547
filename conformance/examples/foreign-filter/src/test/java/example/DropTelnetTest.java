package example;

import static io.plumbline.conformance.junit.BpfAssertions.assertThat;
import static io.plumbline.model.decision.Action.ACCEPT;
import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Expr.constant;
import static io.plumbline.model.decision.Expr.length;
import static io.plumbline.model.decision.Expr.u16;
import static io.plumbline.model.decision.Expr.u8;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.conformance.junit.BpfObject;
import io.plumbline.conformance.junit.BpfProgram;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.packet.Packet;
import io.plumbline.pcaps.PacketText;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** A filter written elsewhere does what this decision list says. */
class DropTelnetTest {
  /** What the filter is for, in the order in which it decides. */
  private static final DecisionList MODEL =
      DecisionList.first("short", length().lt(54), ACCEPT, "there is no whole TCP header")
          .then("not_ipv4", u16(constant(12)).ne(0x0800), ACCEPT, "the frame is not IPv4")
          .then("options", u8(constant(14)).and(0x0F).ne(5), ACCEPT, "there are IPv4 options")
          .then("not_tcp", u8(constant(23)).ne(6), ACCEPT, "the protocol is not TCP")
          .then("telnet", u16(constant(36)).eq(23), DROP, "the destination port is telnet's")
          .otherwise("other_port", ACCEPT, "the destination port is another one");

  @Test
  void agreesOnACapture(@BpfObject("drop_telnet.bpf.o") BpfProgram program) {
    assertThat(program).on(Path.of("src/test/resources/sample.pcap")).agreesWith(MODEL);
  }

  @Test
  void agreesOnOneFrame(@BpfObject("drop_telnet.bpf.o") BpfProgram program) throws Exception {
    Packet telnet = PacketText.parse("eth ipv4(192.0.2.1) tcp(1024,23)");
    assertThat(program).on(telnet).agreesWith(MODEL);
  }

  @Test
  void agreesOnGeneratedFrames(@BpfObject("drop_telnet.bpf.o") BpfProgram program) {
    assertThat(program).onGeneratedFrames(20_000).agreesWith(MODEL);
  }

  @Test
  void isProvedEqual(@BpfObject("drop_telnet.bpf.o") BpfProgram program) {
    assertThat(program).isProvedEqualTo(MODEL);
  }

  /** The same filter with another port is noticed, by frames and by proof. */
  @Test
  void aWrongOneIsNoticed(@BpfObject("wrong_port.bpf.o") BpfProgram program) {
    AssertionError byFrames =
        assertThrows(
            AssertionError.class,
            () -> assertThat(program).onGeneratedFrames(1000).agreesWith(MODEL));
    assertTrue(byFrames.getMessage().contains("model says"), byFrames.getMessage());
    assertThrows(AssertionError.class, () -> assertThat(program).isProvedEqualTo(MODEL));
  }
}
