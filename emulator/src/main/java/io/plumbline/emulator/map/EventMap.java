package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.MapSpec;

/** Buffers for events, one for each processor; what is sent is kept by the machine. */
final class EventMap extends BpfMap {
  EventMap(Machine machine, MapSpec spec, MapType type) {
    super(machine, spec, type);
  }

  @Override
  public boolean hasValues() {
    return false;
  }
}
