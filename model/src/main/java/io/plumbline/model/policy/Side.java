package io.plumbline.model.policy;

/** What a rule does to the packets it matches. */
public enum Side {
  FORBID("forbid"),
  PERMIT("permit");

  private final String word;

  Side(String word) {
    this.word = word;
  }

  /** Returns the word of the language: {@code permit} or {@code forbid}. */
  public String word() {
    return word;
  }
}
