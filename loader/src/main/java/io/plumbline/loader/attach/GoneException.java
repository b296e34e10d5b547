package io.plumbline.loader.attach;

/**
 * An interface, or what was attached to it, that has disappeared: another process removed it first.
 */
public final class GoneException extends AttachException {
  private static final long serialVersionUID = 1L;

  GoneException(String message, int errno) {
    super(Kind.GONE, message, errno, "");
  }
}
