package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Machine;

/** What a helper does with its five arguments; it returns r0. */
public interface HelperFunction {
  long call(Machine machine, long a, long b, long c, long d, long e);
}
