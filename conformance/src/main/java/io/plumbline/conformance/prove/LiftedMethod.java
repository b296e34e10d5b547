package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.IntInsnNode;
import org.objectweb.asm.tree.JumpInsnNode;
import org.objectweb.asm.tree.LdcInsnNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.VarInsnNode;

/**
 * The JVM bytecode of a method of long numbers, without loops, as a term: Java Virtual Machine
 * Specification, chapter 6. Numbers of 32 bits are kept with their sign in all 64.
 */
final class LiftedMethod {
  private static final long LOW = 0xFFFF_FFFFL;

  private final Terms terms;
  private final MethodNode method;
  private final Term[] arguments;

  private LiftedMethod(Terms terms, MethodNode method, Term[] arguments) {
    this.terms = terms;
    this.method = method;
    this.arguments = arguments;
  }

  /**
   * Returns what a static method returns; 0 and 1 for a boolean.
   *
   * @throws SymbolicException if it has an instruction that is not handled
   */
  static Term of(Terms terms, Class<?> owner, String name, Term... arguments)
      throws SymbolicException {
    ClassNode node = new ClassNode();
    try (InputStream in = owner.getResourceAsStream(owner.getSimpleName() + ".class")) {
      if (in == null) {
        throw new SymbolicException("no class file of " + owner);
      }
      new ClassReader(in).accept(node, ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    } catch (IOException e) {
      throw new SymbolicException("class file of %s: %s".formatted(owner, e.getMessage()));
    }
    for (MethodNode method : node.methods) {
      if (method.name.equals(name)) {
        return new LiftedMethod(terms, method, arguments)
            .run(method.instructions.getFirst(), new ArrayDeque<>());
      }
    }
    throw new SymbolicException("no method %s of %s".formatted(name, owner));
  }

  private Term run(AbstractInsnNode start, Deque<Term> stack) throws SymbolicException {
    AbstractInsnNode insn = start;
    while (insn != null) {
      int opcode = insn.getOpcode();
      if (opcode == Opcodes.LRETURN || opcode == Opcodes.IRETURN) {
        return stack.pop();
      } else if (opcode == Opcodes.GOTO) {
        insn = ((JumpInsnNode) insn).label;
      } else if (insn instanceof JumpInsnNode jump) {
        Term taken = condition(jump.getOpcode(), stack);
        Term there = run(jump.label, new ArrayDeque<>(stack));
        Term here = run(insn.getNext(), new ArrayDeque<>(stack));
        return terms.choice(taken, there, here);
      } else {
        if (opcode >= 0) {
          step(insn, stack);
        }
        insn = insn.getNext();
      }
    }
    throw new SymbolicException(method.name + ": it does not return");
  }

  private Term condition(int opcode, Deque<Term> stack) throws SymbolicException {
    boolean alone = opcode >= Opcodes.IFEQ && opcode <= Opcodes.IFLE;
    Term b = alone ? terms.constant(0) : stack.pop();
    Term a = stack.pop();
    return switch (opcode) {
      case Opcodes.IFEQ, Opcodes.IF_ICMPEQ -> terms.eq(a, b);
      case Opcodes.IFNE, Opcodes.IF_ICMPNE -> terms.ne(a, b);
      case Opcodes.IFLT, Opcodes.IF_ICMPLT -> terms.slt(a, b);
      case Opcodes.IFGE, Opcodes.IF_ICMPGE -> terms.not(terms.slt(a, b));
      case Opcodes.IFGT, Opcodes.IF_ICMPGT -> terms.slt(b, a);
      case Opcodes.IFLE, Opcodes.IF_ICMPLE -> terms.not(terms.slt(b, a));
      default -> throw unknown(opcode);
    };
  }

  private SymbolicException unknown(int opcode) {
    return new SymbolicException(
        "%s: JVM instruction %d: not handled".formatted(method.name, opcode));
  }

  private Term narrow(Term number) {
    return terms.signExtend(number, 32);
  }

  private void step(AbstractInsnNode insn, Deque<Term> stack) throws SymbolicException {
    int opcode = insn.getOpcode();
    if (opcode >= Opcodes.ICONST_M1 && opcode <= Opcodes.ICONST_5) {
      stack.push(terms.constant(opcode - Opcodes.ICONST_0));
      return;
    }
    switch (opcode) {
      case Opcodes.LLOAD -> stack.push(arguments[((VarInsnNode) insn).var / 2]);
      case Opcodes.LCONST_0 -> stack.push(terms.constant(0));
      case Opcodes.LCONST_1 -> stack.push(terms.constant(1));
      case Opcodes.BIPUSH, Opcodes.SIPUSH ->
          stack.push(terms.constant(((IntInsnNode) insn).operand));
      case Opcodes.LDC -> {
        if (!(((LdcInsnNode) insn).cst instanceof Number number)) {
          throw unknown(opcode);
        }
        stack.push(terms.constant(number.longValue()));
      }
      case Opcodes.L2I -> stack.push(narrow(stack.pop()));
      case Opcodes.I2L -> {}
      case Opcodes.I2B -> stack.push(terms.signExtend(stack.pop(), 8));
      case Opcodes.I2S -> stack.push(terms.signExtend(stack.pop(), 16));
      case Opcodes.LNEG -> stack.push(terms.sub(terms.constant(0), stack.pop()));
      case Opcodes.INVOKESTATIC -> call((MethodInsnNode) insn, stack);
      default -> {
        Term b = stack.pop();
        stack.push(compute(opcode, stack.pop(), b));
      }
    }
  }

  private Term compute(int opcode, Term a, Term b) throws SymbolicException {
    Term by64 = terms.and(b, terms.constant(63));
    Term by32 = terms.and(b, terms.constant(31));
    return switch (opcode) {
      case Opcodes.LADD -> terms.add(a, b);
      case Opcodes.LSUB -> terms.sub(a, b);
      case Opcodes.LMUL -> terms.mul(a, b);
      case Opcodes.LDIV -> terms.sdiv(a, b);
      case Opcodes.LREM -> terms.srem(a, b);
      case Opcodes.IDIV -> narrow(terms.sdiv(a, b));
      case Opcodes.IREM -> narrow(terms.srem(a, b));
      case Opcodes.LAND, Opcodes.IAND -> terms.and(a, b);
      case Opcodes.LOR, Opcodes.IOR -> terms.or(a, b);
      case Opcodes.LXOR, Opcodes.IXOR -> terms.xor(a, b);
      case Opcodes.LSHL -> terms.shl(a, by64);
      case Opcodes.LSHR -> terms.ashr(a, by64);
      case Opcodes.LUSHR -> terms.lshr(a, by64);
      case Opcodes.ISHR -> terms.ashr(a, by32);
      case Opcodes.LCMP -> compared(terms.slt(a, b), terms.eq(a, b));
      default -> throw unknown(opcode);
    };
  }

  private Term compared(Term less, Term equal) {
    return terms.choice(
        less, terms.constant(-1), terms.choice(equal, terms.constant(0), terms.constant(1)));
  }

  private void call(MethodInsnNode called, Deque<Term> stack) throws SymbolicException {
    String name = called.owner.substring(called.owner.lastIndexOf('/') + 1) + "." + called.name;
    switch (name) {
      case "Long.divideUnsigned" -> {
        Term b = stack.pop();
        stack.push(terms.udiv(stack.pop(), b));
      }
      case "Long.remainderUnsigned" -> {
        Term b = stack.pop();
        stack.push(terms.urem(stack.pop(), b));
      }
      case "Long.reverseBytes" -> stack.push(reversed(stack.pop(), 8));
      case "Integer.reverseBytes" -> stack.push(narrow(reversed(stack.pop(), 4)));
      case "Short.reverseBytes" -> stack.push(terms.signExtend(reversed(stack.pop(), 2), 16));
      default ->
          throw new SymbolicException("%s: call of %s: not handled".formatted(method.name, name));
    }
  }

  private Term reversed(Term number, int bytes) {
    Term all = terms.constant(0);
    for (int i = 0; i < bytes; i++) {
      Term one = terms.and(terms.lshr(number, terms.constant(8L * i)), terms.constant(0xFF));
      all = terms.or(all, terms.shl(one, terms.constant(8L * (bytes - 1 - i))));
    }
    return bytes == 8 ? all : terms.and(all, terms.constant(LOW));
  }
}
