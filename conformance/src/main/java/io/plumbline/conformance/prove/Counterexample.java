package io.plumbline.conformance.prove;

import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;

/**
 * A frame and an input for which a program does not do what its decision list says.
 *
 * @param what is wrong, in words
 * @param linear how many bytes of the frame are linear; the rest is in fragments
 */
public record Counterexample(Subject subject, Packet packet, int linear, String what) {}
