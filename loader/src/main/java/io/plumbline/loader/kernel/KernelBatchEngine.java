package io.plumbline.loader.kernel;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import java.util.List;
import java.util.Optional;

/** The kernel, asked about thousands of different frames in one {@code BPF_PROG_TEST_RUN} call. */
public final class KernelBatchEngine implements Engine {
  public static final String NAME = "kernel-batch";

  private final ObjectSource objects;
  private final PolicyProgram.Lowering lowering;

  public KernelBatchEngine(ObjectSource objects) {
    this(objects, PolicyProgram::image);
  }

  /** Makes one that lowers policies in another way. */
  public KernelBatchEngine(ObjectSource objects, PolicyProgram.Lowering lowering) {
    this.objects = objects;
    this.lowering = lowering;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<String> unavailable() {
    return FeatureProbe.schedClsUnavailable();
  }

  @Override
  public Runner load(Subject subject) throws EngineException {
    if (subject instanceof Subject.Intent intent) {
      return PolicyRunners.load(List.of(intent), objects, lowering, KernelBatchRunner::new).get(0);
    }
    return new KernelBatchRunner(subject, LoadedSubject.load(subject, objects));
  }

  @Override
  public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    List<Subject.Intent> policies = PolicyRunners.policies(subjects);
    return policies.size() < subjects.size()
        ? Engine.super.loadAll(subjects)
        : PolicyRunners.load(policies, objects, lowering, KernelBatchRunner::new);
  }
}
