package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FramesTest {
  @ParameterizedTest
  @CsvSource({"20, 64", "10, 64", "64, 64", "10, 10", "0, 0", "14, 14"})
  void bytesThatACaptureLacksAreZero(int captured, int length) {
    byte[] bytes = new byte[captured];
    java.util.Arrays.fill(bytes, (byte) 7);
    PacketBatch batch = new PacketBatch();
    batch.add(Packet.cut(bytes, length));
    byte[] next = new byte[64];
    java.util.Arrays.fill(next, (byte) 9);
    batch.add(Packet.of(next));
    for (ContextType type : new ContextType[] {ContextType.SCHED_CLS, ContextType.SOCKET_FILTER}) {
      Machine machine = new Machine();
      Frames frames = new Frames(machine, type);
      frames.show(batch, 0);
      int skipped = type == ContextType.SCHED_CLS ? 0 : Math.min(14, length);
      byte[] expected = new byte[length - skipped];
      java.util.Arrays.fill(expected, 0, Math.max(0, captured - skipped), (byte) 7);
      assertThat(frames.after().bytes()).isEqualTo(expected);
    }
  }
}
