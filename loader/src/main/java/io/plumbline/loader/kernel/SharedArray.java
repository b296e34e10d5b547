package io.plumbline.loader.kernel;

import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;

/** An array map whose memory the kernel and this process share. */
public final class SharedArray implements AutoCloseable {
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;
  private static final int PAGE = 4096;

  private final int fd;
  private final long bytes;
  private final Pointer memory;

  /**
   * Makes an array.
   *
   * @param valueBytes size of an entry, a multiple of 8
   */
  SharedArray(int valueBytes, int entries) throws EngineException {
    this(valueBytes, entries, 0);
  }

  /** Makes an array with more flags than F_MMAPABLE. */
  SharedArray(int valueBytes, int entries, int flags) throws EngineException {
    fd =
        BpfSyscall.mapCreate(
            BpfSyscall.MAP_TYPE_ARRAY, 4, valueBytes, entries, BpfSyscall.F_MMAPABLE | flags);
    if (fd < 0) {
      throw new EngineException("kernel: create array map: " + BpfSyscall.describe(-fd));
    }
    bytes = ((long) valueBytes * entries + PAGE - 1) / PAGE * PAGE;
    try {
      memory = map(fd, bytes);
    } catch (EngineException e) {
      LibC.close(fd);
      throw e;
    }
  }

  /** Maps the memory of an array made elsewhere; its fd stays the caller's. */
  public static Pointer map(int fd, long bytes) throws EngineException {
    Pointer memory = LibC.mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    if (Pointer.nativeValue(memory) == -1) {
      throw new EngineException("kernel: map an array's memory: mmap refuses");
    }
    return memory;
  }

  /** Undoes {@link #map}. */
  public static void unmap(Pointer memory, long bytes) {
    LibC.munmap(memory, bytes);
  }

  /** Returns its fd. */
  public int fd() {
    return fd;
  }

  Pointer memory() {
    return memory;
  }

  /** Returns the size of the shared memory. */
  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    LibC.munmap(memory, bytes);
    LibC.close(fd);
  }
}
