package io.plumbline.model.engine;

import io.plumbline.model.packet.Packet;

/** One packet for one subject. */
public record Trial(Subject subject, Packet packet) {}
