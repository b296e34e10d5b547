package io.plumbline.loader.kernel;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import java.util.Optional;

/** The kernel itself, asked by one {@code BPF_PROG_TEST_RUN} call a frame. */
public final class KernelEngine implements Engine {
  public static final String NAME = "kernel";

  private final ObjectSource objects;

  public KernelEngine(ObjectSource objects) {
    this.objects = objects;
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
    return new KernelRunner(subject, LoadedSubject.load(subject, objects));
  }
}
