package io.plumbline.emulator.engine;

import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.map.ReferenceMap;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Outcome;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Subjects of one program in one machine, a slot each of its outer maps: which of them is active is
 * in a map.
 */
final class TableMachine {
  private static final int F_NO_PREALLOC = 1;
  private static final byte[] ZERO = new byte[4];

  private final Machine machine = new Machine();
  private final EmulatorRunner runner;
  private final BpfMap active;
  private final List<BpfMap> counters = new ArrayList<>();
  private final List<Integer> lines = new ArrayList<>();

  /**
   * Loads a program.
   *
   * @param images images of this program, all of which have tables; at least one
   */
  TableMachine(
      String engine,
      ProgramObjects objects,
      Function<Machine, Program.Maker> maker,
      Hook hook,
      List<Image> images,
      int linear)
      throws EngineException {
    Frames frames = new Frames(machine, Contexts.of(hook));
    frames.linear(linear);
    String name = images.get(0).entry().name();
    Image.Tables tables = images.get(0).tables().orElseThrow();
    try {
      BpfObject object = BpfObject.read(objects.object(images.get(0).entry().object()));
      Map<String, BpfMap> outer = new HashMap<>();
      for (Image.Table table : tables.inner()) {
        outer.put(table.outer(), outer(object, table.outer(), images.size()));
      }
      Linker.Linked linked =
          new Linker(machine, maker.apply(machine))
              .link(object, images.get(0).entry().variables(), outer);
      active = linked.map(tables.active());
      for (int slot = 0; slot < images.size(); slot++) {
        install(linked, slot, images.get(slot).tables().orElseThrow());
      }
      runner = new EmulatorRunner(hook, machine, linked.program(name), frames);
    } catch (ObjectException | VmException | IllegalArgumentException e) {
      throw EngineException.refusal("%s: load %s: %s".formatted(engine, name, e.getMessage()), "");
    }
  }

  private BpfMap outer(BpfObject object, String name, int slots) throws VmException {
    int index = object.mapIndex(name);
    if (index < 0) {
      throw new VmException("object: map '%s': there is none".formatted(name));
    }
    return MapType.create(machine, object.maps().get(index).withMaxEntries(Math.max(2, slots)));
  }

  private void install(Linker.Linked linked, int slot, Image.Tables tables) {
    for (Image.Table table : tables.inner()) {
      BpfMap map =
          switch (table.kind()) {
            case ARRAY -> rows(table);
            case HASH -> filled(MapType.HASH, 0, table);
            case LPM_TRIE -> filled(MapType.LPM_TRIE, F_NO_PREALLOC, table);
            case COUNTERS -> array(table);
          };
      if (table.kind() == Image.Kind.COUNTERS) {
        counters.add(map);
        lines.add(table.lines());
      }
      put(linked, table.outer(), slot, map);
    }
  }

  private BpfMap rows(Image.Table table) {
    BpfMap map = array(table);
    byte[] key = new byte[4];
    for (int row = 0; row < table.size(); row++) {
      Bytes.put32(key, 0, row);
      map.update(key, 0, table.rows(), row * table.bytes(), BpfMap.BPF_ANY);
    }
    return map;
  }

  private BpfMap array(Image.Table table) {
    return MapType.create(
        machine,
        MapSpec.of(table.outer(), MapType.ARRAY.number(), 4, table.bytes(), table.size(), 0));
  }

  private BpfMap filled(MapType type, int flags, Image.Table table) {
    int room = Math.max(1, table.size());
    BpfMap map =
        MapType.create(
            machine, MapSpec.of(table.outer(), type.number(), table.bytes(), 4, room, flags));
    byte[] value = new byte[4];
    for (Image.Entry entry : table.entries()) {
      Bytes.put32(value, 0, entry.value());
      map.update(entry.key(), 0, value, 0, BpfMap.BPF_ANY);
    }
    return map;
  }

  private static void put(Linker.Linked linked, String outer, int slot, BpfMap inner) {
    if (linked.map(outer) instanceof ReferenceMap map) {
      map.put(slot, inner);
    }
  }

  /** Returns what runs the subject of a slot. */
  Runner runner(int slot) {
    return new OfSlot(slot);
  }

  private final class OfSlot implements Runner {
    private final byte[] number = new byte[8];
    private final int slot;

    OfSlot(int slot) {
      this.slot = slot;
      Bytes.put64(number, 0, slot);
    }

    private void activate() {
      active.update(ZERO, 0, number, 0, BpfMap.BPF_ANY);
    }

    @Override
    public Optional<String> unsupported(Packet packet) {
      return runner.unsupported(packet);
    }

    @Override
    public Outcome run(Packet packet) {
      activate();
      return runner.run(packet);
    }

    @Override
    public void run(PacketBatch batch, Outcomes outcomes) {
      activate();
      runner.run(batch, outcomes);
    }

    @Override
    public Optional<Counters> counters() {
      long[] packets = new long[lines.get(slot)];
      long[] bytes = new long[packets.length];
      byte[] key = new byte[4];
      for (int line = 0; line < packets.length; line++) {
        Bytes.put32(key, 0, line);
        byte[] totals = counters.get(slot).value(key).orElseThrow();
        packets[line] = Bytes.get64(totals, 0);
        bytes[line] = Bytes.get64(totals, 8);
      }
      return Optional.of(new Counters(packets, bytes));
    }

    @Override
    public void close() {}
  }
}
