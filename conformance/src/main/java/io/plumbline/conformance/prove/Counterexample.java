package io.plumbline.conformance.prove;

import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;

/** A frame, and what goes with it, for which a program does not do what its model says. */
public sealed interface Counterexample {
  /** A frame for a filter. */
  record Judged(Subject subject, Packet packet, int linear, String what)
      implements Counterexample {}

  /** A frame for the gate. */
  record Gated(Hook hook, GateModel.State state, Packet packet, int linear, String what)
      implements Counterexample {}

  /** Returns the frame. */
  Packet packet();

  /** Returns how many bytes of it are linear; the rest is in fragments. */
  int linear();

  /** Returns what is wrong, in words. */
  String what();
}
