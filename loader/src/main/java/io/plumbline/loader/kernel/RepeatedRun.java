package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;

/** Runs one frame many times in one system call, to see what the program itself costs. */
public final class RepeatedRun implements AutoCloseable {
  private final LoadedImage loaded;
  private final Memory in;
  private final BpfSyscall.TestRun call;

  /** Loads a subject. */
  public RepeatedRun(Subject subject, ObjectSource objects) throws EngineException {
    loaded = LoadedImage.load(subject.image(), subject.hook(), objects);
    in = new Memory(subject.hook().testRunLimits().max());
    call = new BpfSyscall.TestRun(loaded.entryFd(), in, null);
  }

  /**
   * Runs a frame.
   *
   * @return what the program returned
   */
  public int run(Packet packet, int repeat) throws EngineException {
    byte[] bytes = packet.bytes();
    in.write(0, bytes, 0, bytes.length);
    int result = call.run(bytes.length, 0, repeat);
    if (result < 0) {
      throw new EngineException("kernel: test run: " + Errno.describe(-result));
    }
    return call.retval();
  }

  @Override
  public void close() {
    call.close();
    loaded.close();
    in.close();
  }
}
