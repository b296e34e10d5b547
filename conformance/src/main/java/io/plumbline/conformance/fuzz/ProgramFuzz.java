package io.plumbline.conformance.fuzz;

import com.sun.jna.Memory;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Runs generated programs on interpreter, JIT and kernel, and compares. */
public final class ProgramFuzz implements AutoCloseable {
  private static final ProgramType TYPE = ProgramType.SCHED_CLS;

  /** Id of the row of known-divergences.tsv for which {@link #isLostExtension} looks. */
  public static final String LOST_EXTENSION = "cmpxchg32-extension";

  /** Budget of a damaged program. */
  private static final long SMALL_BUDGET = 10_000;

  private static final int KERNEL_ROOM = 4096;

  /**
   * Programs that were not run alike.
   *
   * @param insns made as small as possible
   * @param what what each engine said
   */
  public record Difference(List<Insn> insns, byte[] packet, String what) {
    /** Returns the program and what was said of it, as text that can be assembled. */
    public String describe() {
      return "# packet %s%n# %s%n%s%n"
          .formatted(
              java.util.HexFormat.of().formatHex(packet),
              what,
              String.join(System.lineSeparator(), Disassembler.lines(insns)));
    }
  }

  private final Memory in = new Memory(KERNEL_ROOM);
  private final Memory out = new Memory(2 * KERNEL_ROOM);
  private long executions;
  private long kernelExecutions;
  private long refusedByKernel;
  private long damaged;
  private long notPrograms;
  private long knownDivergences;
  private final List<Difference> differences = new ArrayList<>();

  /** A program in one machine. */
  private static final class Engine {
    final Machine machine = new Machine();
    final Frames frames = new Frames(machine, Contexts.of(TYPE.hook()));
    final Program program;

    Engine(List<Insn> insns, boolean jit) {
      program = new Program("generated", insns, jit ? new Jit(machine, true) : Interpreter::of);
    }

    /**
     * Returns what came of a packet: a number, or a fault and where; and what is left in memory.
     */
    String run(PacketBatch batch, int i) {
      frames.show(batch, i);
      String end;
      try {
        end = Long.toHexString(machine.run(program, Machine.CONTEXT, 0));
      } catch (Fault fault) {
        end = "insn " + fault.slot() + ": " + fault.what();
      }
      return "%s, leaving stack %08x, packet %08x, context %08x"
          .formatted(
              end,
              Arrays.hashCode(machine.stack()),
              Arrays.hashCode(frames.after().bytes()),
              Arrays.hashCode(machine.context()));
    }
  }

  /** Returns the low half of r0 of what {@link Engine#run} returned. */
  private static int result(String outcome) {
    return (int) Long.parseUnsignedLong(outcome.substring(0, outcome.indexOf(',')), 16);
  }

  /** Returns packets whose contents fill a program's registers. */
  public static PacketBatch packets(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    long[] special = {
      0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0x8000_0000L, 0x7FFF_FFFFL, 0xFFFF_FFFFL
    };
    PacketBatch batch = new PacketBatch(count, count * ProgramGenerator.INPUT_BYTES);
    byte[] bytes = new byte[ProgramGenerator.INPUT_BYTES];
    for (int i = 0; i < count; i++) {
      random.nextBytes(bytes);
      for (int at = 14; at + 8 <= bytes.length; at += 8) {
        if (random.nextInt(3) == 0) {
          long value = special[random.nextInt(special.length)];
          io.plumbline.emulator.machine.Bytes.put64(bytes, at, value);
        }
      }
      // An EtherType that a test run has no demands of.
      bytes[12] = (byte) 0x88;
      bytes[13] = (byte) 0xB5;
      batch.add(bytes, 0, bytes.length, bytes.length, 0);
    }
    return batch;
  }

  /** Runs a legal program on packets; on the kernel too if asked. */
  public void legal(long seed, int inputs, boolean kernel) {
    List<Insn> insns = ProgramGenerator.program(seed);
    PacketBatch packets = packets(seed, inputs);
    Engine interpreter = new Engine(insns, false);
    Engine jit = new Engine(insns, true);
    BpfSyscall.Loaded loaded =
        kernel
            ? BpfSyscall.progLoad(TYPE.number(), InsnCodec.encode(insns))
            : new BpfSyscall.Loaded(-1, "");
    if (kernel && loaded.fd() < 0) {
      refusedByKernel++;
    }
    try {
      for (int i = 0; i < packets.size(); i++) {
        executions++;
        String expected = interpreter.run(packets, i);
        String actual = jit.run(packets, i);
        if (!expected.equals(actual)) {
          differences.add(shrink(insns, packets, i, 0, ProgramFuzz::jitDiffers));
          return;
        }
        if (loaded.fd() >= 0) {
          kernelExecutions++;
          int result = kernel(loaded.fd(), packets, i);
          if (result != result(expected)) {
            if (isLostExtension(seed, packets, i, result(expected))) {
              knownDivergences++;
              return;
            }
            // What fills registers and stack stays: what was there before is nobody's to compare.
            differences.add(
                shrink(insns, packets, i, ProgramGenerator.PROLOGUE_SLOTS, this::kernelDiffers));
            return;
          }
        }
      }
    } finally {
      if (loaded.fd() >= 0) {
        LibC.close(loaded.fd());
      }
    }
  }

