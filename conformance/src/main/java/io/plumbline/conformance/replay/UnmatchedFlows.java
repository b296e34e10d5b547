package io.plumbline.conformance.replay;

import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.ruleset.FieldTable;
import io.plumbline.model.ruleset.Flow;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Where the packets that no rule matched wanted to go: destinations with what they came to. Holds
 * {@value #MOST} destinations at most; packets to further ones are only counted. Adding allocates
 * nothing.
 */
public final class UnmatchedFlows {
  private static final int MOST = 1 << 16;
  private static final int SLOTS = 2 * MOST;

  /**
   * One destination.
   *
   * @param to a selector that would match it, whatever its source
   */
  public record Entry(String to, long packets, long bytes) {}

  private static final FieldTable TABLE = IntentFields.TABLE;
  private static final int CLASS = TABLE.level(IntentFields.CLASS);
  private static final int PORT = TABLE.level(IntentFields.DESTINATION_PORT);
  private static final int HI = TABLE.level(IntentFields.DESTINATION);
  private static final int LO = HI + 1;

  private final PacketView view = new PacketView();
  private final long[] key = new long[TABLE.levels()];

  /** An open hash table: class and port, both halves of the address; no packets, no entry. */
  private final long[] kinds = new long[SLOTS];

  private final long[] his = new long[SLOTS];
  private final long[] los = new long[SLOTS];
  private final long[] packets = new long[SLOTS];
  private final long[] bytes = new long[SLOTS];
  private int used;
  private long others;

  /**
   * Adds a frame that can be classified and that no rule matched.
   *
   * @param hidden how many bytes of it the program does not see
   */
  public void add(PacketBatch batch, int i, int hidden) {
    view.show(batch, i);
    IntentDecider.readKey(view, key);
    long kind = key[CLASS] << 16 | key[PORT];
    long hash = (kind ^ key[HI] * 0x9E3779B97F4A7C15L ^ key[LO]) * 0xD6E8FEB86659FD93L;
    int slot = (int) (hash >>> 32) & SLOTS - 1;
    while (packets[slot] != 0
        && (kinds[slot] != kind || his[slot] != key[HI] || los[slot] != key[LO])) {
      slot = slot + 1 & SLOTS - 1;
    }
    if (packets[slot] == 0) {
      if (used == MOST) {
        others++;
        return;
      }
      used++;
      kinds[slot] = kind;
      his[slot] = key[HI];
      los[slot] = key[LO];
    }
    packets[slot]++;
    bytes[slot] += batch.wireLength(i) - hidden;
  }

  /** Returns the destinations, those with most packets first. */
  public List<Entry> ranked(int most) {
    List<Integer> slots = new ArrayList<>();
    for (int slot = 0; slot < SLOTS; slot++) {
      if (packets[slot] != 0) {
        slots.add(slot);
      }
    }
    slots.sort(
        Comparator.<Integer>comparingLong(slot -> -packets[slot])
            .thenComparing(slot -> kinds[slot])
            .thenComparing(slot -> his[slot])
            .thenComparing(slot -> los[slot]));
    return slots.stream().limit(most).map(this::entry).toList();
  }

  private Entry entry(int slot) {
    long[] fields = new long[TABLE.levels()];
    fields[CLASS] = kinds[slot] >>> 16;
    fields[PORT] = kinds[slot] & 0xFFFF;
    fields[HI] = his[slot];
    fields[LO] = los[slot];
    String to = IntentFields.toDestination(new Flow(TABLE, fields)).toString();
    return new Entry(to, packets[slot], bytes[slot]);
  }

  /** Returns how many destinations are held. */
  public int destinations() {
    return used;
  }

  /** Returns how many packets went to destinations that are not held. */
  public long others() {
    return others;
  }
}
