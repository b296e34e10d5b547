package io.plumbline.emulator.isa;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The instruction table: every instruction of RFC 9669, and what Linux has beyond it. Decoder,
 * encoder, assembler, disassembler, structural verifier, interpreter and JIT read these rows.
 *
 * <pre>
 *   byte 0    1          2..3           4..7
 *   opcode    src:4      offset         immediate
 *             dst:4
 * </pre>
 *
 * <p>Where one opcode byte means several instructions, the selector tells them apart; the form says
 * which field it is in. An instruction of which the semantics is a computation is defined by the
 * method of {@link io.plumbline.emulator.semantics.Alu} or {@link
 * io.plumbline.emulator.semantics.Condition} whose name is operation and width, {@code add64}.
 */
public enum Opcode {
  // Arithmetic (RFC 9669 section 4.1). Selector: the offset field.
  ADD64_K(0x07, Form.ALU_K, 0, "add", 64, 1, Group.BASE64),
  ADD64_X(0x0f, Form.ALU_X, 0, "add", 64, 1, Group.BASE64),
  SUB64_K(0x17, Form.ALU_K, 0, "sub", 64, 1, Group.BASE64),
  SUB64_X(0x1f, Form.ALU_X, 0, "sub", 64, 1, Group.BASE64),
  MUL64_K(0x27, Form.ALU_K, 0, "mul", 64, 1, Group.DIVMUL64),
  MUL64_X(0x2f, Form.ALU_X, 0, "mul", 64, 1, Group.DIVMUL64),
  DIV64_K(0x37, Form.ALU_K, 0, "div", 64, 1, Group.DIVMUL64),
  DIV64_X(0x3f, Form.ALU_X, 0, "div", 64, 1, Group.DIVMUL64),
  SDIV64_K(0x37, Form.ALU_K, 1, "sdiv", 64, 4, Group.DIVMUL64),
  SDIV64_X(0x3f, Form.ALU_X, 1, "sdiv", 64, 4, Group.DIVMUL64),
  OR64_K(0x47, Form.ALU_K, 0, "or", 64, 1, Group.BASE64),
  OR64_X(0x4f, Form.ALU_X, 0, "or", 64, 1, Group.BASE64),
  AND64_K(0x57, Form.ALU_K, 0, "and", 64, 1, Group.BASE64),
  AND64_X(0x5f, Form.ALU_X, 0, "and", 64, 1, Group.BASE64),
  LSH64_K(0x67, Form.ALU_K, 0, "lsh", 64, 1, Group.BASE64),
  LSH64_X(0x6f, Form.ALU_X, 0, "lsh", 64, 1, Group.BASE64),
  RSH64_K(0x77, Form.ALU_K, 0, "rsh", 64, 1, Group.BASE64),
  RSH64_X(0x7f, Form.ALU_X, 0, "rsh", 64, 1, Group.BASE64),
  NEG64(0x87, Form.ALU_UNARY, 0, "neg", 64, 1, Group.BASE64),
  MOD64_K(0x97, Form.ALU_K, 0, "mod", 64, 1, Group.DIVMUL64),
  MOD64_X(0x9f, Form.ALU_X, 0, "mod", 64, 1, Group.DIVMUL64),
  SMOD64_K(0x97, Form.ALU_K, 1, "smod", 64, 4, Group.DIVMUL64),
  SMOD64_X(0x9f, Form.ALU_X, 1, "smod", 64, 4, Group.DIVMUL64),
  XOR64_K(0xa7, Form.ALU_K, 0, "xor", 64, 1, Group.BASE64),
  XOR64_X(0xaf, Form.ALU_X, 0, "xor", 64, 1, Group.BASE64),
  MOV64_K(0xb7, Form.ALU_K, 0, "mov", 64, 1, Group.BASE64),
  MOV64_X(0xbf, Form.ALU_X, 0, "mov", 64, 1, Group.BASE64),
  MOVSX8_64_X(0xbf, Form.ALU_X, 8, "movsx8_", 64, 4, Group.BASE64),
  MOVSX16_64_X(0xbf, Form.ALU_X, 16, "movsx16_", 64, 4, Group.BASE64),
  MOVSX32_64_X(0xbf, Form.ALU_X, 32, "movsx32_", 64, 4, Group.BASE64),
  ARSH64_K(0xc7, Form.ALU_K, 0, "arsh", 64, 1, Group.BASE64),
  ARSH64_X(0xcf, Form.ALU_X, 0, "arsh", 64, 1, Group.BASE64),
  ADD32_K(0x04, Form.ALU_K, 0, "add", 32, 1, Group.BASE32),
  ADD32_X(0x0c, Form.ALU_X, 0, "add", 32, 1, Group.BASE32),
  SUB32_K(0x14, Form.ALU_K, 0, "sub", 32, 1, Group.BASE32),
  SUB32_X(0x1c, Form.ALU_X, 0, "sub", 32, 1, Group.BASE32),
  MUL32_K(0x24, Form.ALU_K, 0, "mul", 32, 1, Group.DIVMUL32),
  MUL32_X(0x2c, Form.ALU_X, 0, "mul", 32, 1, Group.DIVMUL32),
  DIV32_K(0x34, Form.ALU_K, 0, "div", 32, 1, Group.DIVMUL32),
  DIV32_X(0x3c, Form.ALU_X, 0, "div", 32, 1, Group.DIVMUL32),
  SDIV32_K(0x34, Form.ALU_K, 1, "sdiv", 32, 4, Group.DIVMUL32),
  SDIV32_X(0x3c, Form.ALU_X, 1, "sdiv", 32, 4, Group.DIVMUL32),
  OR32_K(0x44, Form.ALU_K, 0, "or", 32, 1, Group.BASE32),
  OR32_X(0x4c, Form.ALU_X, 0, "or", 32, 1, Group.BASE32),
  AND32_K(0x54, Form.ALU_K, 0, "and", 32, 1, Group.BASE32),
  AND32_X(0x5c, Form.ALU_X, 0, "and", 32, 1, Group.BASE32),
  LSH32_K(0x64, Form.ALU_K, 0, "lsh", 32, 1, Group.BASE32),
  LSH32_X(0x6c, Form.ALU_X, 0, "lsh", 32, 1, Group.BASE32),
  RSH32_K(0x74, Form.ALU_K, 0, "rsh", 32, 1, Group.BASE32),
  RSH32_X(0x7c, Form.ALU_X, 0, "rsh", 32, 1, Group.BASE32),
  NEG32(0x84, Form.ALU_UNARY, 0, "neg", 32, 1, Group.BASE32),
  MOD32_K(0x94, Form.ALU_K, 0, "mod", 32, 1, Group.DIVMUL32),
  MOD32_X(0x9c, Form.ALU_X, 0, "mod", 32, 1, Group.DIVMUL32),
  SMOD32_K(0x94, Form.ALU_K, 1, "smod", 32, 4, Group.DIVMUL32),
  SMOD32_X(0x9c, Form.ALU_X, 1, "smod", 32, 4, Group.DIVMUL32),
  XOR32_K(0xa4, Form.ALU_K, 0, "xor", 32, 1, Group.BASE32),
  XOR32_X(0xac, Form.ALU_X, 0, "xor", 32, 1, Group.BASE32),
  MOV32_K(0xb4, Form.ALU_K, 0, "mov", 32, 1, Group.BASE32),
  MOV32_X(0xbc, Form.ALU_X, 0, "mov", 32, 1, Group.BASE32),
  MOVSX8_32_X(0xbc, Form.ALU_X, 8, "movsx8_", 32, 4, Group.BASE32),
  MOVSX16_32_X(0xbc, Form.ALU_X, 16, "movsx16_", 32, 4, Group.BASE32),
  ARSH32_K(0xc4, Form.ALU_K, 0, "arsh", 32, 1, Group.BASE32),
  ARSH32_X(0xcc, Form.ALU_X, 0, "arsh", 32, 1, Group.BASE32),
  // Byte swaps (section 4.2). Selector: the immediate.
  LE16(0xd4, Form.ENDIAN, 16, "le", 16, 1, Group.BASE32),
  LE32(0xd4, Form.ENDIAN, 32, "le", 32, 1, Group.BASE32),
  LE64(0xd4, Form.ENDIAN, 64, "le", 64, 1, Group.BASE64),
  BE16(0xdc, Form.ENDIAN, 16, "be", 16, 1, Group.BASE32),
  BE32(0xdc, Form.ENDIAN, 32, "be", 32, 1, Group.BASE32),
  BE64(0xdc, Form.ENDIAN, 64, "be", 64, 1, Group.BASE64),
  BSWAP16(0xd7, Form.ENDIAN, 16, "bswap", 16, 4, Group.BASE32),
  BSWAP32(0xd7, Form.ENDIAN, 32, "bswap", 32, 4, Group.BASE32),
  BSWAP64(0xd7, Form.ENDIAN, 64, "bswap", 64, 4, Group.BASE64),
  // Jumps (section 4.3).
  JEQ64_K(0x15, Form.JUMP_K, 0, "eq", 64, 1, Group.BASE64),
  JEQ64_X(0x1d, Form.JUMP_X, 0, "eq", 64, 1, Group.BASE64),
  JGT64_K(0x25, Form.JUMP_K, 0, "gt", 64, 1, Group.BASE64),
  JGT64_X(0x2d, Form.JUMP_X, 0, "gt", 64, 1, Group.BASE64),
  JGE64_K(0x35, Form.JUMP_K, 0, "ge", 64, 1, Group.BASE64),
  JGE64_X(0x3d, Form.JUMP_X, 0, "ge", 64, 1, Group.BASE64),
  JSET64_K(0x45, Form.JUMP_K, 0, "set", 64, 1, Group.BASE64),
  JSET64_X(0x4d, Form.JUMP_X, 0, "set", 64, 1, Group.BASE64),
  JNE64_K(0x55, Form.JUMP_K, 0, "ne", 64, 1, Group.BASE64),
  JNE64_X(0x5d, Form.JUMP_X, 0, "ne", 64, 1, Group.BASE64),
  JSGT64_K(0x65, Form.JUMP_K, 0, "sgt", 64, 1, Group.BASE64),
  JSGT64_X(0x6d, Form.JUMP_X, 0, "sgt", 64, 1, Group.BASE64),
  JSGE64_K(0x75, Form.JUMP_K, 0, "sge", 64, 1, Group.BASE64),
  JSGE64_X(0x7d, Form.JUMP_X, 0, "sge", 64, 1, Group.BASE64),
  JLT64_K(0xa5, Form.JUMP_K, 0, "lt", 64, 2, Group.BASE64),
  JLT64_X(0xad, Form.JUMP_X, 0, "lt", 64, 2, Group.BASE64),
  JLE64_K(0xb5, Form.JUMP_K, 0, "le", 64, 2, Group.BASE64),
  JLE64_X(0xbd, Form.JUMP_X, 0, "le", 64, 2, Group.BASE64),
  JSLT64_K(0xc5, Form.JUMP_K, 0, "slt", 64, 2, Group.BASE64),
  JSLT64_X(0xcd, Form.JUMP_X, 0, "slt", 64, 2, Group.BASE64),
  JSLE64_K(0xd5, Form.JUMP_K, 0, "sle", 64, 2, Group.BASE64),
  JSLE64_X(0xdd, Form.JUMP_X, 0, "sle", 64, 2, Group.BASE64),
  JEQ32_K(0x16, Form.JUMP_K, 0, "eq", 32, 3, Group.BASE32),
  JEQ32_X(0x1e, Form.JUMP_X, 0, "eq", 32, 3, Group.BASE32),
  JGT32_K(0x26, Form.JUMP_K, 0, "gt", 32, 3, Group.BASE32),
  JGT32_X(0x2e, Form.JUMP_X, 0, "gt", 32, 3, Group.BASE32),
  JGE32_K(0x36, Form.JUMP_K, 0, "ge", 32, 3, Group.BASE32),
  JGE32_X(0x3e, Form.JUMP_X, 0, "ge", 32, 3, Group.BASE32),
  JSET32_K(0x46, Form.JUMP_K, 0, "set", 32, 3, Group.BASE32),
  JSET32_X(0x4e, Form.JUMP_X, 0, "set", 32, 3, Group.BASE32),
  JNE32_K(0x56, Form.JUMP_K, 0, "ne", 32, 3, Group.BASE32),
  JNE32_X(0x5e, Form.JUMP_X, 0, "ne", 32, 3, Group.BASE32),
  JSGT32_K(0x66, Form.JUMP_K, 0, "sgt", 32, 3, Group.BASE32),
  JSGT32_X(0x6e, Form.JUMP_X, 0, "sgt", 32, 3, Group.BASE32),
  JSGE32_K(0x76, Form.JUMP_K, 0, "sge", 32, 3, Group.BASE32),
  JSGE32_X(0x7e, Form.JUMP_X, 0, "sge", 32, 3, Group.BASE32),
  JLT32_K(0xa6, Form.JUMP_K, 0, "lt", 32, 3, Group.BASE32),
  JLT32_X(0xae, Form.JUMP_X, 0, "lt", 32, 3, Group.BASE32),
  JLE32_K(0xb6, Form.JUMP_K, 0, "le", 32, 3, Group.BASE32),
  JLE32_X(0xbe, Form.JUMP_X, 0, "le", 32, 3, Group.BASE32),
  JSLT32_K(0xc6, Form.JUMP_K, 0, "slt", 32, 3, Group.BASE32),
  JSLT32_X(0xce, Form.JUMP_X, 0, "slt", 32, 3, Group.BASE32),
  JSLE32_K(0xd6, Form.JUMP_K, 0, "sle", 32, 3, Group.BASE32),
  JSLE32_X(0xde, Form.JUMP_X, 0, "sle", 32, 3, Group.BASE32),
  JA(0x05, Form.JA, 0, "ja", 64, 1, Group.BASE32),
  GOTOL(0x06, Form.GOTOL, 0, "gotol", 32, 4, Group.BASE32),
  MAY_GOTO(0xe5, Form.MAY_GOTO, 0, "may_goto", 64, 4, Group.LINUX),
  // Calls (section 4.3.1). Selector: the source register.
  CALL_HELPER(0x85, Form.CALL, 0, "call", 64, 1, Group.BASE32),
  CALL_LOCAL(0x85, Form.CALL, 1, "call local", 64, 1, Group.BASE32),
  CALL_KFUNC(0x85, Form.CALL, 2, "call kfunc", 64, 1, Group.BASE32),
  CALLX(0x8d, Form.CALLX, 0, "callx", 64, 1, Group.CALLX),
  EXIT(0x95, Form.EXIT, 0, "exit", 64, 1, Group.BASE32),
  // Loads and stores (section 5).
  LDXB(0x71, Form.LOAD, 0, "ldx", 8, 1, Group.BASE32),
  LDXH(0x69, Form.LOAD, 0, "ldx", 16, 1, Group.BASE32),
  LDXW(0x61, Form.LOAD, 0, "ldx", 32, 1, Group.BASE32),
  LDXDW(0x79, Form.LOAD, 0, "ldx", 64, 1, Group.BASE64),
  LDXSB(0x91, Form.LOAD, 0, "ldxs", 8, 4, Group.BASE64),
  LDXSH(0x89, Form.LOAD, 0, "ldxs", 16, 4, Group.BASE64),
  LDXSW(0x81, Form.LOAD, 0, "ldxs", 32, 4, Group.BASE64),
  STB(0x72, Form.STORE_K, 0, "st", 8, 1, Group.BASE32),
  STH(0x6a, Form.STORE_K, 0, "st", 16, 1, Group.BASE32),
  STW(0x62, Form.STORE_K, 0, "st", 32, 1, Group.BASE32),
  STDW(0x7a, Form.STORE_K, 0, "st", 64, 1, Group.BASE64),
  STXB(0x73, Form.STORE_X, 0, "stx", 8, 1, Group.BASE32),
  STXH(0x6b, Form.STORE_X, 0, "stx", 16, 1, Group.BASE32),
  STXW(0x63, Form.STORE_X, 0, "stx", 32, 1, Group.BASE32),
  STXDW(0x7b, Form.STORE_X, 0, "stx", 64, 1, Group.BASE64),
  // Atomic operations (section 5.3). Selector: the immediate.
  ATOMIC_ADD64(0xdb, Form.ATOMIC, 0x00, "add", 64, 1, Group.ATOMIC64),
  ATOMIC_FETCH_ADD64(0xdb, Form.ATOMIC_FETCH, 0x01, "add", 64, 3, Group.ATOMIC64),
  ATOMIC_OR64(0xdb, Form.ATOMIC, 0x40, "or", 64, 3, Group.ATOMIC64),
  ATOMIC_FETCH_OR64(0xdb, Form.ATOMIC_FETCH, 0x41, "or", 64, 3, Group.ATOMIC64),
  ATOMIC_AND64(0xdb, Form.ATOMIC, 0x50, "and", 64, 3, Group.ATOMIC64),
  ATOMIC_FETCH_AND64(0xdb, Form.ATOMIC_FETCH, 0x51, "and", 64, 3, Group.ATOMIC64),
  ATOMIC_XOR64(0xdb, Form.ATOMIC, 0xa0, "xor", 64, 3, Group.ATOMIC64),
  ATOMIC_FETCH_XOR64(0xdb, Form.ATOMIC_FETCH, 0xa1, "xor", 64, 3, Group.ATOMIC64),
  ATOMIC_XCHG64(0xdb, Form.ATOMIC_FETCH, 0xe1, "xchg", 64, 3, Group.ATOMIC64),
  ATOMIC_CMPXCHG64(0xdb, Form.CMPXCHG, 0xf1, "cmpxchg", 64, 3, Group.ATOMIC64),
  ATOMIC_ADD32(0xc3, Form.ATOMIC, 0x00, "add", 32, 1, Group.ATOMIC32),
  ATOMIC_FETCH_ADD32(0xc3, Form.ATOMIC_FETCH, 0x01, "add", 32, 3, Group.ATOMIC32),
  ATOMIC_OR32(0xc3, Form.ATOMIC, 0x40, "or", 32, 3, Group.ATOMIC32),
  ATOMIC_FETCH_OR32(0xc3, Form.ATOMIC_FETCH, 0x41, "or", 32, 3, Group.ATOMIC32),
  ATOMIC_AND32(0xc3, Form.ATOMIC, 0x50, "and", 32, 3, Group.ATOMIC32),
  ATOMIC_FETCH_AND32(0xc3, Form.ATOMIC_FETCH, 0x51, "and", 32, 3, Group.ATOMIC32),
  ATOMIC_XOR32(0xc3, Form.ATOMIC, 0xa0, "xor", 32, 3, Group.ATOMIC32),
  ATOMIC_FETCH_XOR32(0xc3, Form.ATOMIC_FETCH, 0xa1, "xor", 32, 3, Group.ATOMIC32),
  ATOMIC_XCHG32(0xc3, Form.ATOMIC_FETCH, 0xe1, "xchg", 32, 3, Group.ATOMIC32),
  ATOMIC_CMPXCHG32(0xc3, Form.CMPXCHG, 0xf1, "cmpxchg", 32, 3, Group.ATOMIC32),
  LOAD_ACQ_B(0xd3, Form.LOAD_ACQ, 0x100, "load_acquire", 8, 4, Group.LINUX),
  LOAD_ACQ_H(0xcb, Form.LOAD_ACQ, 0x100, "load_acquire", 16, 4, Group.LINUX),
  LOAD_ACQ_W(0xc3, Form.LOAD_ACQ, 0x100, "load_acquire", 32, 4, Group.LINUX),
  LOAD_ACQ_DW(0xdb, Form.LOAD_ACQ, 0x100, "load_acquire", 64, 4, Group.LINUX),
  STORE_REL_B(0xd3, Form.STORE_REL, 0x110, "store_release", 8, 4, Group.LINUX),
  STORE_REL_H(0xcb, Form.STORE_REL, 0x110, "store_release", 16, 4, Group.LINUX),
  STORE_REL_W(0xc3, Form.STORE_REL, 0x110, "store_release", 32, 4, Group.LINUX),
  STORE_REL_DW(0xdb, Form.STORE_REL, 0x110, "store_release", 64, 4, Group.LINUX),
  // 64-bit immediates (section 5.4). Selector: the source register.
  LDDW(0x18, Form.LDDW, 0, "lddw", 64, 1, Group.BASE64),
  LDDW_MAP_FD(0x18, Form.LDDW, 1, "lddw", 64, 1, Group.BASE64),
  LDDW_MAP_VALUE(0x18, Form.LDDW, 2, "lddw", 64, 1, Group.BASE64),
  LDDW_BTF_ID(0x18, Form.LDDW, 3, "lddw", 64, 1, Group.BASE64),
  LDDW_FUNC(0x18, Form.LDDW, 4, "lddw", 64, 1, Group.BASE64),
  LDDW_MAP_INDEX(0x18, Form.LDDW, 5, "lddw", 64, 1, Group.BASE64),
  LDDW_MAP_INDEX_VALUE(0x18, Form.LDDW, 6, "lddw", 64, 1, Group.BASE64),
  // Legacy packet access (section 5.5).
  LD_ABS_B(0x30, Form.LD_ABS, 0, "ldabs", 8, 1, Group.PACKET),
  LD_ABS_H(0x28, Form.LD_ABS, 0, "ldabs", 16, 1, Group.PACKET),
  LD_ABS_W(0x20, Form.LD_ABS, 0, "ldabs", 32, 1, Group.PACKET),
  LD_IND_B(0x50, Form.LD_IND, 0, "ldind", 8, 1, Group.PACKET),
  LD_IND_H(0x48, Form.LD_IND, 0, "ldind", 16, 1, Group.PACKET),
  LD_IND_W(0x40, Form.LD_IND, 0, "ldind", 32, 1, Group.PACKET),
  /** The second half of a 64-bit immediate; not an instruction of its own. */
  LDDW_HIGH(0x00, Form.HIGH, 0, "", 64, 1, Group.BASE64),
  /** Linux: a pointer from one address space to another, for arenas. Selector: the offset field. */
  ADDR_SPACE_CAST(0xbf, Form.CAST, 1, "addr_space_cast", 64, 4, Group.LINUX);

