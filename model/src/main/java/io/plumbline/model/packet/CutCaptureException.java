package io.plumbline.model.packet;

/**
 * The frame had the field on the wire but the capture was cut before it, so nothing can be said
 * about it.
 *
 * <p>One shared instance without a stack trace: a capture may hold millions of cut frames.
 */
public final class CutCaptureException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  @SuppressWarnings("StaticAssignmentOfThrowable") // it has no stack trace to be wrong
  static final CutCaptureException INSTANCE = new CutCaptureException();

  private CutCaptureException() {
    super("frame: the capture is cut before the field", null, false, false);
  }
}
