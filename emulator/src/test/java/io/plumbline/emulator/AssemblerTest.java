package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.vm.Flat;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Text as compilers, disassemblers and the kernel write it, and what is no instruction. */
class AssemblerTest {
  private static String bytes(String source) throws IsaException {
    return HexFormat.of().formatHex(InsnCodec.encode(Assembler.assemble(source)));
  }

  /** The first is how another tool writes the second; the third is the encoding. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          w1 = *(u8 *)(r1 + 0) | r1 = *(u8 *)(r1 + 0) | 7111000000000000
          w1 = *(u16 *)(r1 + 0) | r1 = *(u16 *)(r1 + 0) | 6911000000000000
          w1 = *(u32 *)(r1 + 0) | r1 = *(u32 *)(r1 + 0) | 6111000000000000
          w1 = *(u32 *)(r10 - 0x4) | r1 = *(u32 *)(r10 - 4) | 61a1fcff00000000
          r1 = *(u64 *)(r10 -8) | r1 = *(u64 *)(r10 - 8) | 79a1f8ff00000000
          r1 = *(s32 *)(r2 + 0x8) | r1 = *(s32 *)(r2 + 8) | 8121080000000000
          *(u32 *)(r1 + 0x4) = w2 | *(u32 *)(r1 + 4) = r2 | 6321040000000000
          *(u64 *)(r10 - 0x8) = 0x0 | *(u64 *)(r10 - 8) = 0 | 7a0af8ff00000000
          *(u32 *)(r1 + 0) = 0xffffffff | *(u32 *)(r1 + 0) = -1 | 62010000ffffffff
          lock *(u32 *)(r1 + 0x0) += w2 | lock *(u32 *)(r1 + 0) += r2 | c321000000000000
          w2 = atomic_fetch_add((u32 *)(r1 + 0x0), w2) | w2 = atomic_fetch_add((u32 *)(r1 + 0), w2) | c321000001000000
          r2 = atomic_fetch_xor((u64 *)(r1 - 0x8), r2) | r2 = atomic_fetch_xor((u64 *)(r1 - 8), r2) | db21f8ffa1000000
          r2 = xchg_64(r1 + 0x0, r2) | r2 = xchg_64(r1 + 0, r2) | db210000e1000000
          w2 = xchg32_32(r1 + 0x0, w2) | w2 = xchg32_32(r1 + 0, w2) | c3210000e1000000
          r0 = cmpxchg_64(r1 + 0x0, r0, r2) | r0 = cmpxchg_64(r1 + 0, r0, r2) | db210000f1000000
          w0 = cmpxchg32_32(r1 + 0x0, w0, w2) | w0 = cmpxchg32_32(r1 + 0, w0, w2) | c3210000f1000000
          w1 = load_acquire((u32 *)(r2 + 0x0)) | r1 = load_acquire((u32 *)(r2 + 0)) | c321000000010000
          store_release((u8 *)(r1 + 0x1), w2) | store_release((u8 *)(r1 + 1), r2) | d321010010010000
          if r1 == 0x5 goto +0x1 <f+0x10> | if r1 == 5 goto +1 | 1501010005000000
          if w1 s> -0x1 goto -0x2 <f> | if w1 s> -1 goto -2 | 6601feffffffffff
          if r1 & 0x1 goto pc+2 | if r1 & 1 goto +2 | 4501020001000000
          if w1 != 0xffffffff goto +1 | if w1 != -1 goto +1 | 56010100ffffffff
          goto +0x3 <LBB0_3> | goto +3 | 0500030000000000
          goto pc-1 | goto -1 | 0500ffff00000000
          gotol +0x12345 <LBB0_3> | gotol +74565 | 0600000045230100
          may_goto +0x5 <LBB0_3> | may_goto +5 | e500050000000000
          callx r3 | callx r3 | 8d03000000000000
          call 0x19 | call 25 | 8500000019000000
          call bpf_map_lookup_elem#1 | call 1 | 8500000001000000
          call pc+0x2 | call pc+2 | 8510000002000000
          r1 = 0x7fffffffffffffff ll | r1 = 9223372036854775807 ll | 18010000ffffffff00000000ffffff7f
          r1 = addr_space_cast(r2, 0x0, 0x1) | r1 = addr_space_cast(r2, 0, 1) | bf21010001000000
          r1 = addr_space_cast(r1, 1, 0) | r1 = addr_space_cast(r1, 1, 0) | bf11010000000100
          r0 = *(u16 *)skb[0xc] | r0 = *(u16 *)skb[12] | 280000000c000000
          r0 = *(u8 *)skb[r1] | r0 = *(u8 *)skb[r1 + 0] | 5010000000000000
          r0 = *(u32 *)skb[0xfffff000] | r0 = *(u32 *)skb[-4096] | 2000000000f0ffff
          w0 = 0x80000000 | w0 = -2147483648 | b400000000000080
          mov32 %r0, 0x80000000 | w0 = -2147483648 | b400000000000080
          w1 = (s8)w2 | w1 = (s8)w2 | bc21080000000000
          r1 s%= 0x3 | r1 s%= 3 | 9701010003000000
          w1 = -w1 | w1 = -w1 | 8401000000000000
          r1 = bswap32 r1 | r1 = bswap32 r1 | d701000020000000
          """)
  void otherSpellingsAreTheSame(String written, String ours, String encoding) throws Exception {
    assertThat(bytes(written)).isEqualTo(encoding);
    assertThat(Disassembler.lines(Assembler.assemble(written))).containsExactly(ours);
    assertThat(bytes(ours)).isEqualTo(encoding);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          mov32 %r0, 2147483648 | immediate 2147483648: expected -2147483648..2147483647
          w0 = 2147483648 | immediate 2147483648: expected -2147483648..2147483647
          w0 = 0x100000000 | immediate 0x100000000: expected -2147483648..2147483647
          w0 = -2147483649 | immediate -2147483649: expected -2147483648..2147483647
          r0 = 0x80000000 | immediate 0x80000000: expected -2147483648..2147483647
          r0 += 4294967295 | immediate 4294967295: expected -2147483648..2147483647
          add %r0, 0xffffffff | immediate 0xffffffff: expected -2147483648..2147483647
          if r1 == 0xffffffff goto +1 | immediate 0xffffffff: expected -2147483648..2147483647
          jeq %r1, 4294967296, +1 | immediate 4294967296: expected -2147483648..2147483647
          *(u64 *)(r1 + 0) = 0xffffffff | immediate 0xffffffff: expected -2147483648..2147483647
          stdw [%r1+0], 2147483648 | immediate 2147483648: expected -2147483648..2147483647
          *(u8 *)(r1 + 0) = 4294967296 | immediate 4294967296: expected -2147483648..2147483647
          call 4294967296 | immediate 4294967296: expected -2147483648..2147483647
          r0 = *(u8 *)skb[4294967296] | immediate 4294967296: expected -2147483648..2147483647
          r1 = map_fd(4294967296) ll | immediate 4294967296: expected -2147483648..2147483647
          r1 = 18446744073709551616 ll | number 18446744073709551616: expected at most 64 bits
          r1 = -9223372036854775809 ll | number -9223372036854775809: expected at most 64 bits
          r1 = *(u8 *)(r2 + 32768) | offset 32768: expected -32768..32767
          r1 = addr_space_cast(r2, 0, 65536) | offset 65536: expected -32768..32767
          w1 = *(u64 *)(r2 + 0) | 64 bits in memory: expected a register r0..r10
          w1 = *(s8 *)(r2 + 0) | load with its sign: expected a register r0..r10
          *(u64 *)(r2 + 0) = w1 | 64 bits in memory: expected a register r0..r10
          lock *(u64 *)(r1 + 0) += w2 | 64 bits in memory: expected a register r0..r10
          w1 = r2 | registers of 32 and of 64 bits: expected one width
          r1 += w2 | registers of 32 and of 64 bits: expected one width
          if w1 == r2 goto +1 | registers of 32 and of 64 bits: expected one width
          r1 = -r2 | r1 = -r2: expected one register
          r1 = atomic_fetch_add((u64 *)(r2 + 0), r3) | 'r1 = atomic_fetch_add((u64 *)(r2 + 0), r3)': expected one register
          """)
  void whatDoesNotFitIsRefused(String text, String refusal) {
    assertThatThrownBy(() -> Assembler.assemble(text))
        .isInstanceOf(IsaException.class)
        .hasMessage("line 1: " + refusal);
  }

  @Test
  void aWholeListingIsRead() throws Exception {
    List<Insn> insns =
        Assembler.assemble(
            """

            count.o:\tfile format elf64-bpf

            Disassembly of section tc:

            0000000000000000 <f>:
                   0:\tb7 02 00 00 03 00 00 00\tr2 = 0x3
                   1:\t18 01 00 00 08 00 00 00 00 00 00 00 00 00 00 00\tr1 = 0x8 ll
                   3:\t0f 21 00 00 00 00 00 00\tr1 += r2
                   4:\t25 01 01 00 05 00 00 00\tif r1 > 0x5 goto +0x1 <LBB0_2>
                   5:\tb4 00 00 00 00 00 00 00\tw0 = 0x0

            0000000000000030 <LBB0_2>:
                   6:\tbf 10 00 00 00 00 00 00\tr0 = r1
                   7:\t95 00 00 00 00 00 00 00\texit
            """);
    assertThat(new Flat(insns, m -> Interpreter::of).run(new byte[0])).isEqualTo(11);
    assertThat(Assembler.assemble("0: (b7) r0 = 0\n1: (95) exit"))
        .isEqualTo(Assembler.assemble("r0 = 0\nexit"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"r1 = addr_space_cast(r1, 0, 1)\nr0 = 0\nexit"})
  void aCastNeedsAnArena(String source) throws Exception {
    List<Insn> insns = Assembler.assemble(source);
    assertThatThrownBy(() -> new Flat(insns, m -> Interpreter::of))
        .hasMessage("insn 0 (r1 = addr_space_cast(r1, 0, 1)): it needs an arena: not supported");
  }
}
