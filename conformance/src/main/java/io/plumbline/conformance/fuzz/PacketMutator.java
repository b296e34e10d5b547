package io.plumbline.conformance.fuzz;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.packet.PacketBatch;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * Makes frames from frames: of a pool, with a few bytes changed where headers decide, often to
 * numbers that a program compares with. Allocates nothing per frame.
 */
public final class PacketMutator {
  private static final int LONGEST = 4096;
  private static final int MOST_CHANGES = 4;

  /** Where EtherTypes, lengths, protocols, addresses and ports begin, with no tag and with some. */
  private static final int[] PLACES = {
    12, 14, 16, 18, 20, 22, 23, 24, 26, 27, 30, 31, 33, 34, 36, 38, 40, 42, 44, 46, 54, 55, 56, 57,
    58, 62
  };

  private static final int[] BYTES = {
    0, 1, 2, 4, 5, 6, 7, 8, 17, 20, 43, 44, 51, 58, 60, 0x3F, 0x40, 0x44, 0x45, 0x46, 0x4F, 0x60,
    0x7F, 0x80, 0x81, 0x86, 0x88, 0xA8, 0xDD, 0xFF
  };

  private final PacketBatch pool;
  private final long[] numbers;
  private final SplittableRandom random;
  private final int least;
  private final byte[] frame = new byte[LONGEST];

  /**
   * Makes a mutator.
   *
   * @param pool frames to begin with; more may be added to it at any time
   * @param numbers what the program compares with
   * @param least how many bytes every frame has
   */
  public PacketMutator(PacketBatch pool, long[] numbers, int least, long seed) {
    this.pool = pool;
    this.least = least;
    this.numbers = numbers;
    random = new SplittableRandom(seed);
  }

  /** Returns the constants that conditional jumps of an object's programs compare with. */
  public static Set<Long> constants(BpfObject object) {
    Set<Long> constants = new TreeSet<>();
    for (BpfObject.Program program : object.programs()) {
      for (Insn insn : program.insns()) {
        if (insn.opcode().form() == Opcode.Form.JUMP_K) {
          constants.add(insn.imm() & 0xFFFF_FFFFL);
        }
      }
    }
    return constants;
  }

  /** Adds frames to a batch. */
  public void add(PacketBatch batch, int count) {
    for (int i = 0; i < count; i++) {
      int from = random.nextInt(pool.size());
      int length = Math.min(pool.capturedLength(from), LONGEST - 64);
      System.arraycopy(pool.data(), pool.offset(from), frame, 0, length);
      int vlan = pool.vlanWord(from);
      long bits = random.nextLong();
      int changes = (int) (bits & MOST_CHANGES - 1);
      for (int change = 0; change < changes; change++) {
        length = change(length, random.nextLong());
      }
      batch.add(frame, 0, length, length, vlan);
    }
  }

  private int change(int length, long bits) {
    int place = PLACES[(int) (bits >>> 8 & 0xFF) % PLACES.length];
    int kind = (int) (bits & 15);
    if (kind == 0) {
      // Another length, most often a little shorter or longer.
      int by = (int) (bits >>> 16 & 31) - 16;
      return resized(length, Math.max(0, Math.min(LONGEST - 64, length + by)));
    } else if (kind == 1) {
      return resized(length, (int) (bits >>> 16 & 127));
    } else if (kind < 6 && numbers.length > 0) {
      long number = numbers[(int) (bits >>> 16 & 0xFFFF) % numbers.length];
      int near = (int) (bits >>> 32 & 7);
      return put(length, place, near == 0 ? number - 1 : near == 1 ? number + 1 : number, bits);
    } else if (kind < 12) {
      return put(
          length, place, BYTES[(int) (bits >>> 16 & 0xFF) % BYTES.length], bits & ~(3L << 40));
    }
    return put(length, place, bits >>> 48, bits & ~(3L << 40));
  }

  private int resized(int before, int wanted) {
    int after = Math.max(least, wanted);
    if (after > before) {
      java.util.Arrays.fill(frame, before, after, (byte) 0);
    }
    return after;
  }

  /** Writes a number of one, two or four bytes, the highest first, if there is room. */
  private int put(int length, int place, long number, long bits) {
    int bytes = 1 << Math.min(2, (int) (bits >>> 40 & 3));
    if (place + bytes <= length) {
      for (int i = 0; i < bytes; i++) {
        frame[place + i] = (byte) (number >>> 8 * (bytes - 1 - i));
      }
    }
    return length;
  }
}
