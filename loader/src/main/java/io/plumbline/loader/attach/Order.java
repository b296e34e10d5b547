package io.plumbline.loader.attach;

/**
 * Position of a program among those on its hook that have the same backend.
 *
 * @param programId the other program, for {@code BEFORE} and {@code AFTER}
 */
public record Order(Place place, int programId) {
  /** Positions. */
  public enum Place {
    FIRST,

    /** First if that is possible, else where the kernel puts it. */
    EARLIEST,
    LAST,
    BEFORE,
    AFTER
  }

  /** Before all others. */
  public static final Order FIRST = new Order(Place.FIRST, 0);

  /** Before as many others as possible. */
  public static final Order EARLIEST = new Order(Place.EARLIEST, 0);

  /** Reads {@code first}, {@code last}, {@code before:ID} or {@code after:ID}. */
  public static Order parse(String text) {
    int colon = text.indexOf(':');
    try {
      return switch (colon < 0 ? text : text.substring(0, colon + 1)) {
        case "first" -> FIRST;
        case "last" -> new Order(Place.LAST, 0);
        case "before:" -> new Order(Place.BEFORE, number(text.substring(colon + 1)));
        case "after:" -> new Order(Place.AFTER, number(text.substring(colon + 1)));
        default -> throw new NumberFormatException(text);
      };
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "order '%s': expected first, last, before:PROGRAM_ID or after:PROGRAM_ID"
              .formatted(text));
    }
  }

  private static int number(String text) {
    int number = Integer.parseInt(text);
    if (number < 1) {
      throw new NumberFormatException(text);
    }
    return number;
  }
}
