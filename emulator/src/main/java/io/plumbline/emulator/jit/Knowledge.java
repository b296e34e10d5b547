package io.plumbline.emulator.jit;

import io.plumbline.emulator.isa.Opcode;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * What is known at one place of a function: registers, 8-byte cells of the stack, and how far the
 * packet reaches at least, as comparisons with {@code data_end} have shown.
 */
final class Knowledge {
  static final int REGISTERS = 11;

  /** The place of an address that is the packet's first byte and a known distance. */
  static final int START = 0;

  private static final int FRAME_POINTER = 10;

  /** How often a place is looked at again before everything about it is given up. */
  private static final int PATIENCE = 64;

  private final Value[] registers;
  private final Map<Long, Value> cells;

  /** By place: so many bytes from there on are before {@code data_end}. */
  private final Map<Integer, Long> reach;

  private int visits;

  private Knowledge(Value[] registers, Map<Long, Value> cells, Map<Integer, Long> reach) {
    this.registers = registers;
    this.cells = cells;
    this.reach = reach;
  }

  /** Returns what is known where a function begins. */
  static Knowledge atStart(Value first, Value framePointer) {
    Value[] registers = new Value[REGISTERS];
    Arrays.fill(registers, Value.UNKNOWN);
    registers[1] = first;
    registers[FRAME_POINTER] = framePointer;
    return new Knowledge(registers, new HashMap<>(), new HashMap<>());
  }

  Knowledge copy() {
    return new Knowledge(registers.clone(), new HashMap<>(cells), new HashMap<>(reach));
  }

  Value get(int register) {
    return registers[register];
  }

  void set(int register, Value value) {
    registers[register] = value;
  }

  Value[] registers() {
    return registers.clone();
  }

  Value cell(long at) {
    return cells.getOrDefault(at, Value.UNKNOWN);
  }

  void forgetCells() {
    cells.clear();
  }

  /** Notes what a store leaves in the stack. */
  void store(long at, int size, Value value) {
    cells.keySet().removeIf(cell -> cell + 8 > at && cell < at + size);
    if (size == 8 && value.kind() != Value.Kind.UNKNOWN) {
      cells.put(at, value);
    }
  }

  /** Forgets where the packet is: it may be somewhere else. */
  void forgetPacket() {
    for (int i = 0; i < REGISTERS; i++) {
      registers[i] = registers[i].guessed();
    }
    cells.replaceAll((at, value) -> value.guessed());
    reach.clear();
  }

  /** Returns whether an access is certain to be in the packet. */
  boolean reaches(Value address, int size) {
    return address.kind() == Value.Kind.DATA
        && address.number() >= 0
        && address.number() + size <= reach.getOrDefault(address.place(), 0L);
  }

  /** Notes what a comparison has shown. */
  void compared(Opcode opcode, Value a, Value b, boolean taken) {
    boolean swapped = a.kind() == Value.Kind.DATA_END;
    Value address = swapped ? b : a;
    Value end = swapped ? a : b;
    if (address.kind() != Value.Kind.DATA || end.kind() != Value.Kind.DATA_END) {
      return;
    }
    // How far the address is from the end at least: 0, 1, or who knows.
    int before =
        switch (opcode) {
          case JGT64_X -> swapped ? (taken ? 1 : -1) : taken ? -1 : 0;
          case JGE64_X -> swapped ? (taken ? 0 : -1) : taken ? -1 : 1;
          case JLT64_X -> swapped ? (taken ? -1 : 0) : taken ? 1 : -1;
          case JLE64_X -> swapped ? (taken ? -1 : 1) : taken ? 0 : -1;
          default -> -1;
        };
    if (before >= 0) {
      reach.merge(address.place(), address.number() + before, Math::max);
    }
  }

  /**
   * Keeps what both ways to a slot know.
   *
   * @return whether anything was lost
   */
  boolean meet(Knowledge other, int slot) {
    visits++;
    if (visits >= PATIENCE) {
      return giveUp();
    }
    boolean lost = false;
    Map<Integer, Long> met = new HashMap<>();
    reach.forEach(
        (place, bytes) -> {
          Long others = other.reach.get(place);
          if (others != null) {
            met.put(place, Math.min(bytes, others));
          }
        });
    for (int i = 0; i < REGISTERS; i++) {
      Value mine = registers[i];
      Value its = other.registers[i];
      Value both = meet(mine, its, -1 - (slot * REGISTERS + i));
      if (both.kind() == Value.Kind.DATA && both.place() < 0 && !mine.equals(its)) {
        met.put(both.place(), Math.min(left(mine), other.left(its)));
      }
      lost |= !both.equals(mine);
      registers[i] = both;
    }
    lost |= cells.entrySet().removeIf(cell -> !cell.getValue().equals(other.cell(cell.getKey())));
    lost |= !met.equals(reach);
    reach.clear();
    reach.putAll(met);
    return lost;
  }

  /** Returns how many bytes the packet has from an address on, at least; 0 or less: unknown. */
  private long left(Value address) {
    return reach.getOrDefault(address.place(), 0L) - address.number();
  }

  private static Value meet(Value a, Value b, int place) {
    if (a.equals(b)) {
      return a;
    }
    if (a.isBounded() && b.isBounded()) {
      return Value.bounded(rounded(Math.max(a.number(), b.number())));
    }
    if (a.inPacket() && b.inPacket()) {
      boolean certain =
          a.kind() == Value.Kind.DATA
              && b.kind() == Value.Kind.DATA
              && a.number() >= 0
              && b.number() >= 0;
      return certain
          ? Value.data(
              place, rounded(Math.max(a.furthest() + a.number(), b.furthest() + b.number())), 0)
          : Value.PACKET;
    }
    return Value.UNKNOWN;
  }

  /** Returns the next 2^n - 1, so that what grows does not grow often. */
  private static long rounded(long number) {
    return number == 0 ? 0 : 2 * Long.highestOneBit(number) - 1;
  }

  private boolean giveUp() {
    boolean lost = !cells.isEmpty() || !reach.isEmpty();
    cells.clear();
    reach.clear();
    for (int i = 0; i < FRAME_POINTER; i++) {
      lost |= registers[i].kind() != Value.Kind.UNKNOWN;
      registers[i] = Value.UNKNOWN;
    }
    return lost;
  }
}
