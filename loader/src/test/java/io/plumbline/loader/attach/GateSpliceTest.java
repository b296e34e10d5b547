package io.plumbline.loader.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.engine.EngineException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The filter replaces the gate's function {@code filter}, or nothing is loaded. */
class GateSpliceTest {
  private static final long MOV_R0_0 = 0xB7;
  private static final long EXIT = 0x95;
  private static final byte[] FILTER = code(0x1_0000_00B7L, EXIT);

  /** Returns a call of the function that begins {@code distance} instructions further on. */
  private static long call(int distance) {
    return 0x1085L | (long) (distance - 1) << 32;
  }

  private static byte[] code(long... instructions) {
    ByteBuffer code = ByteBuffer.allocate(8 * instructions.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long instruction : instructions) {
      code.putLong(instruction);
    }
    return code.array();
  }

  @Test
  void theFunctionIsReplaced() throws Exception {
    byte[] gate = code(call(2), EXIT, MOV_R0_0, EXIT);

    assertThat(Gate.splice(gate, Map.of("gate", 0, "filter", 2), FILTER))
        .isEqualTo(code(call(2), EXIT, 0x1_0000_00B7L, EXIT));
  }

  @Test
  void otherFunctionsMayStandBeforeIt() throws Exception {
    byte[] gate = code(call(5), call(2), EXIT, MOV_R0_0, EXIT, MOV_R0_0, EXIT);

    assertThat(Gate.splice(gate, Map.of("gate", 0, "report", 3, "filter", 5), FILTER))
        .isEqualTo(code(call(5), call(2), EXIT, MOV_R0_0, EXIT, 0x1_0000_00B7L, EXIT));
  }

  @Test
  void withoutTheFunctionNothingIsLoaded() {
    byte[] inlined = code(call(2), EXIT, MOV_R0_0, EXIT);

    assertThatThrownBy(() -> Gate.splice(inlined, Map.of("gate", 0, "report", 2), FILTER))
        .isInstanceOf(EngineException.class)
        .hasMessage("kernel: gate: functions [gate, report]: expected filter as the last one");
    assertThatThrownBy(() -> Gate.splice(inlined, Map.of(), FILTER))
        .hasMessage("kernel: gate: functions []: expected filter as the last one");
  }

  @Test
  void anotherFunctionAfterItIsNotCutOff() {
    byte[] reordered = code(call(3), call(4), EXIT, MOV_R0_0, EXIT, MOV_R0_0, EXIT);

    assertThatThrownBy(
            () -> Gate.splice(reordered, Map.of("gate", 0, "filter", 3, "report", 5), FILTER))
        .hasMessage(
            "kernel: gate: functions [filter, gate, report]: expected filter as the last one");
  }

  @Test
  void aFilterThatIsNotCalledIsRefused() {
    byte[] notCalled = code(call(3), EXIT, EXIT, MOV_R0_0, EXIT, MOV_R0_0, EXIT);

    assertThatThrownBy(() -> Gate.splice(notCalled, Map.of("gate", 0, "filter", 5), FILTER))
        .hasMessage("kernel: gate: filter: it is not called");
  }
}
