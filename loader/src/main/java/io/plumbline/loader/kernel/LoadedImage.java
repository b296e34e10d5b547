package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.List;
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

  /** Loads an image. */
  static LoadedImage load(Image image, ObjectSource source) throws EngineException {
    if (image.tables().isPresent()) {
      TableProgram program = TableProgram.load(source, image, 2);
      program.install(0, List.of(image));
      return of(program);
    }
    LoadedImage loaded = new LoadedImage();
    try {
      loaded.add(image.entry(), source, -1);
      for (Image.TailCall call : image.tailCalls()) {
        int map = loaded.entry().mapFd(call.map());
        LoadedObject object = loaded.add(call.program(), source, map);
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

  private LoadedObject add(Image.Program program, ObjectSource source, int progArray)
      throws EngineException {
    String name = program.name();
    LoadedObject object =
        LoadedObject.load(name, source.object(program.object()), program.variables(), progArray);
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
