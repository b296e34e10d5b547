package io.plumbline.model.policy;

/** A policy's text is refused; the message is one line that begins with the place. */
public final class PolicyException extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Position position;
  private final String problem;

  /**
   * Makes one.
   *
   * @param problem what is wrong: the value and what was allowed
   */
  public PolicyException(Position position, String problem) {
    super(position + ": " + oneLine(problem), null, false, false);
    this.position = position;
    this.problem = oneLine(problem);
  }

  /**
   * Values are quoted as they were written; what would break the line or drive a terminal is not.
   */
  private static String oneLine(String text) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(Character.isISOControl(c) ? String.format("\\x%02x", (int) c) : c);
    }
    return line.toString();
  }

  /** Returns the place. */
  public Position position() {
    return position;
  }

  /** Returns the message without the place. */
  public String problem() {
    return problem;
  }
}
