package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random operations on a map of the emulator and on one of the kernel, by the same program; both
 * return and hold the same throughout.
 */
class MapTest {
  private static final int OPERATIONS = 4000;

  /** Key at 14, value at 26, flags at 34; what happens is byte 44. */
  private static final String PROGRAM =
      """
      r6 = r1
      r2 = *(u32 *)(r1 + 76)
      r3 = *(u32 *)(r1 + 80)
      r4 = r2
      r4 += 64
      r0 = 99
      if r4 > r3 goto end
      r5 = *(u64 *)(r2 + 14)
      *(u64 *)(r10 - 16) = r5
      r5 = *(u32 *)(r2 + 22)
      *(u64 *)(r10 - 8) = r5
      r5 = *(u64 *)(r2 + 26)
      *(u64 *)(r10 - 24) = r5
      r9 = *(u64 *)(r2 + 34)
      r8 = *(u8 *)(r2 + 44)
      r7 = 0x7777 ll
      r2 = r10
      r2 += -16
      if r8 == 1 goto update
      if r8 == 2 goto delete
      r1 = r7
      call 1
      if r0 == 0 goto end
      r1 = *(u64 *)(r0 + 0)
      r0 = r1
      r1 >>= 32
      r0 ^= r1
      goto end
      update:
      r1 = r7
      r3 = r10
      r3 += -24
      r4 = r9
      call 2
      goto end
      delete:
      r1 = r7
      call 3
      end:
      exit
      """;

  /** The same for maps without keys: push, pop and peek. */
  private static final String QUEUE =
      """
      r6 = r1
      r2 = *(u32 *)(r1 + 76)
      r3 = *(u32 *)(r1 + 80)
      r4 = r2
      r4 += 64
      r0 = 99
      if r4 > r3 goto end
      r5 = *(u64 *)(r2 + 26)
      *(u64 *)(r10 - 24) = r5
      r9 = *(u64 *)(r2 + 34)
      r8 = *(u8 *)(r2 + 44)
      r7 = 0x7777 ll
      r2 = r10
      r2 += -24
      r1 = r7
      if r8 == 1 goto push
      if r8 == 2 goto pop
      call 89
      goto value
      push:
      r3 = r9
      call 87
      goto end
      pop:
      call 88
      value:
      r1 = *(u64 *)(r10 - 24)
      r0 <<= 8
      r0 += r1
      end:
      exit
      """;

  private static List<Insn> program(String source, Opcode opcode, long map) throws Exception {
    List<Insn> insns = new ArrayList<>(Assembler.assemble(source));
    insns.replaceAll(
        insn ->
            insn.opcode() == Opcode.LDDW && insn.imm() == 0x7777
                ? Insn.of(opcode, insn.dst(), 0, 0, map)
                : insn);
    return insns;
  }

  private static byte[] packet(SplittableRandom random, MapType type) {
    byte[] bytes = new byte[64];
    bytes[12] = (byte) 0x88;
    bytes[13] = (byte) 0xB5;
    if (type == MapType.LPM_TRIE) {
      bytes[14] = (byte) random.nextInt(34);
      bytes[18] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : 10);
      bytes[19] = (byte) (random.nextInt(3) == 0 ? random.nextInt() : 1 << random.nextInt(8));
      bytes[20] = (byte) (random.nextInt(4) == 0 ? 0x80 : 0);
    } else {
      bytes[14] = (byte) random.nextInt(24);
    }
    for (int i = 26; i < 34; i++) {
      bytes[i] = (byte) random.nextInt();
    }
    bytes[34] = (byte) (random.nextInt(3) == 0 ? random.nextInt(6) : 0);
    bytes[44] = (byte) random.nextInt(4);
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({
    "HASH, 4, 16, 0",
    "HASH, 8, 16, 0",
    "HASH, 4, 16, 1",
    "ARRAY, 4, 16, 0",
    "PERCPU_ARRAY, 4, 16, 0",
    "PERCPU_HASH, 4, 16, 0",
    "LRU_HASH, 4, 64, 0",
    "LPM_TRIE, 8, 40, 1",
    "LPM_TRIE, 8, 500, 1",
    "QUEUE, 0, 8, 0",
    "STACK, 0, 8, 0"
  })
  @Tag("kernel")
  void operationsDoWhatTheKernelsDo(MapType type, int keySize, int entries, int flags)
      throws Exception {
    KernelNeeded.orSkip();
    String source = keySize == 0 ? QUEUE : PROGRAM;
    Machine machine = new Machine();
    Frames frames = new Frames(machine, ContextType.SCHED_CLS);
    BpfMap map =
        MapType.create(machine, MapSpec.of("map", type.number(), keySize, 8, entries, flags));
    Program program =
        new Program("map", program(source, Opcode.LDDW, map.address()), new Jit(machine, true));
    int fd = BpfSyscall.mapCreate(type.number(), keySize, 8, entries, flags);
    assertThat(fd).as("kernel: map").isNotNegative();
    SplittableRandom random = new SplittableRandom(type.number());
    try (RawKernelProgram kernel = new RawKernelProgram(program(source, Opcode.LDDW_MAP_FD, fd))) {
      assertThat(kernel.refusal()).isEmpty();
      for (int i = 0; i < OPERATIONS; i++) {
        byte[] bytes = packet(random, type);
        PacketBatch batch = new PacketBatch(1, 64);
        batch.add(Packet.of(bytes));
        frames.show(batch, 0);
        int actual = (int) machine.run(program, Machine.CONTEXT, 0);
        int expected = kernel.run(bytes);
        if (type.name().startsWith("PERCPU") && bytes[44] != 1 && bytes[44] != 2) {
          // Which processor the kernel is on is not ours to choose.
          continue;
        }
        assertThat(actual)
            .as("operation %d: what %d, key %d, flags %d", i, bytes[44], bytes[14], bytes[34])
            .isEqualTo(expected);
      }
    } finally {
      LibC.close(fd);
    }
  }
}
