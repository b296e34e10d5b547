package io.plumbline.bench;

import com.sun.jna.Memory;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.pcaps.PacketBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does one packet of 1,024 mixed ones cost a filter of 68 instructions: compiled, interpreted,
 * in plain Java, and in the kernel's own compiled code (one packet, repeated in one call)?
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PortFilter {
  private static final int PACKETS = 1024;
  private static final int REPEAT = 100_000;
  private static final Hook HOOK = Hook.all().get(0);
  private static final int DROP = HOOK.drop();

  private final PacketBatch packets = new PacketBatch();
  private final int[] verdicts = new int[PACKETS];
  private final Machine compiledMachine = new Machine();
  private final Machine interpretedMachine = new Machine();
  private Frames compiledFrames;
  private Frames interpretedFrames;
  private Program compiled;
  private Program interpreted;
  private Memory input;
  private BpfSyscall.TestRun kernel;
  private int kernelLength;

  /** Loads the program everywhere and checks that all say the same of every packet. */
  @Setup
  public void setUp() throws IOException, IsaException {
    List<Insn> insns;
    try (InputStream in = PortFilter.class.getResourceAsStream("port_filter.s")) {
      insns = Assembler.assemble(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    compiledFrames = new Frames(compiledMachine, Contexts.of(HOOK));
    interpretedFrames = new Frames(interpretedMachine, Contexts.of(HOOK));
    compiled = new Program("port_filter", insns, new Jit(compiledMachine, true));
    interpreted = new Program("port_filter", insns, Interpreter::of);
    SplittableRandom random = new SplittableRandom(1);
    int[] ports = {22, 53, 80, 443, 8443, 25};
    for (int i = 0; i < PACKETS; i++) {
      PacketBuilder builder = PacketBuilder.eth();
      if (random.nextInt(4) == 0) {
        builder.vlan(random.nextInt(4095));
      }
      int port = ports[random.nextInt(ports.length)];
      switch (random.nextInt(8)) {
        case 0 -> builder.arp();
        case 1 -> builder.ipv6(17).udp(1024, port);
        case 2 -> builder.ipv6(6).tcp(1024, port);
        case 3, 4 -> builder.ipv4(random.nextInt()).udp(1024, port);
        default -> builder.ipv4(random.nextInt()).tcp(1024, port);
      }
      packets.add(builder.pad(60).build());
    }
    BpfSyscall.Loaded loaded =
        BpfSyscall.progLoad(ProgramType.of(HOOK).number(), InsnCodec.encode(insns));
    if (loaded.fd() < 0) {
      // Without the privilege the other three are still compared with each other.
      System.err.println("kernel: errno " + -loaded.fd() + ": kernelRepeat will fail");
    }
    input = new Memory(4096);
    kernel = new BpfSyscall.TestRun(loaded.fd(), input, null);
    for (int i = PACKETS - 1; i >= 0; i--) {
      kernelLength = packets.wireLength(i);
      input.write(0, packets.data(), packets.offset(i), kernelLength);
      int expected = plain(i);
      if (loaded.fd() >= 0) {
        kernel.run(kernelLength, 0, 1);
        expected = kernel.retval();
      }
      if (compiled(i) != expected || interpreted(i) != expected || plain(i) != expected) {
        throw new IllegalStateException(
            "packet %d: kernel %d, compiled %d, interpreted %d, plain %d"
                .formatted(i, expected, compiled(i), interpreted(i), plain(i)));
      }
    }
  }

  private int compiled(int i) {
    compiledFrames.show(packets, i);
    return (int) compiledMachine.run(compiled, Machine.CONTEXT, 0);
  }

  private int interpreted(int i) {
    interpretedFrames.show(packets, i);
    return (int) interpretedMachine.run(interpreted, Machine.CONTEXT, 0);
  }

  /** Compiled to JVM bytecode, with every memory access checked. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int[] jit() {
    compiledMachine.run(compiled, compiledFrames, packets, verdicts);
    return verdicts;
  }

  /** Instruction by instruction. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int[] interpreter() {
    interpretedMachine.run(interpreted, interpretedFrames, packets, verdicts);
    return verdicts;
  }

  /** The same filter written in Java. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int[] plainJava() {
    for (int i = 0; i < PACKETS; i++) {
      verdicts[i] = plain(i);
    }
    return verdicts;
  }

  /** The kernel's compiled code on one packet, as often as one call allows. */
  @Benchmark
  @OperationsPerInvocation(REPEAT)
  public int kernelRepeat() {
    int result = kernel.run(kernelLength, 0, REPEAT);
    if (result < 0) {
      throw new IllegalStateException("kernel: test run: errno " + -result);
    }
    return kernel.retval();
  }

  private static int u8(byte[] data, int at) {
    return data[at] & 0xFF;
  }

  private static int u16(byte[] data, int at) {
    return u8(data, at) << 8 | u8(data, at + 1);
  }

  private int plain(int i) {
    byte[] data = packets.data();
    int start = packets.offset(i);
    int end = start + packets.wireLength(i);
    if (start + 14 > end) {
      return DROP;
    }
    int type = u16(data, start + 12);
    int at = start + 14;
    if (type == 0x8100 || type == 0x88A8) {
      if (start + 18 > end) {
        return DROP;
      }
      type = u16(data, start + 16);
      at += 4;
    }
    int protocol;
    if (type == 0x0800) {
      if (at + 20 > end || u8(data, at) >> 4 != 4 || (u8(data, at) & 15) < 5) {
        return DROP;
      }
      protocol = u8(data, at + 9);
      if (u16(data, at + 12) == 0xC633 && u8(data, at + 14) == 0x64) {
        return DROP;
      }
      if ((u16(data, at + 6) & 0x1FFF) != 0) {
        return 0;
      }
      at += (u8(data, at) & 15) * 4;
    } else if (type == 0x86DD) {
      if (at + 40 > end) {
        return DROP;
      }
      protocol = u8(data, at + 6);
      if (u16(data, at + 8) == 0x2001
          && u16(data, at + 10) == 0x0DB8
          && u16(data, at + 12) == 0x0BAD) {
        return DROP;
      }
      at += 40;
    } else {
      return 0;
    }
    if (protocol != 6 && protocol != 17) {
      return 0;
    }
    if (at + 4 > end) {
      return DROP;
    }
    int port = u16(data, at + 2);
    return port == 443 || port == 80 || port == 53 || port == 8443 ? 0 : DROP;
  }
}
