package io.plumbline.conformance.fuzz;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.Opcode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Makes programs that the kernel's verifier takes: for traffic control, registers and stack filled
 * from the packet, any arithmetic, jumps forward and bounded loops, loads, stores and atomics on
 * the stack, calls of a function; what is in registers and stack at the end goes into r0.
 */
public final class ProgramGenerator {
  /** Bytes of a packet that every program reads. */
  public static final int INPUT_BYTES = 14 + 64;

  private static final int CELLS = 4;
  private static final int REGISTERS = 10;

  /** Instructions that fill registers and stack. */
  static final int PROLOGUE_SLOTS = 7 + 2 * CELLS + REGISTERS;

  private static final int[] SIZES = {1, 2, 4, 8};

  private static final List<Opcode> ARITHMETIC =
      Arrays.stream(Opcode.values())
          .filter(
              row ->
                  switch (row.form()) {
                    case ALU_K, ALU_X, ALU_UNARY, ENDIAN -> true;
                    default -> false;
                  })
          .toList();
  private static final List<Opcode> JUMPS = rows(Opcode.Form.JUMP_K, Opcode.Form.JUMP_X);
  private static final List<Opcode> ATOMICS =
      rows(Opcode.Form.ATOMIC, Opcode.Form.ATOMIC_FETCH, Opcode.Form.CMPXCHG);
  private static final List<Opcode> LOADS = rows(Opcode.Form.LOAD);
  private static final List<Opcode> STORES = rows(Opcode.Form.STORE_K, Opcode.Form.STORE_X);

  private final SplittableRandom random;
  private final List<Insn> out = new ArrayList<>();

  private final boolean extend;

  private ProgramGenerator(long seed, boolean extend) {
    random = new SplittableRandom(seed);
    this.extend = extend;
  }

  private static List<Opcode> rows(Opcode.Form... forms) {
    return Arrays.stream(Opcode.values())
        .filter(row -> Arrays.asList(forms).contains(row.form()))
        .toList();
  }

  /** Returns the program of a seed. */
  public static List<Insn> program(long seed) {
    return new ProgramGenerator(seed, false).all();
  }

  /**
   * Returns the program of a seed, with r0 extended once more by an instruction of its own behind
   * each 32-bit {@code cmpxchg}; that computes the same.
   */
  public static List<Insn> extendedProgram(long seed) {
    return new ProgramGenerator(seed, true).all();
  }

  /** Returns bytes that need not be a program: one that was damaged, or none at all. */
  public static byte[] bytes(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    if (random.nextInt(4) == 0) {
      byte[] bytes = new byte[8 * (1 + random.nextInt(40))];
      random.nextBytes(bytes);
      for (int i = 0; i < bytes.length; i += 8) {
        // An opcode that exists, registers that exist, now and then.
        bytes[i] = (byte) pick(random, List.of(Opcode.values())).code();
        bytes[i + 1] = (byte) (random.nextInt(11) << 4 | random.nextInt(11));
        if (random.nextBoolean()) {
          bytes[i + 2] = (byte) (random.nextInt(16) - 4);
          bytes[i + 3] = (byte) (bytes[i + 2] < 0 ? -1 : 0);
          Arrays.fill(bytes, i + 5, i + 8, (byte) 0);
        }
      }
      return bytes;
    }
    byte[] bytes = InsnCodec.encode(program(seed));
    for (int damage = 1 + random.nextInt(4); damage > 0; damage--) {
      int at = random.nextInt(bytes.length);
      bytes[at] =
          random.nextBoolean()
              ? (byte) random.nextInt()
              : (byte) (bytes[at] ^ 1 << random.nextInt(8));
    }
    return bytes;
  }

  private static <T> T pick(SplittableRandom random, List<T> among) {
    return among.get(random.nextInt(among.size()));
  }

  private void add(Opcode opcode, int dst, int src, int off, long imm) {
    out.add(Insn.of(opcode, dst, src, off, imm));
    if (opcode.slots() == 2) {
      out.add(Insn.HIGH);
    }
  }

