package io.plumbline.emulator.map;

import io.plumbline.emulator.machine.Region;

/** A map all of whose values are in one region. */
public interface HasRegion {
  /** Returns the region. */
  Region region();
}
