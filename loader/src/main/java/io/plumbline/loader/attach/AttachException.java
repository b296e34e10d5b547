package io.plumbline.loader.attach;

/** Something about an interface could not be done; it is as it was before. */
public class AttachException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final String detail;

  /** Makes one whose cause is not an error number. */
  public AttachException(String message) {
    this(message, 0, "");
  }

  /**
   * Makes one.
   *
   * @param errno the kernel's, positive; 0 if there is none
   * @param detail many lines, such as the verifier's log; may be empty
   */
  public AttachException(String message, int errno, String detail) {
    super(message);
    this.errno = errno;
    this.detail = detail;
  }

  /** Returns the kernel's error number, or 0. */
  public int errno() {
    return errno;
  }

  /** Returns the full story, such as a verifier log; may be empty. */
  public String detail() {
    return detail;
  }
}