  /** Which fields an instruction uses, and what it does with them. */
  public enum Form {
    /** dst = dst op imm. */
    ALU_K(true, false, false, true),
    /** dst = dst op src. */
    ALU_X(true, true, false, false),
    /** dst = op dst. */
    ALU_UNARY(true, false, false, false),
    /** dst = swapped dst. */
    ENDIAN(true, false, false, false),
    /** if dst op imm, jump by offset. */
    JUMP_K(true, false, true, true),
    /** if dst op src, jump by offset. */
    JUMP_X(true, true, true, false),
    /** Jump by offset. */
    JA(false, false, true, false),
    /** Jump by imm. */
    GOTOL(false, false, false, true),
    /** Jump by offset when the loop has had its turns. */
    MAY_GOTO(false, false, true, false),
    /** Call what imm names. */
    CALL(false, false, false, true),
    /**
     * Call what a register names: dst, or, as older compilers write it, the one numbered by imm.
     */
    CALLX(true, false, false, true),
    /** Return r0. */
    EXIT(false, false, false, false),
    /** dst = memory at src + offset. */
    LOAD(true, true, true, false),
    /** Memory at dst + offset = imm. */
    STORE_K(true, false, true, true),
    /** Memory at dst + offset = src. */
    STORE_X(true, true, true, false),
    /** Memory at dst + offset op= src. */
    ATOMIC(true, true, true, false),
    /** Memory at dst + offset op= src, and src = what was there. */
    ATOMIC_FETCH(true, true, true, false),
    /** If memory at dst + offset is r0 it becomes src; r0 = what was there. */
    CMPXCHG(true, true, true, false),
    /** dst = memory at src + offset, ordered. */
    LOAD_ACQ(true, true, true, false),
    /** Memory at dst + offset = src, ordered. */
    STORE_REL(true, true, true, false),
    /** dst = a 64-bit constant, or what it names. */
    LDDW(true, false, false, true),
    /** r0 = packet bytes at imm, in host order. */
    LD_ABS(false, false, false, true),
    /** r0 = packet bytes at src + imm, in host order. */
    LD_IND(false, true, false, true),
    /** Nothing: half of the instruction before. */
    HIGH(false, false, false, true),
    /** dst = src as a pointer of another address space; imm names both. */
    CAST(true, true, false, true);

