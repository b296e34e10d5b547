package io.plumbline.loader.cli;

import java.util.ArrayList;
import java.util.List;

/** Columns as wide as they need to be; numbers to the right. */
final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... heads) {
    rows.add(List.of(heads));
  }

  void row(Object... cells) {
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(String.valueOf(cell));
    }
    rows.add(row);
  }

  boolean isEmpty() {
    return rows.size() == 1;
  }

  @Override
  public String toString() {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    boolean[] numeric = new boolean[columns];
    for (int c = 0; c < columns; c++) {
      numeric[c] = rows.size() > 1;
      for (int r = 0; r < rows.size(); r++) {
        String cell = rows.get(r).get(c);
        widths[c] = Math.max(widths[c], cell.length());
        numeric[c] &= r == 0 || cell.matches("[0-9.]*%?");
      }
    }
    StringBuilder text = new StringBuilder();
    for (int r = 0; r < rows.size(); r++) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String cell = rows.get(r).get(c);
        String blank = " ".repeat(widths[c] - cell.length());
        String shown = (r == 0 ? Colour.HEAD : colour(cell)).of(cell);
        line.append(numeric[c] ? blank + shown : shown + blank).append("  ");
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }

  private static Colour colour(String cell) {
    return switch (cell) {
      case "yes" -> Colour.GOOD;
      case "no" -> Colour.BAD;
      case StatusCommand.FOREIGN -> Colour.QUIET;
      default -> Colour.NONE;
    };
  }
}
