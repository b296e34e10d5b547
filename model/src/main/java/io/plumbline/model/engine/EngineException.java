package io.plumbline.model.engine;

/**
 * An engine could not load a subject, or the harness around it failed; not a program's fault on a
 * packet.
 */
public final class EngineException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String detail;

  public EngineException(String message) {
    this(message, "");
  }

  /**
   * Makes one with the full story beside the message.
   *
   * @param detail many lines, such as a whole verifier log; may be empty
   */
  public EngineException(String message, String detail) {
    super(message);
    this.detail = detail;
  }

  /** Returns the full story, such as a verifier log; may be empty. */
  public String detail() {
    return detail;
  }
}
