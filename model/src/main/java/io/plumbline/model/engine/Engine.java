package io.plumbline.model.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One way of running filter programs.
 *
 * <p>A subject is loaded once and then run on many frames, because for a kernel engine loading
 * costs a thousand times what running does.
 */
public interface Engine extends AutoCloseable {
  /** Returns the stable short name used in reports and options: {@code model}, {@code kernel}. */
  String name();

  /** Returns why this engine cannot run anything here ("needs CAP_BPF"), or empty if it can. */
  Optional<String> unavailable();

  /**
   * Loads a subject.
   *
   * @throws EngineException if it cannot be loaded; the message says why and what was tried
   */
  Runner load(Subject subject) throws EngineException;

  /**
   * Loads many subjects; an engine for which that costs less than one by one says so by overriding.
   * Each runner is closed on its own.
   */
  default List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    List<Runner> runners = new ArrayList<>();
    try {
      for (Subject subject : subjects) {
        runners.add(load(subject));
      }
    } catch (EngineException | RuntimeException e) {
      runners.forEach(Runner::close);
      throw e;
    }
    return runners;
  }

  @Override
  default void close() {}
}
