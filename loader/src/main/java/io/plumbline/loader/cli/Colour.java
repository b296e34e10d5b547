package io.plumbline.loader.cli;

/** Colours of text, on a terminal that wants them (see no-color.org). */
public enum Colour {
  NONE(""),
  HEAD("1"),
  QUIET("2"),
  BAD("31"),
  GOOD("32"),
  WARN("33");

  private static final boolean WANTED =
      System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM"));

  private final String code;

  Colour(String code) {
    this.code = code;
  }

  /** Returns what a number of things that should not be is shown in. */
  public static Colour ofWrong(long count) {
    return count == 0 ? GOOD : BAD;
  }

  /** Returns what an answer is shown in. */
  public static Colour ofYes(boolean yes) {
    return yes ? GOOD : BAD;
  }

  /** Returns text for standard output; blanks for alignment belong into it. */
  public String of(Object text) {
    return painted(text, "plumb.tty.out");
  }

  /** Returns text for the error stream. */
  public String ofError(Object text) {
    return painted(text, "plumb.tty");
  }

  private String painted(Object text, String terminal) {
    return this != NONE && WANTED && Boolean.getBoolean(terminal)
        ? "\033[" + code + "m" + text + "\033[0m"
        : String.valueOf(text);
  }
}