  /**
   * Returns whether a difference is {@link #LOST_EXTENSION}: a kernel that leaves the high half of
   * r0 as it was after a 32-bit cmpxchg that succeeds. It is gone once the program extends r0
   * itself.
   */
  private boolean isLostExtension(long seed, PacketBatch packets, int i, int expected) {
    List<Insn> extended = ProgramGenerator.extendedProgram(seed);
    if (extended.equals(ProgramGenerator.program(seed))) {
      return false;
    }
    BpfSyscall.Loaded loaded = BpfSyscall.progLoad(TYPE.number(), InsnCodec.encode(extended));
    if (loaded.fd() < 0) {
      return false;
    }
    try {
      return kernel(loaded.fd(), packets, i) == expected;
    } finally {
      LibC.close(loaded.fd());
    }
  }

  private int kernel(int fd, PacketBatch packets, int i) {
    in.write(0, packets.data(), packets.offset(i), packets.wireLength(i));
    try (BpfSyscall.TestRun call = new BpfSyscall.TestRun(fd, in, out)) {
      int result = call.run(packets.wireLength(i), 2 * KERNEL_ROOM, 1);
      if (result < 0) {
        throw new IllegalStateException("kernel: test run: errno " + -result);
      }
      return call.retval();
    }
  }

  /** Gives bytes that need not be a program to everything that could fall over them. */
  public void damaged(long seed) {
    damaged++;
    List<Insn> insns;
    try {
      insns = InsnCodec.decode(ProgramGenerator.bytes(seed));
      StructuralVerifier.check(insns);
    } catch (IsaException e) {
      notPrograms++;
      return;
    }
    PacketBatch packets = packets(seed, 1);
    String expected = bounded(insns, false, packets);
    String actual = bounded(insns, true, packets);
    executions++;
    if (!expected.equals(actual)) {
      differences.add(shrink(insns, packets, 0, 0, ProgramFuzz::jitDiffers));
    }
  }

  private static String bounded(List<Insn> insns, boolean jit, PacketBatch packets) {
    Engine engine = new Engine(insns, jit);
    engine.machine.budget(SMALL_BUDGET);
    return engine.run(packets, 0);
  }

  /** Says how engines differ on a program and a packet; empty if they do not. */
  private interface Comparison {
    Optional<String> compare(List<Insn> insns, PacketBatch packet);
  }

  /** Replaces instructions by nothing as long as the engines still differ. */
  private static Difference shrink(
      List<Insn> insns, PacketBatch packets, int i, int from, Comparison comparison) {
    PacketBatch one = new PacketBatch(1, 128);
    one.add(packets.packet(i));
    List<Insn> small = new ArrayList<>(insns);
    Insn nothing = Insn.of(Opcode.JA, 0, 0, 0, 0);
    String what = comparison.compare(small, one).orElse("once, and not again");
    for (int slot = from; slot < small.size(); slot++) {
      Insn before = small.get(slot);
      int slots = before.opcode().slots();
      if (before.opcode() == Opcode.LDDW_HIGH || before.opcode() == Opcode.EXIT) {
        continue;
      }
      List<Insn> saved = List.copyOf(small.subList(slot, slot + slots));
      for (int half = 0; half < slots; half++) {
        small.set(slot + half, nothing);
      }
      Optional<String> still = comparison.compare(small, one);
      if (still.isPresent()) {
        what = still.get();
      } else {
        for (int half = 0; half < slots; half++) {
          small.set(slot + half, saved.get(half));
        }
      }
    }
    return new Difference(List.copyOf(small), one.packet(0).bytes(), what);
  }

  private static Optional<String> jitDiffers(List<Insn> insns, PacketBatch packet) {
    try {
      StructuralVerifier.check(insns);
    } catch (IsaException e) {
      return Optional.empty();
    }
    String left = bounded(insns, false, packet);
    String right = bounded(insns, true, packet);
    return left.equals(right)
        ? Optional.empty()
        : Optional.of("interpreter %s, jit %s".formatted(left, right));
  }

  private Optional<String> kernelDiffers(List<Insn> insns, PacketBatch packet) {
    BpfSyscall.Loaded loaded = BpfSyscall.progLoad(TYPE.number(), InsnCodec.encode(insns));
    if (loaded.fd() < 0) {
      return Optional.empty();
    }
    try {
      String expected = bounded(insns, false, packet);
      int actual = kernel(loaded.fd(), packet, 0);
      return expected.startsWith("insn") || result(expected) == actual
          ? Optional.empty()
          : Optional.of("interpreter %s, kernel %x (low 32 bits)".formatted(expected, actual));
    } finally {
      LibC.close(loaded.fd());
    }
  }

  /** Returns how many runs of interpreter and JIT were compared. */
  public long executions() {
    return executions;
  }

  /** Returns how many of those were compared with the kernel too. */
  public long kernelExecutions() {
    return kernelExecutions;
  }

  /** Returns how many legal programs the kernel's verifier did not take. */
  public long refusedByKernel() {
    return refusedByKernel;
  }

  /** Returns how many damaged programs were tried. */
  public long damaged() {
    return damaged;
  }

  /** Returns how many of those the structural verifier refused. */
  public long notPrograms() {
    return notPrograms;
  }

  /** Returns how many programs showed a divergence of the kernel that is known. */
  public long knownDivergences() {
    return knownDivergences;
  }

  public List<Difference> differences() {
    return List.copyOf(differences);
  }

  @Override
  public void close() {
    in.close();
    out.close();
  }
}
