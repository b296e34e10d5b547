package io.plumbline.emulator.jit;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import java.util.Arrays;

/** What compiled code calls; a fault in it gets the instruction's slot. */
final class Access {
  private Access() {}

  /** Loads from wherever the address is. */
  static long load(Machine m, long address, int size, int slot) {
    try {
      return m.load(address, size);
    } catch (Fault fault) {
      throw fault.at(slot);
    }
  }

  /** Loads what is then taken with its sign. */
  static long loadSigned(Machine m, long address, int size, int slot) {
    try {
      return m.loadSigned(address, size);
    } catch (Fault fault) {
      throw fault.at(slot);
    }
  }

  /** Stores to wherever the address is. */
  static void store(Machine m, long address, int size, long value, int slot) {
    try {
      m.store(address, size, value);
    } catch (Fault fault) {
      throw fault.at(slot);
    }
  }

  /** Loads from the region that the address most likely is in. */
  static long load(Region region, long address, int size, Machine m, int slot) {
    int at = region.holds(address) ? region.index(address, size) : -1;
    return at >= 0 ? Bytes.get(region.data(), at, size) : load(m, address, size, slot);
  }

  /** Stores to the region that the address most likely is in. */
  static void store(Region region, long address, int size, long value, Machine m, int slot) {
    int at = region.holds(address) && region.writable() ? region.index(address, size) : -1;
    if (at >= 0) {
      Bytes.put(region.data(), at, size, value);
    } else {
      store(m, address, size, value, slot);
    }
  }

  /** Loads what an atomic operation is about to replace. */
  static long fetch(Machine m, long address, int size, int slot) {
    try {
      m.writable(address, size);
      return m.load(address, size);
    } catch (Fault fault) {
      throw fault.at(slot);
    }
  }

  static void charge(Machine m, int cost, int slot) {
    try {
      m.charge(cost);
    } catch (Fault fault) {
      throw fault.at(slot);
    }
  }

  static void enter(Machine m, int slot) {
    m.slot(slot);
    m.enter();
  }

  /** Clears what a function of the program may use of its stack. */
  static void clear(Machine m, int bytes) {
    int top = (m.depth() + 1) * Machine.STACK_BYTES;
    Arrays.fill(m.stack(), top - bytes, top, (byte) 0);
  }

  /** Puts arguments into the registers of the innermost frame. */
  static long[] registers(Machine m, long r1, long r2, long r3, long r4, long r5) {
    long[] r = m.registers(m.depth());
    Arrays.fill(r, 0);
    r[1] = r1;
    r[2] = r2;
    r[3] = r3;
    r[4] = r4;
    r[5] = r5;
    r[10] = Machine.framePointer(m.depth());
    return r;
  }

  static Fault fault(String what, int slot) {
    return new Fault(what).at(slot);
  }
}
