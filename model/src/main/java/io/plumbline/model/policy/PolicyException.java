package io.plumbline.model.policy;

/** Refusal of a policy's text; the message is one line that begins with the place. */
public final class PolicyException extends Exception {
  private static final long serialVersionUID = 1L;

  private static final int MAX_LENGTH = 1000;
  private static final int MAX_END = 200;

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
   * Values are quoted as they were written; what would break the line or drive a terminal is
   * escaped, and the middle of a long one is left out.
   */
  private static String oneLine(String given) {
    int length = given.length();
    String text =
        length <= MAX_LENGTH
            ? given
            : given.substring(0, MAX_LENGTH - MAX_END) + "..." + given.substring(length - MAX_END);
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
