package io.plumbline.loader.kernel;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import java.util.List;
import java.util.Optional;

/** The kernel itself, asked by {@code BPF_PROG_TEST_RUN}. */
public final class KernelEngine implements Engine {
  /** One call a frame. */
  public static final String NAME = "kernel";

  /** Thousands of different frames a call. */
  public static final String BATCH_NAME = "kernel-batch";

  private final String name;
  private final ObjectSource objects;
  private final PolicyProgram.Lowering lowering;
  private final PolicyRunners.Maker maker;

  private KernelEngine(
      String name,
      ObjectSource objects,
      PolicyProgram.Lowering lowering,
      PolicyRunners.Maker maker) {
    this.name = name;
    this.objects = objects;
    this.lowering = lowering;
    this.maker = maker;
  }

  /** Makes the engine that makes one call a frame. */
  public KernelEngine(ObjectSource objects) {
    this(objects, PolicyProgram::image);
  }

  /** Makes one that lowers policies in another way. */
  public KernelEngine(ObjectSource objects, PolicyProgram.Lowering lowering) {
    this(NAME, objects, lowering, KernelRunner::new);
  }

  /** Makes the engine that gives the kernel many frames in one call. */
  public static KernelEngine batch(ObjectSource objects) {
    return new KernelEngine(BATCH_NAME, objects, PolicyProgram::image, KernelBatchRunner::new);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Optional<String> unavailable() {
    return FeatureProbe.unavailable();
  }

  @Override
  public Runner load(Subject subject) throws EngineException {
    if (subject instanceof Subject.Intent intent) {
      return PolicyRunners.load(List.of(intent), objects, lowering, maker).get(0);
    }
    return maker.make(subject, LoadedSubject.load(subject, objects));
  }

  @Override
  public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    List<Subject.Intent> policies = PolicyRunners.policies(subjects);
    return policies.size() < subjects.size()
        ? Engine.super.loadAll(subjects)
        : PolicyRunners.load(policies, objects, lowering, maker);
  }
}
