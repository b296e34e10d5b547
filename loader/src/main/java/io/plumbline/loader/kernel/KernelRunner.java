package io.plumbline.loader.kernel;

import com.sun.jna.Memory;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A subject in the kernel, run by test runs. A tag outside the frame's bytes is pushed by a program
 * in front.
 */
final class KernelRunner implements Runner {
  private final Subject subject;
  private final LoadedImage loaded;
  private final int max;
  private final Optional<String> noTags;
  private final Memory in;
  private final Memory out;
  private final BpfSyscall.TestRun plain;
  private @Nullable TagPusher tagPusher;
  private BpfSyscall.@Nullable TestRun tagged;

  KernelRunner(Subject subject, LoadedImage loaded) {
    this.subject = subject;
    this.loaded = loaded;
    max = subject.hook().testRunLimits().max();
    noTags =
        Optional.of("a test run at %s has no VLAN tag outside the frame".formatted(subject.hook()));
    in = new Memory(max);
    out = new Memory(max + 64L);
    plain = new BpfSyscall.TestRun(loaded.entryFd(), in, out);
  }

  /** Returns the run with a tag outside the bytes; its program is loaded when first needed. */
  private BpfSyscall.TestRun tagged(int tag) throws EngineException {
    TagPusher pusher = tagPusher;
    if (pusher == null) {
      pusher = new TagPusher(loaded.entryInstructions());
      tagPusher = pusher;
      tagged = new BpfSyscall.TestRun(pusher.programFd(), in, out);
    }
    pusher.setTag(tag);
    return java.util.Objects.requireNonNull(tagged);
  }

  /** Returns why a frame with a VLAN tag outside its bytes is not run. */
  Optional<String> noTags() {
    return noTags;
  }

  @Override
  public Optional<String> unsupported(Packet packet) {
    return refusal(PacketBatch.of(packet), 0);
  }

  private Optional<String> refusal(PacketBatch batch, int i) {
    Hook.TestRunLimits limits = subject.hook().testRunLimits();
    if (batch.vlanWord(i) != 0 && !limits.tags()) {
      return noTags;
    }
    if (loaded.counts() && batch.wireLength(i) > limits.shown()) {
      return Optional.of(
          "a test run at %s shows %d bytes to a program that does not take fragments, and those it counts"
              .formatted(subject.hook(), limits.shown()));
    }
    return limits.refusal(batch.etherType(i), batch.wireLength(i));
  }

  @Override
  public Outcome run(Packet packet) throws EngineException {
    PacketBatch one = PacketBatch.of(packet);
    Optional<String> refusal = refusal(one, 0);
    if (refusal.isPresent()) {
      return new Outcome.Unsupported(refusal.get());
    }
    BpfSyscall.TestRun call = runOne(one, 0);
    byte[] bytes = out.getByteArray(0, call.lengthOut());
    // Where programs see no Ethernet header, the kernel gives an empty one back.
    System.arraycopy(one.data(), 0, bytes, 0, subject.hook().hidden());
    Packet after = Packet.of(bytes);
    return new Outcome.Decided(
        new Verdict(subject.hook(), call.retval()),
        packet.outsideTag().map(after::withOutsideTag).orElse(after));
  }

  @Override
  public void run(PacketBatch batch, Outcomes outcomes) throws EngineException {
    outcomes.begin(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      if (refusal(batch, i).isPresent()) {
        outcomes.unsupported(i);
      } else {
        outcomes.decide(i, runOne(batch, i).retval());
      }
    }
  }

  /**
   * Runs frame i as it was on the wire; bytes that the capture lacks are zero. Returns the run,
   * which holds its result.
   */
  private BpfSyscall.TestRun runOne(PacketBatch batch, int i) throws EngineException {
    int captured = batch.capturedLength(i);
    int wire = batch.wireLength(i);
    in.write(0, batch.data(), batch.offset(i), captured);
    if (wire > captured) {
      in.setMemory(captured, wire - captured, (byte) 0);
    }
    int tag = batch.vlanWord(i);
    BpfSyscall.TestRun call = tag == 0 ? plain : tagged(tag);
    int result = call.run(wire, max + 64, 1);
    while (result == -Errno.EINTR) {
      result = call.run(wire, max + 64, 1);
    }
    if (result < 0) {
      throw new EngineException(
          "kernel: test run of %s with %d bytes: %s"
              .formatted(subject, wire, Errno.describe(-result)));
    }
    return call;
  }

  @Override
  public void close() {
    if (tagged != null) {
      tagged.close();
    }
    if (tagPusher != null) {
      tagPusher.close();
    }
    plain.close();
    loaded.close();
    in.close();
    out.close();
  }
}
