package io.plumbline.model.program;

/** The header that a program judges by; chains are ordered by it. */
public enum Layer {
  L2,
  L3,
  L4
}