    private final boolean dst;
    private final boolean src;
    private final boolean offset;
    private final boolean imm;

    Form(boolean dst, boolean src, boolean offset, boolean imm) {
      this.dst = dst;
      this.src = src;
      this.offset = offset;
      this.imm = imm;
    }

    public boolean usesDst() {
      return dst;
    }

    public boolean usesSrc() {
      return src;
    }

    public boolean usesOffset() {
      return offset;
    }

    public boolean usesImm() {
      return imm;
    }

    /** Returns whether the instruction leaves a result in its dst register. */
    public boolean writesDst() {
      return switch (this) {
        case ALU_K, ALU_X, ALU_UNARY, ENDIAN, LOAD, LOAD_ACQ, LDDW, CAST -> true;
        default -> false;
      };
    }

    /** Returns whether it may go on elsewhere by its offset field. */
    public boolean jumpsByOffset() {
      return this == JUMP_K || this == JUMP_X || this == JA || this == MAY_GOTO;
    }
  }

  /** Conformance groups (RFC 9669 section 2.4); LINUX: not in the RFC. */
  public enum Group {
    BASE32,
    BASE64,
    DIVMUL32,
    DIVMUL64,
    ATOMIC32,
    ATOMIC64,
    PACKET,
    CALLX,
    LINUX
  }

