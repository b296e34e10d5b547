package io.plumbline.loader.attach;

import io.plumbline.loader.kernel.Assembly;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.PolicyProgram;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.RodataImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The instructions of a filter, as a function that takes the packet and returns a verdict, with the
 * maps that they refer to. Whoever loads the instructions holds the maps from then on, and this may
 * be closed.
 *
 * <p>A chain is one such function that calls its stages in order until one drops. Each stage has an
 * empty prog_array of its own, so that its tail call falls through to "accepted". A prog_array that
 * stages share would be emptied by the kernel as soon as no process and no pin holds it any more
 * (kernel {@code kernel/bpf/arraymap.c}, prog_array_map_clear), and the chain would then accept
 * everything.
 */
final class FilterCode implements AutoCloseable {
  private static final int PACKET = 6;

  /** The program that decides by a policy. */
  static final String POLICY = "intent";

  private final Hook hook;
  private final String name;
  private final byte[] instructions;
  private final List<AutoCloseable> held;

  private FilterCode(Hook hook, String name, byte[] instructions, List<AutoCloseable> held) {
    this.hook = hook;
    this.name = name;
    this.instructions = instructions;
    this.held = held;
  }

  /** Loads a subject's objects. */
  static FilterCode of(Subject subject, ObjectSource objects) throws EngineException {
    List<AutoCloseable> held = new ArrayList<>();
    try {
      if (subject instanceof Subject.Standalone alone) {
        String name = alone.program().name();
        return new FilterCode(
            subject.hook(),
            name,
            load(
                name,
                objects,
                RodataImage.standalone(alone.program(), alone.input()).symbols(),
                held),
            held);
      }
      if (subject instanceof Subject.Chained chained) {
        List<byte[]> stages = new ArrayList<>();
        int slot = 0;
        for (Chain.Stage stage : chained.chain().stages()) {
          stages.add(
              load(
                  stage.program().name(),
                  objects,
                  RodataImage.stage(stage, slot++).symbols(),
                  held));
        }
        return new FilterCode(
            subject.hook(), "dispatcher", inOrder(stages, subject.hook()), held);
      }
      if (subject instanceof Subject.Intent intent) {
        PolicyProgram program = PolicyProgram.relocate(objects);
        held.add(program);
        program.install(0, List.of(PolicyProgram.image(intent.policy())));
        program.activate(0);
        return new FilterCode(subject.hook(), POLICY, program.instructions(), held);
      }
      Subject.IntentRows rows = (Subject.IntentRows) subject;
      Map<String, byte[]> table = StrictRow.rodata(StrictRow.of(rows.policy()));
      return new FilterCode(
          subject.hook(),
          StrictRow.PROGRAM,
          load(StrictRow.PROGRAM, objects, table, held),
          held);
    } catch (PolicyException e) {
      close(held);
      throw new EngineException(String.valueOf(e.getMessage()));
    } catch (EngineException | RuntimeException e) {
      close(held);
      throw e;
    }
  }

  /** Takes the instructions of a third-party object, which the caller closes. */
  static FilterCode of(Hook hook, String name, LoadedObject object) {
    return new FilterCode(hook, name, object.instructions(), new ArrayList<>());
  }

  private static byte[] load(
      String name, ObjectSource objects, Map<String, byte[]> rodata, List<AutoCloseable> held)
      throws EngineException {
    LoadedObject object = LoadedObject.relocate(name, objects.object(name), rodata);
    held.add(object);
    return object.instructions();
  }

  /** Returns a function that calls others until one does not accept. */
  private static byte[] inOrder(List<byte[]> stages, Hook hook) {
    Assembly code = new Assembly().mov(PACKET, 1).movImm(0, hook.accept());
    for (int i = 0; i < stages.size(); i++) {
      code.mov(1, PACKET).callSubject(i).jumpNeImm(0, hook.accept(), "out");
    }
    return code.label("out").exit().before(stages);
  }

  /** Returns the hook that its verdicts are for. */
  Hook hook() {
    return hook;
  }

  /** Returns the program's name. */
  String name() {
    return name;
  }

  /** Returns whether it is a policy, which needs bpf_loop. */
  boolean isPolicy() {
    return name.equals(POLICY);
  }

  byte[] instructions() {
    return instructions;
  }

  @Override
  public void close() {
    close(held);
  }

  private static void close(List<AutoCloseable> held) {
    for (AutoCloseable closeable : held) {
      try {
        closeable.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
    held.clear();
  }
}
