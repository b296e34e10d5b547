package io.plumbline.conformance;

import com.sun.jna.Memory;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import java.util.List;

/** Instructions in the kernel as they are, without an object around them. */
final class RawKernelProgram implements AutoCloseable {
  private final BpfSyscall.Loaded loaded;
  private byte[] after = new byte[0];
  private final Memory in = new Memory(4096);
  private final Memory out = new Memory(8192);

  /** BPF_PROG_TYPE_XDP. */
  static final int XDP = 6;

  RawKernelProgram(List<Insn> insns) {
    this(BpfSyscall.PROG_TYPE_SCHED_CLS, insns);
  }

  RawKernelProgram(int type, List<Insn> insns) {
    loaded = BpfSyscall.progLoad(type, InsnCodec.encode(insns));
  }

  /** Returns why the verifier refuses it; empty if it does not. */
  String refusal() {
    return loaded.fd() >= 0 ? "" : "errno " + -loaded.fd() + ": " + loaded.log();
  }

  /** Returns r0's low half. */
  int run(byte[] packet) {
    in.write(0, packet, 0, packet.length);
    try (BpfSyscall.TestRun call = new BpfSyscall.TestRun(loaded.fd(), in, out)) {
      int result = call.run(packet.length, 8192, 1);
      if (result < 0) {
        throw new IllegalStateException("test run: errno " + -result);
      }
      after = out.getByteArray(0, call.lengthOut());
      return call.retval();
    }
  }

  /** Returns the packet as the last run left it. */
  byte[] after() {
    return after;
  }

  @Override
  public void close() {
    if (loaded.fd() >= 0) {
      LibC.close(loaded.fd());
    }
    in.close();
    out.close();
  }
}