  private List<Insn> all() {
    prologue();
    int most = 3 + random.nextInt(30);
    for (int i = 0; i < most; i++) {
      one(REGISTERS);
    }
    if (random.nextInt(4) == 0) {
      loop();
    }
    boolean calls = random.nextInt(4) == 0;
    int call = out.size();
    if (calls) {
      add(Opcode.CALL_LOCAL, 0, 0, 0, 0);
      for (int register = 1; register <= 5; register++) {
        add(Opcode.MOV64_K, register, 0, 0, random.nextInt());
      }
    }
    epilogue();
    if (calls) {
      out.set(call, Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, out.size() - call - 1));
      function();
    }
    return List.copyOf(out);
  }

  private void prologue() {
    add(Opcode.LDXW, 2, 1, 76, 0);
    add(Opcode.LDXW, 3, 1, 80, 0);
    add(Opcode.MOV64_X, 4, 2, 0, 0);
    add(Opcode.ADD64_K, 4, 0, 0, INPUT_BYTES);
    add(Opcode.JLE64_X, 4, 3, 2, 0);
    add(Opcode.MOV64_K, 0, 0, 0, 0);
    add(Opcode.EXIT, 0, 0, 0, 0);
    for (int cell = 0; cell < CELLS; cell++) {
      add(Opcode.LDXDW, 5, 2, 14 + 8 * cell, 0);
      add(Opcode.STXDW, Insn.FRAME_POINTER, 5, -8 * (cell + 1), 0);
    }
    int[] order = {0, 1, 3, 4, 5, 6, 7, 8, 9, 2};
    for (int i = 0; i < REGISTERS; i++) {
      int width = SIZES[random.nextInt(4)];
      Opcode load =
          switch (width) {
            case 1 -> Opcode.LDXB;
            case 2 -> Opcode.LDXH;
            case 4 -> Opcode.LDXW;
            default -> Opcode.LDXDW;
          };
      add(load, order[i], 2, 14 + 32 + random.nextInt(33 - width), 0);
    }
  }

  private long constant() {
    return switch (random.nextInt(6)) {
      case 0 -> random.nextInt(-2, 3);
      case 1 -> 1L << random.nextInt(31);
      case 2 -> Integer.MIN_VALUE;
      case 3 -> random.nextInt(256);
      default -> random.nextInt();
    };
  }

  /** Adds one instruction that uses the registers below a number. */
  private void one(int registers) {
    int dst = random.nextInt(registers);
    int src = random.nextInt(registers);
    switch (random.nextInt(10)) {
      case 0 -> add(Opcode.LDDW, dst, 0, 0, random.nextLong());
      case 1, 2 -> {
        int behind = random.nextInt(1, 4);
        Opcode jump = pick(random, JUMPS);
        if (jump.form() == Opcode.Form.JUMP_K) {
          add(jump, dst, 0, behind, constant());
        } else {
          add(jump, dst, src, behind, 0);
        }
        for (int i = 0; i < behind; i++) {
          arithmetic(registers);
        }
      }
      case 3 -> {
        Opcode load = pick(random, LOADS);
        add(load, dst, Insn.FRAME_POINTER, place(load.bytes()), 0);
      }
      case 4 -> {
        Opcode store = pick(random, STORES);
        if (store.form() == Opcode.Form.STORE_K) {
          add(store, Insn.FRAME_POINTER, 0, place(store.bytes()), constant());
        } else {
          add(store, Insn.FRAME_POINTER, src, place(store.bytes()), 0);
        }
      }
      case 5 -> {
        Opcode atomic = pick(random, ATOMICS);
        add(atomic, Insn.FRAME_POINTER, src, place(atomic.bytes()), 0);
        if (extend && atomic == Opcode.ATOMIC_CMPXCHG32) {
          add(Opcode.MOV32_X, 0, 0, 0, 0);
        }
      }
      default -> arithmetic(registers);
    }
  }

  /** Returns where on the stack a value of some bytes can be. */
  private int place(int bytes) {
    return -8 * CELLS + bytes * random.nextInt(8 * CELLS / bytes);
  }

  private void arithmetic(int registers) {
    Opcode opcode = pick(random, ARITHMETIC);
    int dst = random.nextInt(registers);
    int src = random.nextInt(registers);
    switch (opcode.form()) {
      case ALU_K -> {
        long imm = constant();
        // The kernel takes neither a division by a constant 0 nor a shift beyond the width.
        if (opcode.operation().contains("div") || opcode.operation().contains("mod")) {
          imm = imm == 0 ? 1 : imm;
        }
        if (opcode.operation().endsWith("sh")) {
          imm = random.nextInt(opcode.width());
        }
        add(opcode, dst, 0, 0, imm);
      }
      case ALU_X -> add(opcode, dst, src, 0, 0);
      default -> add(opcode, dst, 0, 0, 0);
    }
  }

  /** A loop of a few turns; its counter is r9, which nothing in it changes. */
  private void loop() {
    add(Opcode.MOV64_K, 9, 0, 0, random.nextInt(1, 6));
    int start = out.size();
    for (int i = random.nextInt(1, 5); i > 0; i--) {
      arithmetic(9);
    }
    add(Opcode.SUB64_K, 9, 0, 0, 1);
    add(Opcode.JNE64_K, 9, 0, start - out.size() - 1, 0);
  }

  private void epilogue() {
    for (int register = 1; register < REGISTERS; register++) {
      add(Opcode.MUL64_K, 0, 0, 0, 31);
      add(Opcode.ADD64_X, 0, register, 0, 0);
    }
    for (int cell = 0; cell < CELLS; cell++) {
      add(Opcode.LDXDW, 1, Insn.FRAME_POINTER, -8 * (cell + 1), 0);
      add(Opcode.MUL64_K, 0, 0, 0, 31);
      add(Opcode.ADD64_X, 0, 1, 0, 0);
    }
    add(Opcode.MOV64_X, 1, 0, 0, 0);
    add(Opcode.RSH64_K, 1, 0, 0, 32);
    add(Opcode.XOR64_X, 0, 1, 0, 0);
    add(Opcode.EXIT, 0, 0, 0, 0);
  }

  /** A function of r1 to r5; it also spoils the registers that its caller keeps. */
  private void function() {
    add(Opcode.MOV64_X, 0, 1, 0, 0);
    for (int cell = 0; cell < CELLS; cell++) {
      add(Opcode.STXDW, Insn.FRAME_POINTER, 1 + cell, -8 * (cell + 1), 0);
    }
    for (int register = 6; register < REGISTERS; register++) {
      add(Opcode.MOV64_X, register, 1 + register % 5, 0, 0);
    }
    for (int i = random.nextInt(1, 12); i > 0; i--) {
      one(REGISTERS);
    }
    add(Opcode.EXIT, 0, 0, 0, 0);
  }
}
