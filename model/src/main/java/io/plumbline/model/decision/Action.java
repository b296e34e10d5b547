package io.plumbline.model.decision;

/** What a clause decides. */
public enum Action {
  /** The packet goes on, finally. */
  OK,
  /** The packet is dropped, finally. */
  SHOT,
  /**
   * This program has nothing against the packet: alone that is OK, in a chain the next stage
   * decides.
   */
  PASS
}