  private static final Map<Integer, List<Opcode>> BY_CODE = new HashMap<>();

  static {
    for (Opcode opcode : values()) {
      if (opcode.form != Form.HIGH) {
        BY_CODE.computeIfAbsent(opcode.code, code -> new ArrayList<>()).add(opcode);
      }
    }
  }

  private final int code;
  private final Form form;
  private final int selector;
  private final String operation;
  private final int width;
  private final int cpu;
  private final Group group;

  Opcode(int code, Form form, int selector, String operation, int width, int cpu, Group group) {
    this.code = code;
    this.form = form;
    this.selector = selector;
    this.operation = operation;
    this.width = width;
    this.cpu = cpu;
    this.group = group;
  }

  /** Returns the opcode byte, 0..255. */
  public int code() {
    return code;
  }

  public Form form() {
    return form;
  }

  /** Returns the value of the field that tells instructions of one opcode byte apart. */
  public int selector() {
    return selector;
  }

  /** Returns the operation's name without its width, {@code add}. */
  public String operation() {
    return operation;
  }

  /** Returns how many bits are computed with, or moved from or to memory. */
  public int width() {
    return width;
  }

  /** Returns how many bytes are moved from or to memory. */
  public int bytes() {
    return width / 8;
  }

  /** Returns whether what is loaded is taken with its sign. */
  public boolean signExtends() {
    return operation.equals("ldxs");
  }

