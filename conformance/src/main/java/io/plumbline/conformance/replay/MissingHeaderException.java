package io.plumbline.conformance.replay;

/** Packets of a capture begin with the IP header, and a subject asks for the one before it. */
public final class MissingHeaderException extends Exception {
  private static final long serialVersionUID = 1;

  MissingHeaderException(String message) {
    super(message);
  }
}
