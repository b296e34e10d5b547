package io.plumbline.emulator.jit;

import io.plumbline.emulator.semantics.Alu;
import io.plumbline.emulator.semantics.Condition;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.MethodNode;

/**
 * The bytecode of a method that defines what an instruction computes, copied into compiled code
 * with operands in place of parameters. So there is one definition, and compiled code pays nothing
 * for it.
 */
final class Template {
  private static final Map<String, Template> COMPUTATIONS = read(Alu.class);
  private static final Map<String, Template> CONDITIONS = read(Condition.class);

  private final MethodNode method;
  private final @Nullable AbstractInsnNode lastReturn;

  private Template(MethodNode method) {
    this.method = method;
    AbstractInsnNode last = method.instructions.getLast();
    while (last != null && last.getOpcode() < 0) {
      last = last.getPrevious();
    }
    lastReturn = last;
  }

  private static Map<String, Template> read(Class<?> definitions) {
    Map<String, Template> all = new HashMap<>();
    try (InputStream in = definitions.getResourceAsStream(definitions.getSimpleName() + ".class")) {
      if (in == null) {
        throw new IllegalStateException("jit: no class file of " + definitions);
      }
      ClassNode node = new ClassNode();
      new ClassReader(in).accept(node, ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
      for (MethodNode method : node.methods) {
        if (!method.name.startsWith("<")) {
          all.put(method.name, new Template(method));
        }
      }
      return all;
    } catch (IOException e) {
      throw new IllegalStateException("jit: class file of " + definitions, e);
    }
  }

  /** Returns what an arithmetic instruction computes, by {@code Opcode.semantics()}. */
  static Template computation(String semantics) {
    return find(COMPUTATIONS, semantics);
  }

  /** Returns when a conditional jump is taken, by {@code Opcode.semantics()}. */
  static Template condition(String semantics) {
    return find(CONDITIONS, semantics);
  }

  private static Template find(Map<String, Template> among, String semantics) {
    Template template = among.get(semantics);
    if (template == null) {
      throw new IllegalStateException("jit: no definition of " + semantics);
    }
    return template;
  }

  /** Returns about how many bytes of code it takes. */
  int size() {
    return 3 * method.instructions.size();
  }

  /**
   * Copies the code.
   *
   * @param a puts the first operand on the stack
   * @param b puts the second operand on the stack
   */
  void emit(MethodVisitor to, Runnable a, Runnable b) {
    Label end = new Label();
    // The labels of the code are written to as it is copied.
    synchronized (method) {
      method.instructions.resetLabels();
      for (AbstractInsnNode insn = method.instructions.getFirst();
          insn != null;
          insn = insn.getNext()) {
        switch (insn.getOpcode()) {
          case Opcodes.LLOAD -> {
            boolean first = ((org.objectweb.asm.tree.VarInsnNode) insn).var == 0;
            (first ? a : b).run();
          }
          case Opcodes.LRETURN, Opcodes.IRETURN -> {
            if (insn != lastReturn) {
              to.visitJumpInsn(Opcodes.GOTO, end);
            }
          }
          default -> insn.accept(to);
        }
      }
    }
    to.visitLabel(end);
  }
}
