package io.plumbline.loader.process;

import java.io.FilterWriter;
import java.io.IOException;
import java.io.Writer;

/**
 * Writes text with its control characters escaped. Names of interfaces, programs, maps and files
 * are other people's, and may hold what changes a terminal's state; so may messages about them.
 * Only line ends, tabs and the colours of {@code Colour} pass, and these only to a terminal.
 */
public final class SafeWriter extends FilterWriter {
  private final boolean colours;

  /**
   * Makes one.
   *
   * @param colours whether colours pass
   */
  public SafeWriter(Writer out, boolean colours) {
    super(out);
    this.colours = colours;
  }

  @Override
  public void write(int character) throws IOException {
    write(String.valueOf((char) character), 0, 1);
  }

  @Override
  public void write(char[] text, int offset, int length) throws IOException {
    write(new String(text, offset, length), 0, length);
  }

  @Override
  public void write(String text, int offset, int length) throws IOException {
    int end = offset + length;
    int clean = offset;
    for (int i = offset; i < end; i++) {
      if (isSafe(text.charAt(i))) {
        continue;
      }
      out.write(text, clean, i - clean);
      int colour = colours ? colourLength(text, i, end) : 0;
      if (colour > 0) {
        out.write(text, i, colour);
        i += colour - 1;
      } else {
        out.write(escape(text.charAt(i)));
      }
      clean = i + 1;
    }
    out.write(text, clean, end - clean);
  }

  /** Returns the length of a sequence {@code ESC [ digits m}; 0 if there is none. */
  private static int colourLength(String text, int start, int end) {
    int i = start + 2;
    if (i >= end || text.charAt(start) != '\033' || text.charAt(start + 1) != '[') {
      return 0;
    }
    while (i < end && i < start + 4 && text.charAt(i) >= '0' && text.charAt(i) <= '9') {
      i++;
    }
    return i < end && text.charAt(i) == 'm' ? i + 1 - start : 0;
  }

  private static boolean isSafe(char c) {
    // FORMAT holds what changes the direction of text.
    return c == '\n'
        || c == '\t'
        || c >= ' ' && c < 0x7F
        || c > 0x9F && Character.getType(c) != Character.FORMAT && c != '\u2028' && c != '\u2029';
  }

  private static String escape(char c) {
    return c < 0x100 ? "\\x" + hex(c, 2) : "\\u" + hex(c, 4);
  }

  private static String hex(char c, int digits) {
    String text = Integer.toHexString(c);
    return "0".repeat(digits - text.length()) + text;
  }

  /** Returns text as this writer writes it without colours. */
  public static String safe(String text) {
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      safe.append(isSafe(c) ? String.valueOf(c) : escape(c));
    }
    return safe.toString();
  }
}
