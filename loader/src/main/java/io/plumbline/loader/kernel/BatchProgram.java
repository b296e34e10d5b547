package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.packet.PacketBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A wrapper that walks frames in shared memory: each repetition of one test run takes the next
 * frame, writes it into the test run's buffer, calls the subject behind it, and stores the verdict.
 *
 * <pre>
 * slot:  0 length u32 | 4 tag word u32 (0: none) | 8 verdict u32 | 12 ran u32 | 16 frame ...
 *        the tag word is the protocol in network order in its low half, the tci in its high half;
 *        ran becomes 1 when the verdict is stored: any value is a verdict
 * state: 0 next slot u32
 * </pre>
 */
final class BatchProgram implements AutoCloseable {
  private static final int HELPER_MAP_LOOKUP_ELEM = 1;
  private static final int HELPER_SKB_STORE_BYTES = 9;
  private static final int HELPER_SKB_VLAN_PUSH = 18;
  private static final int HELPER_SKB_VLAN_POP = 19;
  private static final int HELPER_SKB_CHANGE_TAIL = 38;
  private static final int SKB_LEN = 0;
  private static final int HEADER = 16;
  private static final int MIN_LENGTH = 14;

  private static final int VERDICT = 8;
  private static final int RAN = 12;

  private final int capacity;
  private final int maxLength;
  private final int slotBytes;
  private final SharedArray slots;
  private final SharedArray state;
  private final ByteBuffer memory;
  private final Memory first;
  private final SplicedProgram program;
  private final BpfSyscall.TestRun call;

  /**
   * Loads a wrapper before a subject.
   *
   * @param maxLength of a frame, in bytes
   * @param capacity how many frames one test run walks
   */
  BatchProgram(byte[] subject, int maxLength, int capacity) throws EngineException {
    this.capacity = capacity;
    this.maxLength = maxLength;
    slotBytes = (HEADER + maxLength + 7) / 8 * 8;
    slots = new SharedArray(slotBytes, capacity);
    state = new SharedArray(8, 1);
    try {
      program = new SplicedProgram("kernel-batch", ProgramType.SCHED_CLS, wrapper(), subject);
    } catch (EngineException e) {
      slots.close();
      state.close();
      throw e;
    }
    memory = slots.memory().getByteBuffer(0, slots.bytes()).order(ByteOrder.nativeOrder());
    first = new Memory(maxLength);
    first.clear();
    call = new BpfSyscall.TestRun(program.fd(), first, null);
  }

  private Assembly wrapper() {
    return new Assembly()
        .mov(6, 1)
        .loadMapValue(7, state.fd())
        .load32(1, 7, 0)
        .store32(10, -4, 1)
        .addImm(1, 1)
        .store32(7, 0, 1)
        .loadMap(1, slots.fd())
        .mov(2, 10)
        .addImm(2, -4)
        .call(HELPER_MAP_LOOKUP_ELEM)
        .jumpEqImm(0, 0, "out")
        .mov(8, 0)
        .load32(9, 8, 0)
        .jumpLtImm(9, MIN_LENGTH, "out")
        .jumpGtImm(9, maxLength, "out")
        .load32(2, 6, SKB_LEN)
        .jumpEq(2, 9, "fill")
        .mov(1, 6)
        .mov(2, 9)
        .movImm(3, 0)
        .call(HELPER_SKB_CHANGE_TAIL)
        .jumpNeImm(0, 0, "out")
        .label("fill")
        .mov(1, 6)
        .movImm(2, 0)
        .mov(3, 8)
        .addImm(3, HEADER)
        .mov(4, 9)
        .movImm(5, 0)
        .call(HELPER_SKB_STORE_BYTES)
        .jumpNeImm(0, 0, "out")
        .load32(1, 8, 4)
        .jumpEqImm(1, 0, "run")
        .mov(1, 6)
        .load16(2, 8, 4)
        .load16(3, 8, 6)
        .call(HELPER_SKB_VLAN_PUSH)
        .jumpNeImm(0, 0, "out")
        .label("run")
        .mov(1, 6)
        .callSubject()
        .store32(8, VERDICT, 0)
        .movImm(1, 1)
        .store32(8, RAN, 1)
        .load32(1, 8, 4)
        .jumpEqImm(1, 0, "out")
        .mov(1, 6)
        .call(HELPER_SKB_VLAN_POP)
        .label("out")
        .movImm(0, 0)
        .exit();
  }

  int capacity() {
    return capacity;
  }

  int maxLength() {
    return maxLength;
  }

  /**
   * Runs frames {@code order[from..to)}, all of one EtherType and none longer than this program
   * takes.
   */
  void run(PacketBatch batch, int[] order, int from, int to, int etherType, Outcomes outcomes)
      throws EngineException {
    byte[] data = batch.data();
    for (int i = from, slot = 0; i < to; i++, slot += slotBytes) {
      int frame = order[i];
      int captured = batch.capturedLength(frame);
      int wire = batch.wireLength(frame);
      int tag = batch.vlanWord(frame);
      memory.putInt(slot, wire);
      if (tag == 0) {
        memory.putInt(slot + 4, 0);
      } else {
        memory.putShort(slot + 4, Short.reverseBytes((short) (tag >>> 16)));
        memory.putShort(slot + 6, (short) tag);
      }
      memory.putInt(slot + RAN, 0);
      memory.position(slot + HEADER);
      memory.put(data, batch.offset(frame), captured);
      for (int zero = captured; zero < wire; zero++) {
        memory.put((byte) 0);
      }
    }
    first.setShort(12, Short.reverseBytes((short) etherType));
    state.memory().setInt(0, 0);
    int count = to - from;
    int done = 0;
    while (done < count) {
      int result = call.run(maxLength, 0, count - done);
      done = state.memory().getInt(0);
      // EINTR: a signal came; the rest is still to do.
      if (result < 0 && result != -Errno.EINTR) {
        throw new EngineException("kernel-batch: test run: " + Errno.describe(-result));
      }
    }
    for (int i = from, slot = 0; i < to; i++, slot += slotBytes) {
      if (memory.getInt(slot + RAN) == 0) {
        throw new EngineException(
            "kernel-batch: the kernel did not take frame " + batch.packet(order[i]));
      }
      outcomes.decide(order[i], memory.getInt(slot + VERDICT));
    }
  }

  @Override
  public void close() {
    call.close();
    program.close();
    slots.close();
    state.close();
    first.close();
  }
}
