package io.plumbline.emulator.engine;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The objects that the kernel runs, run on the JVM: compiled, or instruction by instruction. */
public final class EmulatorEngine implements Engine {
  /** Compiled to JVM bytecode. */
  public static final String NAME = "emulator";

  /** Instruction by instruction. */
  public static final String INTERPRETER = "interpreter";

  private final String name;
  private final ProgramObjects objects;
  private final Function<Machine, Program.Maker> maker;
  private final int linear;

  private EmulatorEngine(
      String name, ProgramObjects objects, Function<Machine, Program.Maker> maker, int linear) {
    this.name = name;
    this.objects = objects;
    this.maker = maker;
    this.linear = linear;
  }

  private EmulatorEngine(
      String name, ProgramObjects objects, Function<Machine, Program.Maker> maker) {
    this(name, objects, maker, Integer.MAX_VALUE);
  }

  /** Returns this engine for frames of which at most so many bytes are linear. */
  public EmulatorEngine withLinear(int most) {
    return new EmulatorEngine(name, objects, maker, most);
  }

  /** Returns the engine that compiles. */
  public static EmulatorEngine jit(ProgramObjects objects) {
    return new EmulatorEngine(NAME, objects, machine -> new Jit(machine, true));
  }

  /** Returns the engine that interprets. */
  public static EmulatorEngine interpreter(ProgramObjects objects) {
    return new EmulatorEngine(INTERPRETER, objects, machine -> Interpreter::of);
  }

  /** Returns an engine that interprets and shows each instruction. */
  public static EmulatorEngine traced(ProgramObjects objects, Interpreter.Tracer tracer) {
    return new EmulatorEngine(INTERPRETER, objects, machine -> Interpreter.traced(tracer));
  }

  /**
   * Returns what runs one program of an object on frames.
   *
   * @param hook what names its verdicts
   * @param type the context it is given
   * @param variables bytes of global variables, by name
   * @param maker makes what runs programs: an interpreter or a JIT
   * @param linear how many bytes of a frame are linear at most
   * @throws VmException if the program cannot be bound to its maps
   */
  public static Runner runner(
      BpfObject object,
      String program,
      Hook hook,
      ContextType type,
      Map<String, byte[]> variables,
      Function<Machine, Program.Maker> maker,
      int linear)
      throws VmException {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, type);
    frames.linear(linear);
    Program entry =
        new Linker(machine, maker.apply(machine))
            .link(object, List.of(program), variables, Map.of())
            .program(program);
    return new EmulatorRunner(hook, machine, entry, frames);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Optional<String> unavailable() {
    return Optional.empty();
  }

  @Override
  public Runner load(Subject subject) throws EngineException {
    return loadAll(List.of(subject)).get(0);
  }

  @Override
  public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
    Runner[] runners = new Runner[subjects.size()];
    List<Image> images = new ArrayList<>();
    // Images of one program at one hook share a machine: which of them is active is in a map.
    Map<List<Object>, List<Integer>> shared = new LinkedHashMap<>();
    for (int i = 0; i < subjects.size(); i++) {
      Image image = subjects.get(i).image();
      Hook hook = subjects.get(i).hook();
      images.add(image);
      if (image.tables().isPresent()) {
        shared
            .computeIfAbsent(List.of(hook, image.entry().name()), any -> new ArrayList<>())
            .add(i);
      } else {
        runners[i] = EmulatorRunner.of(name, objects, maker, hook, image, linear);
      }
    }
    for (List<Integer> group : shared.values()) {
      Hook hook = subjects.get(group.get(0)).hook();
      TableMachine machine =
          new TableMachine(
              name, objects, maker, hook, group.stream().map(images::get).toList(), linear);
      for (int slot = 0; slot < group.size(); slot++) {
        runners[group.get(slot)] = machine.runner(slot);
      }
    }
    return List.of(runners);
  }
}
