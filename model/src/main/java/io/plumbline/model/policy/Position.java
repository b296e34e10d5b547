package io.plumbline.model.policy;

/**
 * Where a piece of a policy was written.
 *
 * @param source a file name, or an option such as {@code --allow}
 * @param line counted from 1; 0 for an option
 * @param column counted from 1
 */
public record Position(String source, int line, int column) {

  /** Returns the place of an option's value. */
  public static Position option(String option) {
    return new Position(option, 0, 1);
  }

  /** Returns the place so many characters further on the same line. */
  public Position plus(int characters) {
    return new Position(source, line, column + characters);
  }

  /** Returns {@code file:line:column}, or the option's name alone. */
  @Override
  public String toString() {
    return line == 0 ? source : source + ":" + line + ":" + column;
  }
}
