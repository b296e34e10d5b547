package io.plumbline.conformance.replay;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import java.util.ArrayList;
import java.util.List;

/** A subject at the hook where packets begin with one layer, with the runners that judge them. */
public final class Side implements AutoCloseable {
  private final Subject subject;
  private final ModelRunner model;
  private final List<Runner> others = new ArrayList<>();
  private boolean loaded;

  Side(Subject subject) {
    this.subject = subject;
    model = new ModelEngine().load(subject);
  }

  /** Loads the engines beside the model, once. */
  void load(List<Engine> engines) throws EngineException {
    if (!loaded) {
      for (Engine engine : engines) {
        others.add(engine.load(subject));
      }
      loaded = true;
    }
  }

  public Subject subject() {
    return subject;
  }

  public List<ModelRunner.Line> lines() {
    return model.lines();
  }

  ModelRunner model() {
    return model;
  }

  Runner other(int index) {
    return others.get(index);
  }

  @Override
  public void close() {
    others.forEach(Runner::close);
  }
}
