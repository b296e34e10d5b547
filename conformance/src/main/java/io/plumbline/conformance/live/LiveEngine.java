package io.plumbline.conformance.live;

import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The filter on an interface, attached as {@code plumb attach} does it, and real frames sent past
 * it. One thread has the network namespace; everything is done there.
 */
public final class LiveEngine implements Engine {
  public static final String NAME = "live";

  private final ObjectSource objects;
  private final Direction direction;
  private final Backend backend;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread made = new Thread(task, "live");
            made.setDaemon(true);
            return made;
          });

  /** Why the kernel cannot run policies, empty if it can; null before it was asked. */
  private @Nullable String loopMissing;

  /** By the hook that they are for; all in one network namespace. */
  private final Map<Hook, Wire> wires = new LinkedHashMap<>();

  private final Map<Hook, LiveRunner> attached = new HashMap<>();

  /** Makes one that filters what leaves the interface, as a TCX link where the kernel has them. */
  public LiveEngine(ObjectSource objects) {
    this(
        objects,
        Direction.EGRESS,
        Feature.TCX.missing().isEmpty() && Feature.BPFFS.missing().isEmpty()
            ? Backend.TCX
            : Backend.CLSACT);
  }

  /** Makes one. */
  public LiveEngine(ObjectSource objects, Direction direction, Backend backend) {
    this.objects = objects;
    this.direction = direction;
    this.backend = backend;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<String> unavailable() {
    for (Feature feature : Feature.values()) {
      Optional<String> missing = feature.missing();
      if (feature.required() && missing.isPresent()) {
        return missing;
      }
    }
    return Feature.CLSACT.missing();
  }

  @Override
  public Runner load(Subject subject) throws EngineException {
    if (subject.image().needs().isPresent()) {
      requireLoop();
    }
    return new LiveRunner(this, subject, objects, direction, backend);
  }

  /** Refuses policies before any frame is sent, where the kernel lacks what they need. */
  private void requireLoop() throws EngineException {
    if (loopMissing == null) {
      loopMissing = Feature.BPF_LOOP.missing().orElse("");
    }
    if (!loopMissing.isEmpty()) {
      throw new EngineException(
          "live: policies: unavailable: %s: needs %s"
              .formatted(loopMissing, Feature.BPF_LOOP.remedy()));
    }
  }

  /** Does something on the thread that has the interface. */
  <T> T onThread(Callable<T> task) throws EngineException {
    try {
      return thread.submit(task).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineException engine) {
        throw engine;
      }
      throw new EngineException("live: " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException("live: interrupted");
    }
  }

  /** Returns the interface of a hook; only on that thread. */
  Wire wire(Hook hook) throws EngineException {
    Wire made = wires.get(hook);
    if (made == null) {
      if (wires.isEmpty()) {
        enterNamespace();
      }
      made = Wire.of(hook, direction, backend);
      wires.put(hook, made);
    }
    return made;
  }

  private static void enterNamespace() throws EngineException {
    try {
      NetworkNamespace.enterNew();
      // Otherwise the kernel sends frames of its own, which the filter would count too.
      Path sysctl = Path.of("/proc/sys/net/ipv6/conf/default/disable_ipv6");
      if (Files.exists(sysctl)) {
        Files.writeString(sysctl, "1");
      }
    } catch (NetlinkException | IOException e) {
      throw new EngineException("live: " + e.getMessage());
    }
  }

  /** Returns whose filter is attached at a hook now; only on that thread. */
  @Nullable LiveRunner attached(Hook hook) {
    return attached.get(hook);
  }

  /** Remembers whose filter is attached at a hook now; only on that thread. */
  void setAttached(Hook hook, LiveRunner runner) {
    attached.put(hook, runner);
  }

  /** Remembers that no filter is attached at a hook now; only on that thread. */
  void setDetached(Hook hook) {
    attached.remove(hook);
  }

  @Override
  public void close() {
    try {
      onThread(
          () -> {
            for (LiveRunner runner : List.copyOf(attached.values())) {
              runner.detach();
            }
            wires.values().forEach(Wire::close);
            return true;
          });
    } catch (EngineException e) {
      throw new IllegalStateException(e);
    } finally {
      thread.shutdown();
    }
  }
}
