package io.plumbline.loader.cni;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Number of characters to insert, remove, replace or swap between two words. */
final class EditDistance {
  private static final int MAX_DISTANCE = 2;

  private EditDistance() {}

  /** Returns the known word that was probably meant; empty if none is close. */
  static Optional<String> nearest(String word, Collection<String> known) {
    return known.stream()
        .filter(other -> between(word, other) <= MAX_DISTANCE)
        .min(Comparator.comparingInt(other -> between(word, other)));
  }

  /** Returns the distance with swaps of neighbours (optimal string alignment), without case. */
  private static int between(String one, String other) {
    String a = one.toLowerCase(Locale.ROOT);
    String b = other.toLowerCase(Locale.ROOT);
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int replaced = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        cost[i][j] =
            Math.min(Math.min(cost[i - 1][j], cost[i][j - 1]) + 1, cost[i - 1][j - 1] + replaced);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[a.length()][b.length()];
  }
}
