package io.plumbline.conformance.replay;

import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Flow;
import io.plumbline.model.policy.Policy;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the packets that no rule matched wanted to go: destinations with what they came to. Holds
 * so many destinations at most; packets to further ones are only counted.
 */
public final class UnmatchedFlows {
  private static final int MOST = 65536;

  /**
   * One destination.
   *
   * @param to a selector that would match it, whatever its source
   */
  public record Entry(String to, long packets, long bytes) {}

  private final IntentDecider decider;
  private final PacketView view = new PacketView();
  private final Map<Flow, long[]> counts = new HashMap<>();
  private long others;

  public UnmatchedFlows(Policy policy) {
    decider = new IntentDecider(policy);
  }

  /** Adds a frame that no rule matched. */
  public void add(PacketBatch batch, int i) {
    view.show(batch, i);
    decider.flow(view).ifPresent(flow -> add(flow, batch.wireLength(i)));
  }

  private void add(Flow flow, int bytes) {
    Flow key =
        new Flow(
            flow.flowClass(),
            flow.destinationHi(),
            flow.destinationLo(),
            flow.destinationPort(),
            0,
            0,
            0);
    long[] count = counts.get(key);
    if (count == null && counts.size() == MOST) {
      others++;
      return;
    }
    if (count == null) {
      count = new long[2];
      counts.put(key, count);
    }
    count[0]++;
    count[1] += bytes;
  }

  /** Returns the destinations, those with most packets first. */
  public List<Entry> ranked(int most) {
    return counts.entrySet().stream()
        .map(e -> new Entry(e.getKey().destination(), e.getValue()[0], e.getValue()[1]))
        .sorted(Comparator.comparingLong(Entry::packets).reversed().thenComparing(Entry::to))
        .limit(most)
        .toList();
  }

  /** Returns how many destinations are held. */
  public int destinations() {
    return counts.size();
  }

  /** Returns how many packets went to destinations that are not held. */
  public long others() {
    return others;
  }
}
