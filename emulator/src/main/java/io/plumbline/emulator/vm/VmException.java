package io.plumbline.emulator.vm;

/** An object cannot be run here; the message says which program, which instruction, and why. */
public final class VmException extends Exception {
  private static final long serialVersionUID = 1L;

  public VmException(String message) {
    super(message);
  }
}
