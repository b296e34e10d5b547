package io.plumbline.loader.traffico;

/**
 * Text that is wrapped between blanks as glibc's argp does it ({@code argp/argp-fmtstream.c}).
 * Lines are shorter than the right margin, unless a word is longer.
 */
final class WrappedText {
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder line = new StringBuilder();
  private final int rightMargin;
  private int leftMargin;
  private int wrapMargin;

  /** Where the part of the line begins that may be wrapped. */
  private int from;

  WrappedText(int rightMargin) {
    this.rightMargin = rightMargin;
  }

  /** Sets where lines begin, and where the rest of a wrapped line does. */
  WrappedText margins(int left, int wrap) {
    wrap();
    leftMargin = left;
    wrapMargin = wrap;
    from = line.length();
    return this;
  }

  WrappedText add(String words) {
    for (int i = 0; i < words.length(); i++) {
      if (words.charAt(i) == '\n') {
        end();
      } else {
        if (line.length() == 0) {
          to(leftMargin);
        }
        line.append(words.charAt(i));
      }
    }
    return this;
  }

  /** Fills the line up to a column. */
  WrappedText to(int column) {
    while (line.length() < column) {
      line.append(' ');
    }
    return this;
  }

  /** Adds a blank and words that are not to be wrapped: on a new line if they do not fit. */
  WrappedText addWhole(String words) {
    return add(column() + words.length() + 1 >= rightMargin ? "\n" : " ").add(words);
  }

  int column() {
    wrap();
    return line.length();
  }

  private void end() {
    wrap();
    text.append(line).append('\n');
    line.setLength(0);
    from = 0;
  }

  private void wrap() {
    while (line.length() >= rightMargin) {
      int blank = Math.min(rightMargin, line.length() - 1);
      while (blank >= from && line.charAt(blank) != ' ') {
        blank--;
      }
      if (blank < from) {
        blank = line.indexOf(" ", rightMargin);
        if (blank < 0) {
          break;
        }
      }
      String rest = line.substring(blank).stripLeading();
      text.append(line.substring(0, blank).stripTrailing()).append('\n');
      line.setLength(0);
      to(wrapMargin);
      from = line.length();
      line.append(rest);
    }
  }

  @Override
  public String toString() {
    return text.toString() + line;
  }
}
