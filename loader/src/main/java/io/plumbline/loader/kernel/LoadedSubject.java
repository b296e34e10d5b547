package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.RodataImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A subject in the kernel: one object, or a dispatcher and its stages. */
final class LoadedSubject implements AutoCloseable {
  private final List<LoadedObject> objects = new ArrayList<>();
  private @Nullable PolicyProgram policies;

  private LoadedSubject() {}

  /** Returns a policy program as a subject, which is closed with it. */
  static LoadedSubject of(PolicyProgram program) {
    LoadedSubject loaded = new LoadedSubject();
    loaded.policies = program;
    return loaded;
  }

  static LoadedSubject load(Subject subject, ObjectSource source) throws EngineException {
    LoadedSubject loaded = new LoadedSubject();
    try {
      if (subject instanceof Subject.Standalone alone) {
        String name = alone.program().name();
        loaded.add(
            name, source, RodataImage.standalone(alone.program(), alone.input()).symbols(), -1);
      } else if (subject instanceof Subject.IntentRows rows) {
        loaded.add(StrictRow.PROGRAM, source, rows(rows), -1);
      } else if (subject instanceof Subject.Chained chained) {
        loaded.add("dispatcher", source, Map.of(), -1);
        int progArray = loaded.entry().mapFd("prog_array");
        List<Chain.Stage> stages = chained.chain().stages();
        for (int slot = 0; slot < stages.size(); slot++) {
          Chain.Stage stage = stages.get(slot);
          LoadedObject object =
              loaded.add(
                  stage.program().name(),
                  source,
                  RodataImage.stage(stage, slot).symbols(),
                  progArray);
          LoadedObject.put(progArray, slot, object.programFd());
        }
      }
      return loaded;
    } catch (EngineException | RuntimeException e) {
      loaded.close();
      throw e;
    }
  }

  /** Returns the fd of the program that a packet enters by. */
  int entryFd() {
    return policies != null ? policies.fd() : entry().programFd();
  }

  /** Returns the instructions of the program that a packet enters by. */
  byte[] entryInstructions() {
    return policies != null ? policies.instructions() : entry().instructions();
  }

  private LoadedObject entry() {
    return objects.get(0);
  }

  private static Map<String, byte[]> rows(Subject.IntentRows rows) throws EngineException {
    try {
      return StrictRow.rodata(StrictRow.of(rows.policy()));
    } catch (PolicyException e) {
      throw new EngineException(String.valueOf(e.getMessage()));
    }
  }

  private LoadedObject add(
      String name, ObjectSource source, Map<String, byte[]> rodata, int progArray)
      throws EngineException {
    LoadedObject object = LoadedObject.load(name, source.object(name), rodata, progArray);
    objects.add(object);
    return object;
  }

  @Override
  public void close() {
    objects.forEach(LoadedObject::close);
    objects.clear();
    if (policies != null) {
      policies.close();
      policies = null;
    }
  }
}
