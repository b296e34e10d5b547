package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.RodataImage;
import java.nio.file.Path;
import java.util.List;

/**
 * A prog_array of a chain's stages where traffico has its own: {@code traffico/IFNAME/prog_array}
 * in the BPF file system. It is there to be looked at. Nothing is decided by it, so that a chain
 * does not depend on a file that anything else may remove.
 */
public final class StagePin implements AutoCloseable {
  private static final int MAP_TYPE_PROG_ARRAY = 3;
  private static final int DIRECTORY_MODE = 0755;

  private final Path directory;

  private StagePin(Path directory) {
    this.directory = directory;
  }

  /** Makes it, in place of an older one; throws if it cannot be pinned. */
  public static StagePin create(Chain chain, ObjectSource objects, String ifname)
      throws AttachException {
    Pins.Found found = Pins.find();
    if (found.pins().isEmpty()) {
      throw new AttachException(AttachException.Kind.KERNEL, found.reason());
    }
    Path root = found.pins().get().directory().resolveSibling("traffico");
    Path directory = root.resolve(ifname);
    LibC.mkdir(root.toString(), DIRECTORY_MODE);
    LibC.mkdir(directory.toString(), DIRECTORY_MODE);
    StagePin pin = new StagePin(directory);
    int map = BpfSyscall.mapCreate("prog_array", MAP_TYPE_PROG_ARRAY, 4, 4, Chain.MAX_STAGES, 0);
    try {
      LibC.unlink(pin.path().toString());
      int result = map < 0 ? map : Bpf.pin(map, pin.path().toString());
      if (result < 0) {
        pin.close();
        throw AttachException.of(Errno.describe(-result), -result, Capability.CAP_BPF);
      }
      fill(map, chain.stages(), objects);
      return pin;
    } catch (EngineException e) {
      pin.close();
      throw AttachException.of(e);
    } finally {
      LibC.close(map);
    }
  }

  private static void fill(int map, List<Chain.Stage> stages, ObjectSource objects)
      throws EngineException {
    for (int slot = 0; slot < stages.size(); slot++) {
      Chain.Stage stage = stages.get(slot);
      String name = stage.program().name();
      try (LoadedObject object =
              LoadedObject.load(
                  name, objects.object(name), RodataImage.stage(stage, slot).symbols(), -1);
          Memory key = new Memory(4);
          Memory value = new Memory(4)) {
        key.setInt(0, slot);
        value.setInt(0, object.programFd());
        BpfSyscall.mapUpdate(map, key, value);
      }
    }
  }

  /** Returns where it is. */
  public Path path() {
    return directory.resolve("prog_array");
  }

  @Override
  public void close() {
    LibC.unlink(path().toString());
    LibC.rmdir(directory.toString());
  }
}
