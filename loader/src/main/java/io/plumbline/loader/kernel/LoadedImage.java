package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An image in the kernel: one object, or an entry and the programs it reaches by tail calls. */
final class LoadedImage implements AutoCloseable {
  private final List<LoadedObject> objects = new ArrayList<>();
  private @Nullable TableProgram tables;

  private LoadedImage() {}

  /** Returns a program with tables, which is closed with the result. */
  static LoadedImage of(TableProgram program) {
    LoadedImage loaded = new LoadedImage();
    loaded.tables = program;
    return loaded;
  }

  /** Loads an image of a hook, to be run by test runs. */
  static LoadedImage load(Image image, Hook hook, ObjectSource source) throws EngineException {
    if (image.tables().isPresent()) {
      TableProgram program = TableProgram.forTestRuns(source, image, hook, 2);
      program.install(0, List.of(image));
      return of(program);
    }
    LoadedImage loaded = new LoadedImage();
    int type = ProgramType.inTestRuns(hook).number();
    try {
      loaded.add(image.entry(), type, source, -1);
      for (Image.TailCall call : image.tailCalls()) {
        int map = loaded.entry().mapFd(call.map());
        LoadedObject object = loaded.add(call.program(), type, source, map);
        LoadedObject.put(map, call.slot(), object.programFd());
      }
      return loaded;
    } catch (EngineException | RuntimeException e) {
      loaded.close();
      throw e;
    }
  }

  /** Returns the fd of the program that a packet enters by. */
  int entryFd() {
    return tables != null ? tables.fd() : entry().programFd();
  }

  /** Returns the instructions of the program that a packet enters by. */
  byte[] entryInstructions() {
    return tables != null ? tables.instructions() : entry().instructions();
  }

  /** Returns whether the program counts what it decides, so that a second run would show. */
  boolean counts() {
    return tables != null;
  }

  private LoadedObject entry() {
    return objects.get(0);
  }

  private LoadedObject add(Image.Program program, int type, ObjectSource source, int progArray)
      throws EngineException {
    LoadedObject object =
        LoadedObject.load(
            program.name(),
            source.object(program.object()),
            program.variables(),
            progArray,
            Map.of(),
            type,
            false);
    objects.add(object);
    return object;
  }

  @Override
  public void close() {
    objects.forEach(LoadedObject::close);
    objects.clear();
    if (tables != null) {
      tables.close();
      tables = null;
    }
  }
}
