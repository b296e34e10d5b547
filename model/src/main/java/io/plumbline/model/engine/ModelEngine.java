package io.plumbline.model.engine;

import java.util.Optional;

/** The reference: evaluates decision lists. */
public final class ModelEngine implements Engine {
  public static final String NAME = "model";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<String> unavailable() {
    return Optional.empty();
  }

  @Override
  public ModelRunner load(Subject subject) {
    return new ModelRunner(subject);
  }
}
