package io.plumbline.loader.cli;

/** A number of things, in words. */
public final class Count {
  private Count() {}

  /** Returns a number and a noun, such as {@code 1 packet} and {@code 2 packets}. */
  public static String of(long number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }
}
