package io.plumbline.conformance.verify;

import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.emulator.engine.EmulatorEngine;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.map.ReferenceMap;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.loader.attach.GateTestRun;
import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;

/** Runs the gate around a filter that gives one answer, and compares it with its model. */
public final class GateExecution {
  private static final long SECOND = 1_000_000_000L;

  /** The engines of the emulator. */
  public static final Map<String, Function<Machine, Program.Maker>> MAKERS =
      Map.of(
          EmulatorEngine.INTERPRETER,
          machine -> Interpreter::of,
          EmulatorEngine.NAME,
          machine -> new Jit(machine, true));

  private GateExecution() {}

  /** A state of the gate and a frame. */
  public record Case(GateModel.State state, Packet frame) {}

  /** Returns random states around the edges of what the gate distinguishes, and frames. */
  public static List<Case> cases(Hook hook, int count, long seed) {
    Random random = new Random(seed);
    List<Case> cases = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      cases.add(new Case(state(hook, random), frame(hook, random)));
    }
    return cases;
  }

  private static GateModel.State state(Hook hook, Random random) {
    List<Integer> codes = hook.codes().keySet().stream().sorted().toList();
    long answer =
        switch (random.nextInt(6)) {
          case 0 -> hook.accept();
          case 1 -> -1;
          case 2 -> codes.get(random.nextInt(codes.size()));
          // Only the low half is the answer.
          case 3 -> hook.drop() | (long) random.nextInt() << 32;
          default -> hook.drop();
        };
    long now = 5 * SECOND + random.nextInt(3) * SECOND / 2;
    long until = random.nextInt(6) == 0 ? 0 : now - 1 + random.nextInt(4);
    long events = random.nextInt(3);
    GateModel.Limiter limiter =
        new GateModel.Limiter(4 + random.nextInt(3), events, random.nextInt(3));
    return new GateModel.State(
        answer,
        random.nextInt(4) == 0 ? 1 : 0,
        random.nextInt(4) == 0 ? hook.accept() : -1,
        until,
        random.nextInt(4),
        limiter,
        now,
        random.nextInt(8) != 0,
        1 + random.nextInt(9),
        marked(hook) ? random.nextInt() : 0);
  }

  /** Returns whether frames have marks at a hook. */
  private static boolean marked(Hook hook) {
    return Contexts.of(hook).slot("mark") >= 0;
  }

  private static Packet frame(Hook hook, Random random) {
    byte[] bytes = new byte[54 + random.nextInt(200)];
    random.nextBytes(bytes);
    bytes[12] = 8;
    bytes[13] = 6;
    Packet packet = Packet.of(bytes);
    return random.nextInt(4) == 0 && hook.offloadsTags()
        ? packet.withOutsideTag(new VlanTag(EtherType.QINQ, random.nextInt(1 << 16)))
        : packet;
  }

  /**
   * Runs it on the emulator.
   *
   * @param maker an interpreter or a JIT
   * @param linear how many bytes of the frame are linear at most
   * @throws Fault if the program does what it must not
   */
  public static GateModel.Result emulated(
      Function<Machine, Program.Maker> maker,
      Hook hook,
      byte[] object,
      GateModel.State state,
      Packet frame,
      int linear)
      throws EngineException {
    Machine machine = new Machine();
    machine.clock(state::now);
    Frames frames = new Frames(machine, Contexts.of(hook));
    frames.linear(linear);
    Linker.Linked gate;
    try {
      gate =
          new Linker(machine, maker.apply(machine))
              .link(
                  around(BpfObject.read(object), state.filter()),
                  Map.of("observe", bytes(state.observe()), "pass", bytes(state.pass())),
                  Map.of());
    } catch (ObjectException | VmException e) {
      throw EngineException.refusal("emulator: load gate: " + e.getMessage(), "");
    }
    put(gate.map("plumb_control"), state.listenUntil(), state.eventsPerSecond());
    GateModel.Limiter limiter = state.limiter();
    BpfMap limiters = gate.map("plumb_limiter");
    put(limiters, limiter.second(), limiter.events(), limiter.suppressed());
    if (state.room() && gate.map("plumb_events") instanceof ReferenceMap events) {
      events.put(0, MapType.create(machine, events.spec().inner().orElseThrow()));
    }
    frames.show(PacketBatch.of(frame), 0);
    ContextType type = Contexts.of(hook);
    int own = type.slot("ifindex");
    machine.context()[own >= 0 ? own : type.slot("ingress_ifindex")] = state.ifindex();
    if (marked(hook)) {
      machine.context()[type.slot("mark")] = Integer.toUnsignedLong(state.mark());
    }
    int verdict = (int) machine.run(gate.program(GateModel.NAME), Machine.CONTEXT, 0);
    ByteBuffer after = read(limiters, 0);
    return new GateModel.Result(
        verdict,
        counted(gate.map("plumb_answers")),
        new GateModel.Limiter(after.getLong(), after.getLong(), after.getLong()),
        machine.events().stream().findFirst().map(event -> GateTestRun.event(event.data())));
  }

  /** Puts a function that returns a number in the place of the filter. */
  private static BpfObject around(BpfObject object, long filter) throws ObjectException {
    BpfObject.Program gate =
        object
            .program(GateModel.NAME)
            .orElseThrow(() -> new ObjectException("object: program gate: there is none"));
    int start = filterSlot(gate);
    List<Insn> insns = new ArrayList<>(gate.insns().subList(0, start));
    insns.add(Insn.of(Opcode.LDDW, 0, 0, 0, filter));
    insns.add(Insn.HIGH);
    insns.add(Insn.of(Opcode.EXIT, 0, 0, 0, 0));
    return new BpfObject(
        object.order(),
        object.license(),
        List.of(
            new BpfObject.Program(
                gate.name(), gate.section(), insns, gate.functions(), Map.of(), Map.of())),
        List.of(),
        object.maps(),
        object.variables(),
        object.btf());
  }

  private static int filterSlot(BpfObject.Program gate) {
    return gate.functions().keySet().stream().mapToInt(Integer::intValue).max().orElse(0);
  }

  private static byte[] bytes(int value) {
    return ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
  }

  /** Sets the first fields of entry 0. */
  private static void put(BpfMap map, long... fields) {
    ByteBuffer value = ByteBuffer.allocate(map.spec().valueSize()).order(ByteOrder.LITTLE_ENDIAN);
    value.asLongBuffer().put(fields);
    map.update(new byte[Integer.BYTES], 0, value.array(), 0, BpfMap.BPF_ANY);
  }

  private static ByteBuffer read(BpfMap map, int index) {
    return ByteBuffer.wrap(map.value(bytes(index)).orElseThrow()).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static Map<GateModel.Answer, GateModel.Count> counted(BpfMap answers) {
    Map<GateModel.Answer, GateModel.Count> counted = new EnumMap<>(GateModel.Answer.class);
    int index = 0;
    for (GateModel.Answer answer : GateModel.Answer.values()) {
      ByteBuffer value = read(answers, index++);
      GateModel.Count count = new GateModel.Count(value.getLong(), value.getLong());
      if (count.packets() != 0 || count.bytes() != 0) {
        counted.put(answer, count);
      }
    }
    return counted;
  }

  /** Executes a counterexample; engines that cannot run it say why. */
  static Execution of(Counterexample.Gated found, ProgramObjects objects) throws EngineException {
    Hook hook = found.hook();
    byte[] object = objects.object(hook.objectOf(GateModel.NAME));
    GateModel.Result expected = GateModel.judge(hook, found.state(), found.packet());
    Map<String, String> said = new LinkedHashMap<>();
    boolean shown = false;
    for (Map.Entry<String, Function<Machine, Program.Maker>> engine : MAKERS.entrySet()) {
      try {
        GateModel.Result result =
            emulated(
                engine.getValue(), hook, object, found.state(), found.packet(), found.linear());
        shown |= !result.equals(expected);
        said.put(engine.getKey(), result.toString());
      } catch (Fault fault) {
        shown = true;
        said.put(engine.getKey(), "fault: " + fault.what());
      }
    }
    Optional<String> reason =
        FeatureProbe.unavailable().or(() -> GateTestRun.unsupported(hook, found.packet()));
    if (reason.isPresent()) {
      said.put(KernelEngine.NAME, "not run: " + reason.get());
      return new Execution(expected.toString(), said, shown);
    }
    try (GateTestRun kernel = new GateTestRun(hook, object, found.state())) {
      GateTestRun.Ran ran = kernel.run(found.packet());
      GateModel.Result there = GateModel.judge(hook, ran.state(), found.packet()).timeless();
      shown |= !ran.result().timeless().equals(there);
      said.put(KernelEngine.NAME, ran.result() + " at its own time");
    } catch (EngineException e) {
      said.put(
          "kernel", "not run: " + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
    return new Execution(expected.toString(), said, shown);
  }
}
