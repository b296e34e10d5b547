package io.plumbline.loader.attach;

import io.plumbline.loader.kernel.Assembly;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.TableProgram;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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

  private final Hook hook;
  private final String name;
  private final byte[] instructions;
  private final List<AutoCloseable> held;
  private final Optional<Image.Need> needs;

  private FilterCode(
      Hook hook,
      String name,
      byte[] instructions,
      List<AutoCloseable> held,
      Optional<Image.Need> needs) {
    this.needs = needs;
    this.hook = hook;
    this.name = name;
    this.instructions = instructions;
    this.held = held;
  }

  /** Loads a subject's objects. */
  static FilterCode of(Subject subject, ObjectSource objects) throws EngineException {
    Image image = subject.image();
    List<AutoCloseable> held = new ArrayList<>();
    try {
      byte[] code = code(image, subject.hook(), objects, held);
      return new FilterCode(subject.hook(), image.entry().name(), code, held, image.needs());
    } catch (EngineException | RuntimeException e) {
      close(held);
      throw e;
    }
  }

  private static byte[] code(Image image, Hook hook, ObjectSource objects, List<AutoCloseable> held)
      throws EngineException {
    if (image.tables().isPresent()) {
      TableProgram program = TableProgram.relocate(objects, image);
      held.add(program);
      program.install(0, List.of(image));
      program.activate(0);
      return program.instructions();
    }
    if (image.tailCalls().isEmpty()) {
      return load(image.entry(), objects, held);
    }
    List<byte[]> stages = new ArrayList<>();
    for (Image.TailCall call : image.tailCalls()) {
      stages.add(load(call.program(), objects, held));
    }
    return inOrder(stages, hook);
  }

  /** Takes the instructions of a third-party object, which the caller closes. */
  static FilterCode of(Hook hook, String name, LoadedObject object) {
    return new FilterCode(hook, name, object.instructions(), new ArrayList<>(), Optional.empty());
  }

  private static byte[] load(Image.Program program, ObjectSource objects, List<AutoCloseable> held)
      throws EngineException {
    String name = program.name();
    LoadedObject object =
        LoadedObject.relocate(name, objects.object(program.object()), program.variables());
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

  /** Returns what it needs of the kernel beyond what every filter needs. */
  Optional<Image.Need> needs() {
    return needs;
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
