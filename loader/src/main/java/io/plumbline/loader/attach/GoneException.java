package io.plumbline.loader.attach;

/**
 * What was to be changed is not there any more: somebody else was faster, or the interface is gone.
 */
public final class GoneException extends AttachException {
  private static final long serialVersionUID = 1L;

  GoneException(String message, int errno) {
    super(message, errno, "");
  }
}
