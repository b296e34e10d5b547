package io.plumbline.conformance.verify;

import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.loader.kernel.KernelBatchEngine;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.ModelEngine;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Every engine there is, by name; a new one joins by a line here and is then run everywhere. */
public final class Engines {
  private static final Map<String, Function<ObjectSource, Engine>> ALL = new LinkedHashMap<>();

  static {
    ALL.put(ModelEngine.NAME, objects -> new ModelEngine());
    ALL.put(KernelEngine.NAME, KernelEngine::new);
    ALL.put(KernelBatchEngine.NAME, KernelBatchEngine::new);
    ALL.put(EmulatorEngine.INTERPRETER, EmulatorEngine::interpreter);
    ALL.put(EmulatorEngine.NAME, EmulatorEngine::jit);
  }

  private Engines() {}

  /** Returns the names of all engines, the reference first. */
  public static List<String> names() {
    return List.copyOf(ALL.keySet());
  }

  /**
   * Makes engines by name.
   *
   * @throws IllegalArgumentException if a name is not known; the message lists those that are
   */
  public static List<Engine> of(List<String> names, ObjectSource objects) {
    List<Engine> engines = new ArrayList<>();
    for (String name : names) {
      Function<ObjectSource, Engine> maker = ALL.get(name);
      if (maker == null) {
        throw new IllegalArgumentException(
            "--engine: unknown engine: '%s': expected %s"
                .formatted(name, String.join(", ", ALL.keySet())));
      }
      engines.add(maker.apply(objects));
    }
    return engines;
  }
}