  /** Returns the first version of the instruction set, 1..4 as compilers number it, that has it. */
  public int cpu() {
    return cpu;
  }

  public Group group() {
    return group;
  }

  /** Returns the name of the method that defines what is computed, {@code add64}. */
  public String semantics() {
    return operation + width;
  }

  /** Returns how many 8-byte slots it takes. */
  public int slots() {
    return form == Form.LDDW ? 2 : 1;
  }

  /** Returns whether the selector is in the offset field. */
  public boolean selectsByOffset() {
    return switch (form) {
      case ALU_K, ALU_X, ALU_UNARY, CAST -> true;
      default -> false;
    };
  }

  /** Returns whether the selector is in the immediate. */
  public boolean selectsByImm() {
    return switch (form) {
      case ENDIAN, ATOMIC, ATOMIC_FETCH, CMPXCHG, LOAD_ACQ, STORE_REL -> true;
      default -> false;
    };
  }

  /** Returns whether the selector is in the source register field. */
  public boolean selectsBySrc() {
    return form == Form.LDDW || form == Form.CALL || form == Form.MAY_GOTO;
  }

  /** Finds the instruction that these fields mean; empty if there is none. */
  public static Optional<Opcode> of(int code, int src, int offset, int imm) {
    for (Opcode row : BY_CODE.getOrDefault(code, List.of())) {
      int field =
          row.selectsByOffset()
              ? offset
              : row.selectsByImm() ? imm : row.selectsBySrc() ? src : row.selector;
      if (field == row.selector) {
        return Optional.of(row);
      }
    }
    return Optional.empty();
  }

