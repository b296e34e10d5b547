package io.plumbline.model.engine;

import java.util.regex.Pattern;

/**
 * An engine cannot load a subject, or failed itself. A program's fault on a frame is no exception
 * but an {@link Outcome}.
 */
public final class EngineException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Lines of a verifier log that can follow the reason: counts, and states of registers. */
  private static final Pattern AFTER_REASON =
      Pattern.compile("^(processed \\d|verification time|stack depth|cur state:|old state:)");

  private final String detail;
  private final boolean refused;

  public EngineException(String message) {
    this(message, "");
  }

  /**
   * Makes an exception for a failure of the engine: a lack of memory or privilege, an error of its
   * own.
   *
   * @param detail many lines; may be empty
   */
  public EngineException(String message, String detail) {
    this(message, detail, false);
  }

  private EngineException(String message, String detail, boolean refused) {
    super(message);
    this.detail = detail;
    this.refused = refused;
  }

  /**
   * Returns an exception for a program that the engine works well enough to refuse: a verifier
   * rejects it, or it is no program at all.
   *
   * @param detail many lines, such as a whole verifier log; may be empty
   */
  public static EngineException refusal(String message, String detail) {
    return new EngineException(message, detail, true);
  }

  /** Returns the full story, such as a verifier log; may be empty. */
  public String detail() {
    return detail;
  }

  /** Returns whether the program is at fault, not the engine. */
  public boolean refused() {
    return refused;
  }

  /** Returns the message's first line, with the reason at the end of a verifier log. */
  public String summary() {
    String last = "";
    for (String line : detail.lines().map(String::strip).toList()) {
      last = line.isEmpty() || AFTER_REASON.matcher(line).find() ? last : line;
    }
    String first = String.valueOf(getMessage()).lines().findFirst().orElse("");
    return refused && !last.isEmpty() ? first + ": " + last : first;
  }
}
