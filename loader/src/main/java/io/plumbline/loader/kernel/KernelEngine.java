package io.plumbline.loader.kernel;

import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** The kernel itself, asked by {@code BPF_PROG_TEST_RUN}. */
public final class KernelEngine implements Engine {
  /** One call a frame. */
  public static final String NAME = "kernel";

  /** Thousands of different frames a call. */
  public static final String BATCH_NAME = "kernel-batch";

  private final String name;
  private final ObjectSource objects;
  private final TableRunners.Maker maker;

  private KernelEngine(String name, ObjectSource objects, TableRunners.Maker maker) {
    this.name = name;
    this.objects = objects;
    this.maker = maker;
  }

  /** Makes the engine that makes one call a frame. */
  public KernelEngine(ObjectSource objects) {
    this(NAME, objects, KernelRunner::new);
  }

  /** Makes the engine that gives the kernel many frames in one call. */
  public static KernelEngine batch(ObjectSource objects) {
    return new KernelEngine(BATCH_NAME, objects, KernelBatchRunner::new);
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
    return loadAll(List.of(subject)).get(0);
  }

  @Override
  public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    Runner[] runners = new Runner[subjects.size()];
    List<Image> images = new ArrayList<>();
    Map<List<Object>, List<Integer>> shared = new LinkedHashMap<>();
    try {
      for (int i = 0; i < subjects.size(); i++) {
        Subject subject = subjects.get(i);
        Image image = subject.image();
        images.add(image);
        if (image.tables().isPresent()) {
          shared
              .computeIfAbsent(
                  List.of(subject.hook(), image.entry().name()), any -> new ArrayList<>())
              .add(i);
        } else {
          runners[i] = maker.make(subject, LoadedImage.load(image, subject.hook(), objects));
        }
      }
      for (List<Integer> group : shared.values()) {
        List<Runner> loaded =
            TableRunners.load(
                group.stream().map(subjects::get).toList(),
                group.stream().map(images::get).toList(),
                objects,
                maker);
        for (int i = 0; i < group.size(); i++) {
          runners[group.get(i)] = loaded.get(i);
        }
      }
      return List.of(runners);
    } catch (EngineException | RuntimeException e) {
      Stream.of(runners).filter(Objects::nonNull).forEach(Runner::close);
      throw e;
    }
  }
}
