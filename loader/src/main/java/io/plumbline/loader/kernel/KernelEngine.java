package io.plumbline.loader.kernel;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import java.util.List;
import java.util.Optional;

/** The kernel itself, asked by one {@code BPF_PROG_TEST_RUN} call a frame. */
public final class KernelEngine implements Engine {
  public static final String NAME = "kernel";

  private final ObjectSource objects;
  private final PolicyProgram.Lowering lowering;

  public KernelEngine(ObjectSource objects) {
    this(objects, PolicyProgram::image);
  }

  /** Makes one that lowers policies in another way. */
  public KernelEngine(ObjectSource objects, PolicyProgram.Lowering lowering) {
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
      return PolicyRunners.load(List.of(intent), objects, lowering, KernelRunner::new).get(0);
    }
    return new KernelRunner(subject, LoadedSubject.load(subject, objects));
  }

  @Override
  public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    List<Subject.Intent> policies = PolicyRunners.policies(subjects);
    return policies.size() < subjects.size()
        ? Engine.super.loadAll(subjects)
        : PolicyRunners.load(policies, objects, lowering, KernelRunner::new);
  }
}