  /** Returns whether any instruction has this opcode byte. */
  public static boolean known(int code) {
    return BY_CODE.containsKey(code);
  }

  /**
   * {@link #ordinal} of each row as a constant. A switch over rows looks its case up in two tables,
   * which costs an interpreter a tenth of its time.
   */
  public static final class Ordinal {
    public static final int ADD64_K = 0;
    public static final int ADD64_X = 1;
    public static final int SUB64_K = 2;
    public static final int SUB64_X = 3;
    public static final int MUL64_K = 4;
    public static final int MUL64_X = 5;
    public static final int OR64_K = 10;
    public static final int OR64_X = 11;
    public static final int AND64_K = 12;
    public static final int AND64_X = 13;
    public static final int LSH64_K = 14;
    public static final int LSH64_X = 15;
    public static final int RSH64_K = 16;
    public static final int RSH64_X = 17;
    public static final int XOR64_K = 23;
    public static final int XOR64_X = 24;
    public static final int MOV64_K = 25;
    public static final int MOV64_X = 26;
    public static final int ARSH64_K = 30;
    public static final int ARSH64_X = 31;
    public static final int ADD32_K = 32;
    public static final int ADD32_X = 33;
    public static final int SUB32_K = 34;
    public static final int SUB32_X = 35;
    public static final int MUL32_K = 36;
    public static final int MUL32_X = 37;
    public static final int OR32_K = 42;
    public static final int OR32_X = 43;
    public static final int AND32_K = 44;
    public static final int AND32_X = 45;
    public static final int LSH32_K = 46;
    public static final int LSH32_X = 47;
    public static final int RSH32_K = 48;
    public static final int RSH32_X = 49;
    public static final int XOR32_K = 55;
    public static final int XOR32_X = 56;
    public static final int MOV32_K = 57;
    public static final int MOV32_X = 58;
    public static final int ARSH32_K = 61;
    public static final int ARSH32_X = 62;
    public static final int BE16 = 66;
    public static final int BE32 = 67;
    public static final int BE64 = 68;
    public static final int JEQ64_K = 72;
    public static final int JEQ64_X = 73;
    public static final int JGT64_K = 74;
    public static final int JGT64_X = 75;
    public static final int JGE64_K = 76;
    public static final int JGE64_X = 77;
    public static final int JSET64_K = 78;
    public static final int JSET64_X = 79;
    public static final int JNE64_K = 80;
    public static final int JNE64_X = 81;
    public static final int JSGT64_K = 82;
    public static final int JSGT64_X = 83;
    public static final int JSGE64_K = 84;
    public static final int JSGE64_X = 85;
    public static final int JLT64_K = 86;
    public static final int JLT64_X = 87;
    public static final int JLE64_K = 88;
    public static final int JLE64_X = 89;
    public static final int JSLT64_K = 90;
    public static final int JSLT64_X = 91;
    public static final int JSLE64_K = 92;
    public static final int JSLE64_X = 93;
    public static final int JEQ32_K = 94;
    public static final int JEQ32_X = 95;
    public static final int JGT32_K = 96;
    public static final int JGT32_X = 97;
    public static final int JGE32_K = 98;
    public static final int JGE32_X = 99;
    public static final int JNE32_K = 102;
    public static final int JNE32_X = 103;
    public static final int JLT32_K = 108;
    public static final int JLT32_X = 109;
    public static final int JLE32_K = 110;
    public static final int JLE32_X = 111;
    public static final int JA = 116;
    public static final int CALL_HELPER = 119;
    public static final int CALL_LOCAL = 120;
    public static final int EXIT = 123;
    public static final int LDXB = 124;
    public static final int LDXH = 125;
    public static final int LDXW = 126;
    public static final int LDXDW = 127;
    public static final int STB = 131;
    public static final int STH = 132;
    public static final int STW = 133;
    public static final int STDW = 134;
    public static final int STXB = 135;
    public static final int STXH = 136;
    public static final int STXW = 137;
    public static final int STXDW = 138;
    public static final int LDDW = 167;
    public static final int LDDW_MAP_FD = 168;
    public static final int LDDW_MAP_VALUE = 169;
    public static final int LDDW_BTF_ID = 170;
    public static final int LDDW_FUNC = 171;
    public static final int LDDW_MAP_INDEX = 172;
    public static final int LDDW_MAP_INDEX_VALUE = 173;

    private Ordinal() {}
  }
}
