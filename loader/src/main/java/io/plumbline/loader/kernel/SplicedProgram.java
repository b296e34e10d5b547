package io.plumbline.loader.kernel;

import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.engine.EngineException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A wrapper in the kernel, followed by a subject's unmodified instructions as a subprogram.
 *
 * <p>The kernel allows a tail call in a subprogram only when type information says that the
 * function returns an int (kernel {@code kernel/bpf/verifier.c}, check_btf_func), so each function
 * is given that type.
 */
public final class SplicedProgram implements AutoCloseable {
  private static final int KIND_INT = 1;
  private static final int KIND_FUNC = 12;
  private static final int KIND_FUNC_PROTO = 13;
  private static final int FUNC_TYPE = 3;

  private static final Pattern PROCESSED = Pattern.compile("processed ([0-9]+) insns");

  private final int verifiedInstructions;
  private int fd;

  SplicedProgram(String engine, ProgramType type, Assembly wrapper, byte[] subject)
      throws EngineException {
    this(engine, type, "", wrapper.before(subject), false);
  }

  /**
   * Loads instructions of several functions.
   *
   * @param where what errors name as their place
   * @param name of the program; may be empty
   */
  public SplicedProgram(String where, ProgramType type, String name, byte[] code)
      throws EngineException {
    this(where, type, name, code, false);
  }

  /**
   * Loads instructions of several functions.
   *
   * @param measured whether the verifier counts the instructions that it follows
   */
  public SplicedProgram(String where, ProgramType type, String name, byte[] code, boolean measured)
      throws EngineException {
    int btf = BpfSyscall.btfLoad(intFunctionType());
    if (btf < 0) {
      throw new EngineException(where + ": load type information: " + BpfSyscall.describe(-btf));
    }
    BpfSyscall.Loaded loaded =
        BpfSyscall.progLoad(name, type.number(), code, btf, functions(code), measured);
    LibC.close(btf);
    if (loaded.fd() < 0) {
      String message =
          "%s: load %s: %s"
              .formatted(
                  where, name.isEmpty() ? "the wrapper" : name, BpfSyscall.describe(-loaded.fd()));
      throw Errno.isRefusal(-loaded.fd(), loaded.log())
          ? EngineException.refusal(message, loaded.log())
          : new EngineException(message, loaded.log());
    }
    fd = loaded.fd();
    Matcher processed = PROCESSED.matcher(loaded.log());
    verifiedInstructions = processed.find() ? Integer.parseInt(processed.group(1)) : 0;
  }

  /** Returns how many instructions the verifier followed; 0 if that was not measured. */
  public int verifiedInstructions() {
    return verifiedInstructions;
  }

  /** Returns the program's fd. */
  public int fd() {
    return fd;
  }

  /**
   * Returns for each function its first instruction and its type: the program's start, every target
   * of a local call, and every function that is handed to a helper.
   */
  private static int[] functions(byte[] code) {
    ByteBuffer bytes = ByteBuffer.wrap(code).order(ByteOrder.LITTLE_ENDIAN);
    TreeSet<Integer> starts = new TreeSet<>();
    starts.add(0);
    for (int i = 0; i < code.length / 8; i++) {
      boolean localCall = (code[8 * i] & 0xFF) == 0x85 && (code[8 * i + 1] & 0xF0) == 0x10;
      boolean callback = code[8 * i] == 0x18 && (code[8 * i + 1] & 0xF0) == 0x40;
      if (localCall || callback) {
        starts.add(i + 1 + bytes.getInt(8 * i + 4));
      }
    }
    return starts.stream()
        .flatMapToInt(start -> java.util.stream.IntStream.of(start, FUNC_TYPE))
        .toArray();
  }

  /**
   * Returns BTF of three types: int, a function type that returns it, and a function (kernel {@code
   * Documentation/bpf/btf.rst}).
   */
  private static byte[] intFunctionType() {
    byte[] strings = "\0int\0f\0".getBytes(StandardCharsets.US_ASCII);
    int typeBytes = 16 + 12 + 12;
    return ByteBuffer.allocate(24 + typeBytes + strings.length)
        .order(ByteOrder.nativeOrder())
        .putShort((short) 0xEB9F)
        .put((byte) 1)
        .put((byte) 0)
        .putInt(24)
        .putInt(0)
        .putInt(typeBytes)
        .putInt(typeBytes)
        .putInt(strings.length)
        .putInt(1)
        .putInt(KIND_INT << 24)
        .putInt(4)
        .putInt(0x0100_0020)
        .putInt(0)
        .putInt(KIND_FUNC_PROTO << 24)
        .putInt(1)
        .putInt(5)
        .putInt(KIND_FUNC << 24)
        .putInt(2)
        .put(strings)
        .array();
  }

  /** Returns the program's fd, which is then the caller's to close. */
  public int take() {
    int taken = fd;
    fd = -1;
    return taken;
  }

  @Override
  public void close() {
    if (fd >= 0) {
      LibC.close(fd);
    }
  }
}
