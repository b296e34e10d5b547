package io.plumbline.conformance.verify;

import io.plumbline.conformance.live.LiveEngine;
import io.plumbline.emulator.engine.EmulatorEngine;
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
    ALL.put(KernelEngine.BATCH_NAME, KernelEngine::batch);
    ALL.put(EmulatorEngine.INTERPRETER, EmulatorEngine::interpreter);
    ALL.put(EmulatorEngine.NAME, EmulatorEngine::jit);
    ALL.put(LiveEngine.NAME, LiveEngine::new);
  }

  private Engines() {}

  /**
   * Returns the names of the engines that run when none is asked for, the reference first. The live
   * one, which makes a network namespace and is slower, has to be asked for.
   */
  public static List<String> names() {
    return ALL.keySet().stream().filter(name -> !name.equals(LiveEngine.NAME)).toList();
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
