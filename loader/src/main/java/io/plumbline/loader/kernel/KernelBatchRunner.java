package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.Arrays;
import java.util.Optional;

/**
 * Frames grouped by EtherType, because {@code skb->protocol} stays that of the buffer's first
 * frame, and by size, run through a {@link BatchProgram}. One frame in {@value #SAMPLE_EVERY} is
 * also run alone; a difference there is the harness's own fault.
 */
final class KernelBatchRunner implements Runner {
  private static final int SAMPLE_EVERY = 1009;
  private static final int SMALL = 240;

  private final Subject subject;
  private final KernelRunner single;
  private final boolean selfCheck;
  private final BatchWrapper wrapper;
  private final BatchProgram small;
  private final BatchProgram large;
  private int[] order = new int[0];
  private final int[] counts = new int[2 * 0x10000 + 1];

  KernelBatchRunner(Subject subject, LoadedImage loaded) throws EngineException {
    this.subject = subject;
    selfCheck = !loaded.counts();
    single = new KernelRunner(subject, loaded);
    byte[] instructions = loaded.entryInstructions();
    wrapper = BatchWrapper.of(subject.hook());
    try {
      small = new BatchProgram(wrapper, instructions, SMALL, 4096);
      try {
        large = new BatchProgram(wrapper, instructions, wrapper.maxLength(), 256);
      } catch (EngineException e) {
        small.close();
        throw e;
      }
    } catch (EngineException e) {
      single.close();
      throw e;
    }
  }

  @Override
  public Optional<String> unsupported(Packet packet) {
    return refusal(PacketBatch.of(packet), 0);
  }

  private Optional<String> refusal(PacketBatch batch, int i) {
    int max = wrapper.maxLength();
    int min = subject.hook().testRunLimits().min();
    int length = batch.wireLength(i);
    if (length < min || length > max) {
      return Optional.of("batch takes frames of %d..%d bytes only".formatted(min, max));
    }
    if (batch.vlanWord(i) != 0 && !subject.hook().testRunLimits().tags()) {
      return single.noTags();
    }
    if (batch.vlanWord(i) != 0 && isTag(batch.etherType(i))) {
      return Optional.of(
          "batch cannot take an outside tag away again from a frame with a tag inside");
    }
    return Optional.empty();
  }

  private static boolean isTag(int etherType) {
    return etherType == EtherType.VLAN || etherType == EtherType.QINQ;
  }

  @Override
  public Outcome run(Packet packet) throws EngineException {
    PacketBatch one = PacketBatch.of(packet);
    Optional<String> refusal = refusal(one, 0);
    if (refusal.isPresent()) {
      return new Outcome.Unsupported(refusal.get());
    }
    Outcomes outcomes = new Outcomes(1);
    run(one, outcomes);
    return new Outcome.Decided(new Verdict(subject.hook(), outcomes.code(0)), packet);
  }

  @Override
  public void run(PacketBatch batch, Outcomes outcomes) throws EngineException {
    outcomes.begin(batch.size());
    int grouped = group(batch, outcomes);
    int from = 0;
    while (from < grouped) {
      int key = key(batch, order[from]);
      BatchProgram program = (key & 1) == 0 ? small : large;
      int to = from + 1;
      while (to < grouped && to - from < program.capacity() && key(batch, order[to]) == key) {
        to++;
      }
      program.run(batch, order, from, to, key >>> 1, outcomes);
      from = to;
    }
    // A second run of a frame would count twice in what a policy counts.
    for (int i = 0; selfCheck && i < batch.size(); i += SAMPLE_EVERY) {
      if (outcomes.isDecided(i)) {
        check(batch, i, outcomes.code(i));
      }
    }
  }

  private void check(PacketBatch batch, int i, int verdict) throws EngineException {
    Outcome alone = single.run(batch.packet(i));
    if (alone instanceof Outcome.Decided decided && decided.verdict().code() != verdict) {
      throw new EngineException(
          "kernel-batch: self-check of %s: %s alone, %s in a batch: %s"
              .formatted(subject, alone, subject.hook().verdictName(verdict), batch.packet(i)));
    }
  }

  /** Counting sort of the frames that can be run, by {@link #key}; returns how many there are. */
  private int group(PacketBatch batch, Outcomes outcomes) {
    if (order.length < batch.size()) {
      order = new int[batch.size()];
    }
    Arrays.fill(counts, 0);
    for (int i = 0; i < batch.size(); i++) {
      if (runnable(batch, i)) {
        counts[key(batch, i) + 1]++;
      } else {
        outcomes.unsupported(i);
      }
    }
    for (int key = 1; key < counts.length; key++) {
      counts[key] += counts[key - 1];
    }
    int total = counts[counts.length - 1];
    for (int i = 0; i < batch.size(); i++) {
      if (runnable(batch, i)) {
        order[counts[key(batch, i)]++] = i;
      }
    }
    return total;
  }

  private boolean runnable(PacketBatch batch, int i) {
    int length = batch.wireLength(i);
    return length >= subject.hook().testRunLimits().min()
        && length <= large.maxLength()
        && (batch.vlanWord(i) == 0
            || subject.hook().testRunLimits().tags() && !isTag(batch.etherType(i)));
  }

  private int key(PacketBatch batch, int i) {
    int group = wrapper.groupsByEtherType() ? Math.max(batch.etherType(i), 0) : 0;
    return group << 1 | (batch.wireLength(i) <= SMALL ? 0 : 1);
  }

  @Override
  public void close() {
    small.close();
    large.close();
    single.close();
  }
}
