package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a program's object comes from. */
public interface ObjectSource extends ProgramObjects {
  /** Returns the objects that ship with Plumbline. */
  static ObjectSource builtIn() {
    return program -> {
      String resource = "/io/plumbline/bpf/" + program + ".bpf.o";
      try (InputStream in = ObjectSource.class.getResourceAsStream(resource)) {
        if (in == null) {
          throw new EngineException("kernel: load " + program + ": no object " + resource);
        }
        return in.readAllBytes();
      } catch (IOException e) {
        throw new EngineException("kernel: load " + program + ": " + e.getMessage());
      }
    };
  }

  /** Returns these objects, but for one program the object of a file. */
  default ObjectSource with(String program, Path file) {
    return name -> {
      if (!name.equals(program)) {
        return object(name);
      }
      try {
        return Files.readAllBytes(file);
      } catch (IOException e) {
        throw new EngineException("%s: cannot be read: %s".formatted(file, e.getMessage()));
      }
    };
  }
}
