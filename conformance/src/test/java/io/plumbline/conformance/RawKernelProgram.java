package io.plumbline.conformance;

import com.sun.jna.Memory;
import com.sun.jna.Native;
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

  /** BPF_PROG_TYPE_SOCKET_FILTER. */
  static final int SOCKET_FILTER = 1;

  /** BPF_PROG_TYPE_CGROUP_SKB. */
  static final int CGROUP_SKB = 8;

  private static final int BPF_PROG_TEST_RUN = 10;
  private static final int CONTEXT_ROOM = 192;

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

  /** Runs it on a packet; returns the context as it left it, of at most 192 bytes. */
  byte[] contextAfter(byte[] packet) {
    in.write(0, packet, 0, packet.length);
    try (Memory attr = new Memory(128);
        Memory context = new Memory(CONTEXT_ROOM)) {
      attr.clear();
      attr.setInt(0, loaded.fd());
      attr.setInt(8, packet.length);
      attr.setPointer(16, in);
      attr.setInt(32, 1);
      attr.setInt(44, CONTEXT_ROOM);
      attr.setPointer(56, context);
      if (LibC.syscall(LibC.NR_BPF, BPF_PROG_TEST_RUN, attr, attr.size()) < 0) {
        throw new IllegalStateException("test run: errno " + Native.getLastError());
      }
      return context.getByteArray(0, attr.getInt(44));
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
