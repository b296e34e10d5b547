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
 * frame, writes it into the test run's buffer, calls the subject, and stores the verdict. What
 * differs between hooks is in a {@link BatchWrapper}.
 *
 * <pre>
 * slot:  0 length u32 | 4 tag word u32 (0: none) | 8 verdict u32 | 12 ran u32 | 16 frame ...
 *        the tag word is the protocol in network order in its low half, the tci in its high half;
 *        ran becomes 1 when the verdict is stored: any value is a verdict
 * state: 0 next slot u32
 * </pre>
 */
final class BatchProgram implements AutoCloseable {
  static final int HEADER = 16;
  static final int TAG = 4;
  static final int VERDICT = 8;
  static final int RAN = 12;

  private final int capacity;
  private final int maxLength;
  private final int slotBytes;
  private final SharedArray slots;
  private final SharedArray state;
  private final ByteBuffer memory;
  private final Memory first;
  private final SplicedProgram program;
  private final BpfSyscall.TestRun call;
  private final AutoCloseable ready;

  /**
   * Loads a wrapper before a subject.
   *
   * @param wrapper that of the subject's hook
   * @param maxLength of a frame, in bytes
   * @param capacity how many frames one test run walks
   */
  BatchProgram(BatchWrapper wrapper, byte[] subject, int maxLength, int capacity)
      throws EngineException {
    this.capacity = capacity;
    this.maxLength = maxLength;
    slotBytes = (HEADER + maxLength + 7) / 8 * 8;
    slots = new SharedArray(slotBytes, capacity);
    state = new SharedArray(8, 1);
    try {
      program =
          new SplicedProgram(
              "kernel-batch",
              wrapper.type(),
              wrapper.code(slots.fd(), state.fd(), maxLength),
              subject);
    } catch (EngineException e) {
      slots.close();
      state.close();
      throw e;
    }
    memory = slots.memory().getByteBuffer(0, slots.bytes()).order(ByteOrder.nativeOrder());
    first = new Memory(maxLength);
    first.clear();
    call = new BpfSyscall.TestRun(program.fd(), first, null);
    ready = wrapper.prepare(program.fd());
  }

  int capacity() {
    return capacity;
  }

  int maxLength() {
    return maxLength;
  }

  /**
   * Runs frames {@code order[from..to)}, none longer than this program takes.
   *
   * @param etherType of all of them, if the hook sees that of the test run's first frame
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
        memory.putInt(slot + TAG, 0);
      } else {
        memory.putShort(slot + TAG, Short.reverseBytes((short) (tag >>> 16)));
        memory.putShort(slot + TAG + 2, (short) tag);
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
    try {
      ready.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    call.close();
    program.close();
    slots.close();
    state.close();
    first.close();
  }
}
