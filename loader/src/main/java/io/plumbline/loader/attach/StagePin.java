package io.plumbline.loader.attach;

import com.sun.jna.Memory;
import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.RodataImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A prog_array of a chain's stages where traffico has its own: {@code traffico/IFNAME/prog_array}
 * in the BPF file system. It is only there to be looked at: no packet is decided by it, so a chain
 * does not depend on a file that anything else may remove.
 *
 * <p>A chain of the original does depend on it, so a pin is replaced or removed only if it is ours
 * and of this network namespace, which the map's name says.
 */
public final class StagePin implements AutoCloseable {
  private static final int MAP_TYPE_PROG_ARRAY = 3;
  private static final int DIRECTORY_MODE = 0755;
  private static final String ROOT = "traffico";
  private static final String PIN = "prog_array";

  /** As many digits of the namespace's number as a map's name has room for. */
  private static final int NAMESPACES = 36 * 36 * 36 * 36 * 36;

  private final String ifname;
  private final OwnDirectory root;
  private final OwnDirectory directory;
  private int mapId;

  private StagePin(String ifname, OwnDirectory root, OwnDirectory directory) {
    this.ifname = ifname;
    this.root = root;
    this.directory = directory;
  }

  /** Pins the stages of a chain; throws if they cannot be pinned, or something else is there. */
  public static StagePin create(Chain chain, ObjectSource objects, String ifname)
      throws AttachException {
    StagePin pin = open(ifname);
    String name = mapName();
    int map = BpfSyscall.mapCreate(name, MAP_TYPE_PROG_ARRAY, 4, 4, Chain.MAX_STAGES, 0);
    try {
      check(map, "make the map");
      pin.requireOurs(name);
      check(Bpf.pin(map, pin.directory.entry(PIN)), pin.path().toString());
      pin.mapId = Bpf.mapInfo(map).map(Bpf.MapInfo::id).orElse(0);
      fill(map, chain.stages(), objects);
      return pin;
    } catch (EngineException e) {
      pin.close();
      throw AttachException.of(e);
    } catch (AttachException e) {
      pin.close();
      throw e;
    } finally {
      LibC.close(map);
    }
  }

  private static StagePin open(String ifname) throws AttachException {
    OwnDirectory root = OwnDirectory.make(Pins.here(), ROOT, DIRECTORY_MODE);
    try {
      return new StagePin(ifname, root, root.make(ifname, DIRECTORY_MODE));
    } catch (AttachException e) {
      root.close();
      throw e;
    }
  }

  private static String mapName() throws AttachException {
    try {
      return PIN + Long.toString(NetworkNamespace.cookie() % NAMESPACES, 36);
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  private static void check(int result, String what) throws AttachException {
    if (result < 0) {
      throw AttachException.of(what + ": " + Errno.describe(-result), -result, Capability.CAP_BPF);
    }
  }

  /** Returns the map that is pinned now. */
  private Optional<Bpf.MapInfo> pinned() {
    int map = Bpf.pinned(directory.entry(PIN));
    if (map < 0) {
      return Optional.empty();
    }
    try {
      return Bpf.mapInfo(map);
    } finally {
      LibC.close(map);
    }
  }

  /** Removes a pin that one of our processes has left; refuses if it is another program's. */
  private void requireOurs(String name) throws AttachException {
    Optional<Bpf.MapInfo> there = pinned();
    if (there.isPresent()) {
      if (!there.get().name().equals(name)) {
        throw new AttachException(
            Kind.KERNEL, path() + ": map %d of another program".formatted(there.get().id()));
      }
      directory.remove(PIN);
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
    return directory.path().resolve(PIN);
  }

  @Override
  public void close() {
    if (mapId != 0 && pinned().map(Bpf.MapInfo::id).orElse(0) == mapId) {
      directory.remove(PIN);
    }
    directory.close();
    root.removeDirectory(ifname);
    root.close();
  }
}
