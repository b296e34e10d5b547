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
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Policies in one machine, a slot each of the maps that the program {@code intent} reads. */
final class PolicyMachine {
  private static final String NAME = "intent";
  private static final int COUNTER_BYTES = 16;
  private static final int F_NO_PREALLOC = 1;
  private static final byte[] ZERO = new byte[4];

  private final Machine machine = new Machine();
  private final EmulatorRunner runner;
  private final BpfMap active;
  private final List<BpfMap> counters = new ArrayList<>();
  private final List<Integer> lines = new ArrayList<>();

  PolicyMachine(
      String engine,
      ProgramObjects objects,
      Function<Machine, Program.Maker> maker,
      List<Subject.Intent> subjects,
      int linear)
      throws EngineException {
    Frames frames = new Frames(machine, Contexts.of(subjects.get(0).hook()));
    frames.linear(linear);
    try {
      BpfObject object = BpfObject.read(objects.object(NAME));
      Map<String, BpfMap> outer =
          Map.of(
              "tables", outer(object, "tables", subjects.size()),
              "endpoints", outer(object, "endpoints", subjects.size()),
              "prefixes", outer(object, "prefixes", subjects.size()),
              "counters", outer(object, "counters", subjects.size()));
      Linker.Linked linked =
          new Linker(machine, maker.apply(machine)).link(object, Map.of(), outer);
      active = linked.map("active");
      for (int slot = 0; slot < subjects.size(); slot++) {
        install(linked, slot, PolicyImage.of(subjects.get(slot).policy()));
      }
      runner = new EmulatorRunner(subjects.get(0).hook(), machine, linked.program(NAME), frames);
    } catch (ObjectException | VmException | IllegalArgumentException e) {
      throw EngineException.refusal("%s: load %s: %s".formatted(engine, NAME, e.getMessage()), "");
    } catch (PolicyException e) {
      throw new EngineException("%s: load %s: %s".formatted(engine, NAME, e.getMessage()));
    }
  }

  private BpfMap outer(BpfObject object, String name, int slots) throws VmException {
    int index = object.mapIndex(name);
    if (index < 0) {
      throw new VmException("object: map '%s': there is none".formatted(name));
    }
    return MapType.create(machine, object.maps().get(index).withMaxEntries(Math.max(2, slots)));
  }

  private void install(Linker.Linked linked, int slot, PolicyImage image) {
    int rows = image.table().length / PolicyImage.ROW_BYTES;
    BpfMap table = array("table", PolicyImage.ROW_BYTES, rows);
    byte[] key = new byte[4];
    for (int row = 0; row < rows; row++) {
      Bytes.put32(key, 0, row);
      table.update(key, 0, image.table(), row * PolicyImage.ROW_BYTES, BpfMap.BPF_ANY);
    }
    BpfMap counter = array("counters", COUNTER_BYTES, image.lines());
    counters.add(counter);
    lines.add(image.lines());
    put(linked, "tables", slot, table);
    put(linked, "counters", slot, counter);
    put(
        linked,
        "endpoints",
        slot,
        filled(MapType.HASH, PolicyImage.ENDPOINT_BYTES, 0, image.endpoints()));
    put(
        linked,
        "prefixes",
        slot,
        filled(MapType.LPM_TRIE, PolicyImage.PREFIX_BYTES, F_NO_PREALLOC, image.prefixes()));
  }

  private BpfMap array(String name, int valueSize, int entries) {
    return MapType.create(
        machine, MapSpec.of(name, MapType.ARRAY.number(), 4, valueSize, entries, 0));
  }

  private BpfMap filled(MapType type, int keySize, int flags, List<PolicyImage.Entry> entries) {
    BpfMap map =
        MapType.create(
            machine,
            MapSpec.of("entries", type.number(), keySize, 4, Math.max(1, entries.size()), flags));
    byte[] value = new byte[4];
    for (PolicyImage.Entry entry : entries) {
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

  /** Returns what runs the policy of a slot. */
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
